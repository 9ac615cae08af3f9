"""localhub's JobFiles port in memory."""

import json
from pathlib import Path

from localhub.runs.ports import Kept, Order, first_artifact_id
from localhub.runs.records import Annotation

Cache = tuple[str, str, str, str]
"""Repository, ref, key and version."""


class FakeJobFiles:
    """The JobFiles port: artifacts by run, caches by branch; of jobs that mean no harm."""

    def __init__(self) -> None:
        self._artifacts: dict[tuple[str, int], dict[str, tuple[int, dict[str, bytes]]]] = {}
        self._caches: dict[Cache, bytes] = {}

    def lay(self, order: Order, artifacts: Path, caches: Path) -> None:
        for name, (number, files) in self._artifacts.get((order.repository, order.run_id), {}).items():
            for path, content in files.items():
                place = artifacts / str(number) / name / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
        index = []
        for number, ((repository, ref, key, version), content) in enumerate(self._caches.items()):
            if repository == order.repository and ref in _readable(order):
                (caches / f"{number}.tar").write_bytes(content)
                index.append({"key": key, "version": version, "file": f"{number}.tar"})
        (caches / "index.json").write_text(json.dumps(index))

    def keep(self, order: Order, out: Path) -> Kept:
        problems = self._keep_artifacts(order, out)
        for entry in sorted((out / "caches").glob("*.json")):
            said = json.loads(entry.read_text())
            place = (order.repository, order.environment["GITHUB_REF"], said["key"], said["version"])
            self._caches.setdefault(place, entry.with_suffix(".tar").read_bytes())
        outputs: dict[str, str] = {}
        try:
            outputs = _outputs(out / "outputs.json")
        except (ValueError, AttributeError) as problem:
            problems.insert(0, f"The job's outputs are lost: {problem}")
        remarks = tuple(Annotation("failure", words) for words in problems)
        return Kept(outputs, remarks, failed=bool(remarks))

    def _keep_artifacts(self, order: Order, out: Path) -> list[str]:
        kept = self._artifacts.setdefault((order.repository, order.run_id), {})
        problems = []
        names = (out / "uploaded").read_text().split("\n") if (out / "uploaded").exists() else []
        folders = sorted(
            (out / "artifacts").iterdir(), key=lambda f: names.index(f.name) if f.name in names else 99
        )
        for number, folder in enumerate(folders, first_artifact_id(order.job_id)):
            if folder.name in kept:
                problems.append(f"artifact {folder.name!r} is not kept: this run has one of that name")
                continue
            files = [path for path in folder.rglob("*") if path.is_file()]
            contents = {str(path.relative_to(folder)): path.read_bytes() for path in files}
            kept[folder.name] = (number, contents)
        return problems


def _readable(order: Order) -> set[str]:
    """Branches whose caches a job is given."""
    names = ("GITHUB_REF", "LOCALHUB_DEFAULT_REF")
    return {order.environment.get(name, "") for name in names} | {
        f"refs/heads/{order.environment.get('GITHUB_BASE_REF', '')}"
    }


def _outputs(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    said = json.loads(file.read_text()).items()
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in said}
    return {name: text for name, text in texts.items() if text not in {"", "null"}}
