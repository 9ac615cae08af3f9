"""Reading commits: resolving names, single files, and archives of folders."""

import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from carelane.base.errors import InputError, NotFoundError, PlatformError

ARCHIVE_BYTES = 512 << 20
TEXT_BYTES = 16 << 20
"""So much of a commit is read at most: a few trees that name each other stand for any number of files."""
LISTED_BYTES = 16 << 20
"""The same for the names in it: some 200,000 files."""
READ_SECONDS = 300.0
ERROR_BYTES = 4 << 10
SUBMODULE = b"160000 "
NAMING = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"),
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_QUARANTINE_PATH"),
)
"""Variables by which git tells its hooks in which repository they are: who starts a server may be one."""


@dataclass(frozen=True)
class Commit:
    """A commit, and what people call it: the tag it was asked by, its highest one, or its SHA's beginning."""

    sha: str
    name: str


class GitRepository:
    """The git repository that *folder* lies in; paths are relative to *folder*."""

    def __init__(self, folder: Path, also: Path | None = None) -> None:
        """*also* is a bare repository: commits pushed there are fetched when they are first asked for."""
        self._folder = folder
        self._also = also

    def resolve(self, revision: str) -> Commit:
        """The commit that *revision* (a SHA or its beginning, a tag, a branch) names.

        Raises:
            NotFoundError: If it names none.
        """
        done = self._parsed(revision)
        if done.returncode != 0 and self._also is not None and self._also.is_dir():
            # Into refs of our own: the user's branches, tags and remotes are theirs, and what a pipeline
            # pushed names nothing of theirs. Without --no-tags git brings tags along on its own account.
            only = (
                "--quiet",
                "--no-write-fetch-head",
                "--no-tags",
                "--no-auto-gc",
                "--no-recurse-submodules",
            )
            self._git("fetch", *only, str(self._also), "+refs/*:refs/carelane/pushed/*")
            done = self._parsed(revision)
        if done.returncode != 0:
            self._check_repository()
            raise NotFoundError(
                f"no commit {revision!r} in {self._folder}", hint="`git log --oneline` lists them"
            )
        sha = done.stdout.decode().strip()
        # By version, so that v10 comes after v9.
        tags = self._git("tag", "--sort=version:refname", "--points-at", sha).stdout.decode().split()
        said = revision.removeprefix("refs/tags/")
        return Commit(sha, said if said in tags else tags[-1] if tags else sha[:12])

    def _parsed(self, revision: str) -> "subprocess.CompletedProcess[bytes]":
        return self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")

    def uncommitted(self, paths: list[str]) -> list[str]:
        """Which of *paths*, or of what is below them, differ from what is committed last."""
        done = self._git("status", "--porcelain", "-z", "--no-renames", "--", *paths)
        return [line[3:] for line in done.stdout.decode(errors="replace").split("\0") if line]

    def file(self, sha: str, path: str) -> str:
        """The text of the file *path* at commit *sha*; raises NotFoundError."""
        done = self._read(TEXT_BYTES, f"{path} of {sha[:12]}", "show", f"{sha}:./{path}")
        if done.returncode != 0:
            raise NotFoundError(f"commit {sha[:12]} has no {path}", hint="add it and commit")
        try:
            return done.stdout.decode()
        except UnicodeDecodeError as error:
            raise InputError(
                f"{path} of commit {sha[:12]} is no text: {error}", hint="write it as UTF-8"
            ) from error

    def archive(self, sha: str, paths: list[str]) -> bytes:
        """A tar of *paths* at commit *sha*.

        Raises:
            InputError: Where one is not there, it is too long, or a submodule is in it, whose files are not.
        """
        what = f"{', '.join(paths)} of {sha[:12]}"
        self._refuse_submodules(sha, paths, what)
        done = self._read(ARCHIVE_BYTES, what, "archive", "--format=tar", sha, "--", *paths)
        if done.returncode != 0:
            raise InputError(
                f"cannot pack {what}: {done.stderr.decode(errors='replace').strip()}",
                hint="`source` in carelane.yaml names committed files and folders",
            )
        return done.stdout

    def _refuse_submodules(self, sha: str, paths: list[str], what: str) -> None:
        """An archive has an empty folder in the place of each: another repository's commit is named there.

        Git says each name as it comes to it, folders too: a tree without end is known by its list, where who
        packs it says nothing until it has gone through all of it.
        """
        listed = self._read(LISTED_BYTES, f"the list of {what}", "ls-tree", "-rtz", sha, "--", *paths).stdout
        rows = (row.partition(b"\t") for row in listed.split(b"\0"))
        found = [path.decode(errors="replace") for about, _, path in rows if about.startswith(SUBMODULE)]
        if found:
            raise InputError(
                f"cannot pack {', '.join(found)}: a submodule, whose files are in another repository",
                hint="commit the files themselves (git subtree), or leave it out of `source`",
            )

    def _check_repository(self) -> None:
        done = self._git("rev-parse", "--git-dir")
        if done.returncode != 0:
            raise InputError(
                f"{self._folder} is in no git repository: {done.stderr.decode().strip()}",
                hint="releases are made from commits: git init, git add, git commit",
            )

    def _read(self, most: int, what: str, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
        """What git prints, of which no more than *most* bytes are taken in; raises InputError beyond.

        And where it has not ended after five minutes: whoever asks holds up a server that is to end.
        """
        with (
            tempfile.TemporaryFile() as said,
            self._begun(arguments, said) as process,
            _ended_after(READ_SECONDS, process) as late,
        ):
            out = process.stdout.read(most + 1) if process.stdout is not None else b""
            if len(out) > most:
                process.kill()
                raise InputError(
                    f"{what} has more than {most >> 20} MiB",
                    hint="a release is what is run, not data: `source` in carelane.yaml says what it holds",
                )
            code = process.wait()
            if late.is_set():
                raise InputError(f"{what} cannot be read within {READ_SECONDS:.0f} s")
            said.seek(0)
            return subprocess.CompletedProcess(process.args, code, out, said.read(ERROR_BYTES))

    def _begun(self, arguments: tuple[str, ...], said: IO[bytes]) -> "subprocess.Popen[bytes]":
        try:
            return subprocess.Popen(
                ["git", *arguments],
                cwd=self._folder,
                env=_elsewhere(),
                stdout=subprocess.PIPE,
                stderr=said,
            )
        except FileNotFoundError:
            raise PlatformError("git is missing", hint="apt-get install git") from None

    def _git(self, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
        try:
            return subprocess.run(
                ["git", *arguments], cwd=self._folder, env=_elsewhere(), capture_output=True, check=False
            )
        except FileNotFoundError:
            raise PlatformError("git is missing", hint="apt-get install git") from None


@contextmanager
def _ended_after(seconds: float, process: "subprocess.Popen[bytes]") -> Iterator[threading.Event]:
    """Kill *process* once *seconds* have gone by, which the event says."""
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


def _elsewhere() -> dict[str, str]:
    """The environment, but for what names another repository than that of the folder."""
    return {name: value for name, value in os.environ.items() if name not in NAMING}
