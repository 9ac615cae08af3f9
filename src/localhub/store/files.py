"""Artifacts and caches, the JobFiles port: folders on disk beside their rows."""

import contextlib
import json
import os
import re
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import sqlalchemy as sa

from localhub.runs.ports import MOST_ARTIFACTS, Kept, Order, StoreUnavailableError, first_artifact_id
from localhub.runs.records import Annotation
from localhub.store import database, harvest, tables

VALID_NAME = re.compile(r"[^\"':<>|*?\r\n\\/\x00\ud800-\udfff]{1,255}")
LARGEST_REPOSITORY_CACHE_BYTES = 10 << 30
"""As on GitHub: those that were not used for longest are evicted beyond it."""

LARGEST_DESCRIPTION_BYTES = 1 << 16


@dataclass(frozen=True)
class Artifact:
    """Files that a run keeps."""

    id: int
    repository: str
    run_id: int
    job_id: int
    name: str
    size_bytes: int
    created_at: str
    sha: str


@dataclass(frozen=True)
class CacheEntry:
    """Files kept from run to run."""

    id: int
    repository: str
    ref: str
    key: str
    version: str
    size_bytes: int
    created_at: str
    used_at: str


class Files:
    """Keeps artifacts as plain files and caches as archives, under one folder."""

    def __init__(self, engine: sa.Engine, folder: Path) -> None:
        self._engine, self._reading = engine, database.reading(engine)
        self._folder = folder

    def lay(self, order: Order, artifacts: Path, caches: Path) -> None:
        """Puts the run's artifacts and the caches that the job's branch may read where its actions look."""
        for artifact in self.artifacts(order.repository, run_id=order.run_id):
            place = artifacts / str(artifact.id) / artifact.name
            shutil.copytree(self._artifact(artifact.id), place, copy_function=_linked)
        index = []
        readable = {
            order.environment.get("GITHUB_REF", ""),
            order.environment.get("LOCALHUB_DEFAULT_REF", ""),
        }
        readable.add(f"refs/heads/{order.environment.get('GITHUB_BASE_REF', '')}")
        for entry in self.caches(order.repository):
            source = self._cache(entry.id)
            if entry.ref in readable and source.exists():
                _linked(str(source), str(caches / f"{entry.id}.tar"))
                index.append({"key": entry.key, "version": entry.version, "file": f"{entry.id}.tar"})
        (caches / "index.json").write_text(json.dumps(index), encoding="utf-8")

    def keep(self, order: Order, out: Path) -> Kept:
        """Keeps a job's outputs, artifacts and caches, and says what could not be kept."""
        problems: list[Annotation] = []
        outputs: dict[str, str] = {}
        try:
            outputs = harvest.outputs(out / "outputs.json")
        except (ValueError, TypeError, OSError) as problem:
            problems.append(Annotation("failure", f"The job's outputs are lost: {problem}"))
        problems += [Annotation("failure", words) for words in self._keep_artifacts(order, out)]
        failed = bool(problems)
        self._note_used(order, out / "used")
        problems += [Annotation("warning", words) for words in self._keep_caches(order, out / "caches")]
        return Kept(outputs, tuple(problems), failed)

    def _keep_artifacts(self, order: Order, out: Path) -> list[str]:
        """What could not be kept; the limits are a job's, not an artifact's: many bombs are one."""
        problems: list[str] = []
        room = harvest.LARGEST_ARTIFACTS_BYTES
        found = harvest.uploaded(out)
        for number, folder in enumerate(found[:MOST_ARTIFACTS], first_artifact_id(order.job_id)):
            over = os.path.lexists(out / "overwrite" / folder.name)
            size, words = self._keep_artifact(order, number, folder, room, replace=over)
            room -= size
            problems += [words] if words else []
        if len(found) > MOST_ARTIFACTS:
            problems.append(f"more than {MOST_ARTIFACTS} artifacts: the others are not kept")
        return problems

    def _keep_caches(self, order: Order, out: Path) -> list[str]:
        if not out.is_dir() or out.is_symlink():
            return []
        entries = sorted(out.glob("*.json"))
        problems = [self._keep_cache(order, entry) for entry in entries[: harvest.MOST_CACHES]]
        if len(entries) > harvest.MOST_CACHES:
            problems.append(f"more than {harvest.MOST_CACHES} caches: the others are not kept")
        return [words for words in problems if words]

    def _keep_artifact(
        self, order: Order, number: int, folder: Path, room: int, *, replace: bool
    ) -> tuple[int, str | None]:
        """Its bytes, and why it is not kept where it is not."""
        if not VALID_NAME.fullmatch(folder.name):
            return 0, f"artifact {folder.name!r} is not kept: its name is not valid"
        of_run = self.artifacts(order.repository, run_id=order.run_id)
        same = [each for each in of_run if each.name == folder.name]
        if not replace and any(self._attempt(each.job_id) == self._attempt(order.job_id) for each in same):
            return 0, f"artifact {folder.name!r} is not kept: an artifact of this name exists in this run"
        target = self._artifact(number)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            size = harvest.taken_over(folder, target, room)
        except (ValueError, OSError) as problem:
            return 0, f"artifact {folder.name!r} is not kept: {problem}"
        row = {
            "id": number,
            "repository": order.repository,
            "run_id": order.run_id,
            "job_id": order.job_id,
            "name": folder.name,
            "size_bytes": size,
            "created_at": _now(),
            "sha": order.sha,
        }
        with self._engine.begin() as connection:
            connection.execute(sa.insert(tables.artifacts).values(**row))
        for each in same:
            self.delete_artifact(each)
        return size, None

    def _note_used(self, order: Order, path: Path) -> None:
        """Which caches the job's actions restored, as far as that can be read and noted."""
        with contextlib.suppress(OSError, ValueError, StoreUnavailableError):
            files = set(harvest.text_of(path, LARGEST_DESCRIPTION_BYTES).splitlines())
            used = [entry.id for entry in self.caches(order.repository) if f"{entry.id}.tar" in files]
            with self._engine.begin() as connection:
                statement = sa.update(tables.caches).where(tables.caches.c.id.in_(used))
                connection.execute(statement.values(used_at=datetime.now(UTC).isoformat()))

    def _attempt(self, job_id: int) -> int | None:
        """The attempt that a job belongs to: names are taken for one attempt of a run only."""
        with self._reading.connect() as connection:
            return connection.scalar(sa.select(tables.jobs.c.attempt).where(tables.jobs.c.id == job_id))

    def _keep_cache(self, order: Order, entry: Path) -> str | None:
        archive = entry.with_suffix(".tar")
        try:
            data = json.loads(harvest.text_of(entry, LARGEST_DESCRIPTION_BYTES))
            key, version = str(data["key"]), str(data["version"])
            f"{key}{version}".encode()
        except (ValueError, KeyError, TypeError, OSError) as problem:
            return f"a cache is not kept: {problem}"
        ref = order.environment.get("GITHUB_REF", "")
        if any(
            (each.key, each.version, each.ref) == (key, version, ref)
            for each in self.caches(order.repository)
        ):
            return None
        with self._engine.begin() as connection:
            number = database.next_id(connection, "caches")
        target = self._cache(number)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            size = harvest.file_taken_over(archive, target, harvest.LARGEST_CACHE_BYTES)
        except (ValueError, OSError) as problem:
            return f"cache {key!r} is not kept: {problem}"
        now = _now()
        row = {"id": number, "repository": order.repository, "ref": ref, "key": key, "version": version}
        with self._engine.begin() as connection:
            statement = sa.insert(tables.caches).prefix_with("OR IGNORE")
            connection.execute(statement.values(**row, size_bytes=size, created_at=now, used_at=now))
        self._evict(order.repository)
        return None

    def _evict(self, repository: str) -> None:
        entries = sorted(self.caches(repository), key=lambda entry: entry.used_at, reverse=True)
        room = LARGEST_REPOSITORY_CACHE_BYTES
        for entry in entries:
            room -= entry.size_bytes
            if room < 0:
                self.delete_cache(entry)

    def artifacts(self, repository: str, *, run_id: int | None = None) -> list[Artifact]:
        """The repository's artifacts, or one run's; newest first."""
        query = sa.select(tables.artifacts).where(tables.artifacts.c.repository == repository)
        if run_id is not None:
            query = query.where(tables.artifacts.c.run_id == run_id)
        with self._reading.connect() as connection:
            rows = connection.execute(query.order_by(tables.artifacts.c.id.desc())).mappings().all()
        return [Artifact(**row) for row in rows]

    def delete_artifact(self, artifact: Artifact) -> None:
        """Forgets an artifact and removes its files."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(tables.artifacts).where(tables.artifacts.c.id == artifact.id))
        shutil.rmtree(self._artifact(artifact.id), ignore_errors=True)

    def artifact_zip(self, artifact: Artifact) -> IO[bytes]:
        """The artifact as one ZIP, in a file that is gone once closed."""
        out = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - whoever reads it closes it
        root = self._artifact(artifact.id)
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as whole:
            for path in sorted(root.rglob("*")):
                if path.is_file():
                    whole.write(path, str(path.relative_to(root)))
        out.seek(0)
        return out

    def caches(self, repository: str) -> list[CacheEntry]:
        """The repository's caches, newest first."""
        query = sa.select(tables.caches).where(tables.caches.c.repository == repository)
        with self._reading.connect() as connection:
            rows = connection.execute(query.order_by(tables.caches.c.id.desc())).mappings().all()
        return [CacheEntry(**row) for row in rows]

    def unused(self, repository: str, since: datetime) -> list[CacheEntry]:
        """The caches that nobody has used *since*."""
        return [entry for entry in self.caches(repository) if entry.used_at < since.isoformat()]

    def without_run(self) -> list[Artifact]:
        """The artifacts of runs that are gone."""
        known = sa.select(tables.runs.c.id)
        query = sa.select(tables.artifacts).where(tables.artifacts.c.run_id.not_in(known))
        with self._reading.connect() as connection:
            return [Artifact(**row) for row in connection.execute(query).mappings()]

    def delete_cache(self, entry: CacheEntry) -> None:
        """Forgets a cache and removes its file."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(tables.caches).where(tables.caches.c.id == entry.id))
        self._cache(entry.id).unlink(missing_ok=True)

    def _artifact(self, number: int) -> Path:
        return self._folder / "artifacts" / str(number)

    def _cache(self, number: int) -> Path:
        return self._folder / "caches" / f"{number}.tar"


def _linked(source: str, target: str) -> str:
    """A hard link: nothing is copied, and the sandbox sees it read-only."""
    os.link(source, target)
    return target


def _now() -> str:
    return datetime.now(UTC).isoformat()
