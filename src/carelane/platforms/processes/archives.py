"""What was packed: archives by their SHA-256, unpacked read-only, and dependencies built once a lock."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from carelane.base.errors import InputError, PlatformError
from carelane.delivery.releases import Artifact
from carelane.platforms.processes import dependencies, manifests, packing
from carelane.platforms.processes.programs import Programs

log = structlog.get_logger()
PART, DAMAGED = ".part-", ".damaged-"
AGAIN = "`carelane release create` of the same commit makes it again"


class Archives:
    """The artifacts below *root*: ``archives/``, ``trees/`` and ``dependencies/``."""

    def __init__(self, root: Path) -> None:
        self._archives = root / "archives"
        self._trees = root / "trees"
        self._dependencies = root / "dependencies"
        self._programs = Programs()
        for folder in (self._archives, self._trees, self._dependencies):
            folder.mkdir(parents=True, exist_ok=True)

    def end(self) -> None:
        """Make nothing more: what is being made ends unmade."""
        self._programs.end()

    # -- packing

    def pack(self, raw: bytes) -> str:
        """Keep the files of the tar stream *raw*; returns the digest of their canonical archive.

        Order, owners and times are made the same, so that equal contents have equal digests.

        Raises:
            InputError: Where a file could not be what it is in the repository, by its name.
        """
        packed = packing.canonical(raw)
        digest = hashlib.sha256(packed).hexdigest()
        target = self._archives / f"{digest}.tar"
        _asked_for(target)
        if not target.exists() or target.read_bytes() != packed:
            _write_whole(target, packed)
        return digest

    def member(self, digest: str, name: str) -> bytes:
        """One file of an archive; raises InputError where it has none of that name."""
        with tarfile.open(self._archives / f"{digest}.tar") as tar:
            try:
                found = tar.extractfile(name)
            except KeyError:
                found = None
            if found is None:
                raise InputError(
                    f"{name} is not among the packed files", hint="add it to the service's source"
                )
            return found.read()

    def build(
        self, lock: bytes, *, fenced_only: bool = False, say: Callable[[str], None] = log.warning
    ) -> str:
        """Install what *lock* lists into an environment of its own, unless that was done before.

        Args:
            lock: In pip's format.
            fenced_only: Whether it is refused where there is no sandbox to do it in.
            say: Is told what whoever asked has to know.

        Raises:
            RefusedError: If there has to be a sandbox, and none can be made.
            PlatformError: If an installation fails; its last words are in the message.
        """
        key = lock + f"\n# {sys.implementation.cache_tag} {sys.platform} {os.uname().machine}".encode()
        digest = hashlib.sha256(key).hexdigest()
        _asked_for(self.dependencies(digest))
        # Whoever asks for the same at the same time waits, and finds it done.
        with alone(self.dependencies(digest)):
            if self._damaged(digest) is not None:
                remark = self._install(digest, lock, fenced_only=fenced_only)
                if remark:
                    say(remark)
        return digest

    def _damaged(self, digest: str) -> str | None:
        """What is wrong with an environment; what an earlier version made is taken as it is found."""
        folder = self.dependencies(digest)
        if not folder.exists():
            return "they are missing"
        if not manifests.known(folder):
            manifests.write(folder)
        return manifests.damage(folder)

    def _install(self, digest: str, lock: bytes, *, fenced_only: bool) -> str:
        requirements = self._dependencies / f"{digest}.txt"
        requirements.write_bytes(lock)
        with _part(self._dependencies) as part:
            part.rmdir()  # it is made by whoever installs
            remark = dependencies.install(part, requirements, self._programs, fenced_only=fenced_only)
            _put_in_place(part, self.dependencies(digest))
        return remark

    # -- using

    def dependencies(self, digest: str) -> Path:
        """The environment built from the lock of *digest*."""
        return self._dependencies / digest

    def unpacked(self, digest: str) -> Path:
        """The archive's files, read-only; unpacked the first time, and again where they were damaged.

        Raises:
            PlatformError: If the archive is missing or not what its digest says.
        """
        tree = self._trees / digest
        _asked_for(tree)
        if manifests.damage(tree) is not None:
            with alone(tree):
                if manifests.damage(tree) is not None:
                    self._unpack(digest, tree)
        return tree

    def _unpack(self, digest: str, tree: Path) -> None:
        self._check(digest)
        with _part(self._trees) as part:
            with tarfile.open(self._archives / f"{digest}.tar") as tar:
                packing.extract(tar, part)
            compiled = ["-q", "-s", str(part), "-p", str(tree), str(part)]
            self._programs.run("compiling", [sys.executable, "-I", "-S", "-m", "compileall", *compiled])
            for path in (part, *part.rglob("*")):
                if not path.is_symlink():
                    path.chmod(0o555 if path.is_dir() else path.stat().st_mode & 0o555)
            _put_in_place(part, tree)

    def verify(self, artifact: Artifact, *, quick: bool = False) -> None:
        """Check that the archive, its files and its dependencies are there and what they were made as.

        Damaged files are unpacked again; dependencies are not, for that may need the network. Looking
        through thousands of files takes a third of a second: *quick* only sees that they are there.
        """
        _asked_for(self._archives / f"{artifact.archive}.tar")
        self._check(artifact.archive)
        self.unpacked(artifact.archive)
        if artifact.dependencies is None:
            return
        _asked_for(self.dependencies(artifact.dependencies))
        if not self.dependencies(artifact.dependencies).exists():
            raise PlatformError(f"the dependencies {artifact.dependencies[:12]} are missing", hint=AGAIN)
        wrong = None if quick else self._damaged(artifact.dependencies)
        if wrong is not None:
            raise PlatformError(
                f"the dependencies {artifact.dependencies[:12]} are not what was installed: {wrong}",
                hint=AGAIN,
            )

    def _check(self, digest: str) -> None:
        try:
            packed = (self._archives / f"{digest}.tar").read_bytes()
        except OSError:
            raise PlatformError(f"the archive {digest[:12]} is missing", hint=AGAIN) from None
        if hashlib.sha256(packed).hexdigest() != digest:
            raise PlatformError(f"the archive {digest[:12]} is not what its digest says", hint=AGAIN)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[Path]:
    """Nobody else makes *folder* meanwhile, in this process or another; a killed one lets go.

    The lock's own file is given: who removes the folder for good removes it as well.
    """
    path = folder.with_name(f".{folder.name}.lock")
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if _is(lock, path):  # else whoever had it has removed it
                yield path
                return
        finally:
            os.close(lock)


def _is(lock: int, path: Path) -> bool:
    try:
        return os.fstat(lock).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def _asked_for(path: Path) -> None:
    """Note that somebody wants it now: it is not removed within the next hour."""
    with contextlib.suppress(OSError):
        os.utime(path)


@contextlib.contextmanager
def _part(beside: Path) -> Iterator[Path]:
    """A folder for what is being made, of which nothing is left where that fails."""
    part = Path(tempfile.mkdtemp(dir=beside, prefix=PART))
    try:
        yield part
    finally:
        remove(part)


def remove(folder: Path) -> None:
    """Remove *folder* and what is in it, read-only or not; what is not there is removed already."""
    for above, folders, _ in os.walk(folder):
        Path(above).chmod(0o700)
        for name in folders:
            path = Path(above, name)
            if not path.is_symlink():
                path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _put_in_place(part: Path, final: Path) -> None:
    """Let *part* become *final*; what was there is put aside, for instances may be running in it."""
    if final.is_symlink() or final.is_file():
        final.unlink()  # no instance runs in it
    if final.exists():
        final.rename(tempfile.mkdtemp(dir=final.parent, prefix=DAMAGED))
    part.rename(final)
    manifests.write(final)


def _write_whole(target: Path, content: bytes) -> None:
    part = target.with_name(f".{target.name}.{os.getpid()}")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.chmod(0o444)
    part.rename(target)
