"""What every JobFiles must do."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from localhub.runs.ports import JobFiles, Kept, Order, first_artifact_id

MAIN, TOPIC = "refs/heads/main", "refs/heads/topic"
JOB = Order(
    run_id=1,
    job_id=10,
    repository="acme/app",
    sha="a" * 40,
    event="push",
    payload={},
    workflow={},
    steps=(),
    environment={"GITHUB_REF": MAIN, "LOCALHUB_DEFAULT_REF": MAIN},
)
TOPICS = replace(JOB, environment={"GITHUB_REF": TOPIC, "LOCALHUB_DEFAULT_REF": MAIN})


@dataclass
class Given:
    """What a job was given."""

    artifacts: dict[str, str] = field(default_factory=dict)  # texts by artifact/path
    numbers: dict[str, int] = field(default_factory=dict, compare=False)  # by artifact
    caches: dict[tuple[str, str], str] = field(default_factory=dict)  # contents by key and version


class JobFilesContract:
    """Subclasses give `files`: a new JobFiles that has kept nothing."""

    @pytest.fixture
    def files(self, tmp_path: Path) -> JobFiles:
        raise NotImplementedError

    @pytest.fixture
    def left(self, files: JobFiles, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Kept]:
        """Keeps what a job left in its out folder: `artifacts`, `caches` and others by name."""

        def keep(
            order: Order,
            artifacts: Mapping[str, str] | None = None,
            caches: Mapping[tuple[str, str], str] | None = None,
            **texts: str,
        ) -> Kept:
            out = tmp_path_factory.mktemp("out")
            for name in ("artifacts", "caches"):
                (out / name).mkdir()
            for path, text in (artifacts or {}).items():
                (out / "artifacts" / path).parent.mkdir(parents=True, exist_ok=True)
                (out / "artifacts" / path).write_text(text)
            for number, ((key, version), text) in enumerate((caches or {}).items()):
                (out / "caches" / f"{number}.json").write_text(json.dumps({"key": key, "version": version}))
                (out / "caches" / f"{number}.tar").write_text(text)
            for name, text in texts.items():
                (out / (name if name == "uploaded" else f"{name}.json")).write_text(text)
            return files.keep(order, out)

        return keep

    @pytest.fixture
    def given(self, files: JobFiles, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Order], Given]:
        """What a job is given."""

        def lay(order: Order) -> Given:
            folder = tmp_path_factory.mktemp("in")
            artifacts, caches = folder / "artifacts", folder / "caches"
            artifacts.mkdir()
            caches.mkdir()
            files.lay(order, artifacts, caches)
            index: list[dict[str, Any]] = json.loads((caches / "index.json").read_text())
            folders = list(artifacts.glob("*/*"))
            texts = [(str(path.relative_to(f.parent)), path) for f in folders for path in f.rglob("*.txt")]
            return Given(
                {name: path.read_text() for name, path in texts},
                {folder.name: int(folder.parent.name) for folder in folders},
                {(each["key"], each["version"]): (caches / each["file"]).read_text() for each in index},
            )

        return lay

    def test_the_first_job_is_given_nothing(self, given: Callable[[Order], Given]) -> None:
        assert given(JOB) == Given()

    def test_a_job_that_leaves_nothing_is_fine(self, left: Callable[..., Kept]) -> None:
        assert left(JOB) == Kept()

    def test_outputs_are_texts_and_empty_ones_are_none(self, left: Callable[..., Kept]) -> None:
        kept = left(JOB, outputs=json.dumps({"v": "1.10", "n": 2, "e": "", "none": None, "u": "ü🚀"}))
        assert kept == Kept({"v": "1.10", "n": "2", "u": "ü🚀"})

    @pytest.mark.parametrize("text", ["{", "[]", '"x"', ""])
    def test_outputs_that_cannot_be_read_fail_the_job_and_are_said(
        self, left: Callable[..., Kept], text: str
    ) -> None:
        kept = left(JOB, outputs=text)
        assert (kept.outputs, kept.failed) == ({}, True)
        assert [each.level for each in kept.problems] == ["failure"]
        assert "outputs" in kept.problems[0].message

    def test_artifacts_are_given_to_the_jobs_of_their_run_alone(
        self, left: Callable[..., Kept], given: Callable[[Order], Given]
    ) -> None:
        artifacts = {"dist/a.txt": "a", "dist/sub/b.txt": "b", "ä b/c.txt": "c"}
        assert left(JOB, artifacts) == Kept()
        assert given(replace(JOB, job_id=11)).artifacts == artifacts
        assert given(replace(JOB, run_id=2)).artifacts == {}
        assert given(replace(JOB, repository="acme/other")).artifacts == {}

    def test_artifacts_have_the_numbers_that_the_job_could_foretell(
        self, left: Callable[..., Kept], given: Callable[[Order], Given]
    ) -> None:
        left(JOB, {"a/a.txt": "a", "b\u2028/b.txt": "b"}, uploaded="b\u2028\na\n")
        left(replace(JOB, job_id=11), {"c/c.txt": "c"}, uploaded="c\n")
        first, second = first_artifact_id(10), first_artifact_id(11)
        assert given(JOB).numbers == {"b\u2028": first, "a": first + 1, "c": second}

    def test_an_artifact_whose_name_is_taken_fails_its_job_and_the_first_stays(
        self, left: Callable[..., Kept], given: Callable[[Order], Given]
    ) -> None:
        left(JOB, {"dist/a.txt": "first"})
        kept = left(replace(JOB, job_id=11), {"dist/a.txt": "second", "other/b.txt": "b"})
        assert kept.failed
        assert ["'dist'" in each.message for each in kept.problems] == [True]
        assert given(JOB).artifacts == {"dist/a.txt": "first", "other/b.txt": "b"}

    def test_caches_are_given_to_later_runs_of_their_repository(
        self, left: Callable[..., Kept], given: Callable[[Order], Given]
    ) -> None:
        caches = {("pip-1", "v1"): "one", ("pip-1", "v2"): "two"}
        assert left(JOB, caches=caches) == Kept()
        assert given(replace(JOB, run_id=2)).caches == caches
        assert given(replace(JOB, run_id=2, repository="acme/other")).caches == {}

    def test_a_cache_that_is_kept_is_not_kept_again(
        self, left: Callable[..., Kept], given: Callable[[Order], Given]
    ) -> None:
        left(JOB, caches={("k", "v"): "first"})
        assert left(replace(JOB, run_id=2), caches={("k", "v"): "second"}) == Kept()
        assert given(JOB).caches == {("k", "v"): "first"}

    def test_a_branch_is_given_its_own_caches_and_the_default_branchs_alone(
        self, left: Callable[..., Kept], given: Callable[[Order], Given]
    ) -> None:
        left(JOB, caches={("of main", "v"): "m"})
        left(TOPICS, caches={("of topic", "v"): "t"})
        assert given(JOB).caches == {("of main", "v"): "m"}
        assert given(TOPICS).caches == {("of main", "v"): "m", ("of topic", "v"): "t"}
        pulls = replace(JOB, environment={"GITHUB_REF": "refs/pull/1/merge", "GITHUB_BASE_REF": "topic"})
        assert given(pulls).caches == {("of topic", "v"): "t"}
