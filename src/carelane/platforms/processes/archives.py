"""What was packed: archives by their SHA-256, unpacked read-only, and dependencies built once a lock."""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from carelane.base.errors import InputError, PlatformError
from carelane.delivery.releases import Artifact


class Archives:
    """The artifacts below *root*: ``archives/``, ``trees/`` and ``dependencies/``."""

    def __init__(self, root: Path) -> None:
        self._archives = root / "archives"
        self._trees = root / "trees"
        self._dependencies = root / "dependencies"
        for folder in (self._archives, self._trees, self._dependencies):
            folder.mkdir(parents=True, exist_ok=True)

    # -- packing

    def pack(self, raw: bytes) -> str:
        """Keep the files of the tar stream *raw*; returns the digest of their canonical archive.

        Order, owners and times are made the same, so that equal contents have equal digests.
        """
        packed = _canonical(raw)
        digest = hashlib.sha256(packed).hexdigest()
        target = self._archives / f"{digest}.tar"
        if not target.exists():
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

    def build(self, lock: bytes) -> str:
        """Install what *lock* lists into an environment of its own, unless that was done before.

        Raises:
            PlatformError: If an installation fails; its last words are in the message.
        """
        key = lock + f"\n# {sys.implementation.cache_tag} {sys.platform} {os.uname().machine}".encode()
        digest = hashlib.sha256(key).hexdigest()
        if not self.dependencies(digest).exists():
            self._install(digest, lock)
        return digest

    def _install(self, digest: str, lock: bytes) -> None:
        final = self.dependencies(digest)
        shutil.rmtree(final.with_suffix(".part"), ignore_errors=True)
        part = final.with_suffix(".part")
        requirements = self._dependencies / f"{digest}.txt"
        requirements.write_bytes(lock)
        uv = [sys.executable, "-m", "uv", "--quiet"]
        _run("making an environment", [*uv, "venv", "--relocatable", "--python", sys.executable, str(part)])
        install = [*uv, "pip", "install", "--python", str(part / "bin" / "python"), "--compile-bytecode"]
        _run("installing the dependencies", [*install, "--requirement", str(requirements)])
        part.rename(final)

    # -- using

    def dependencies(self, digest: str) -> Path:
        """The environment built from the lock of *digest*."""
        return self._dependencies / digest

    def unpacked(self, digest: str) -> Path:
        """The archive's files, read-only; unpacked the first time.

        Raises:
            PlatformError: If the archive is missing or not what its digest says.
        """
        tree = self._trees / digest
        if tree.exists():
            return tree
        self._check(digest)
        part = Path(tempfile.mkdtemp(dir=self._trees, prefix=".part-"))
        with tarfile.open(self._archives / f"{digest}.tar") as tar:
            _extract(tar, part)
        _run(
            "compiling",
            [sys.executable, "-m", "compileall", "-q", "-s", str(part), "-p", str(tree), str(part)],
        )
        for path in (part, *part.rglob("*")):
            path.chmod(0o555 if path.is_dir() else path.stat().st_mode & 0o555)
        try:
            part.rename(tree)
        except OSError:
            if not tree.exists():
                raise
        return tree

    def verify(self, artifact: Artifact) -> None:
        """Check that the archive and its dependencies are there and are what their digests say."""
        self._check(artifact.archive)
        if artifact.dependencies is not None and not self.dependencies(artifact.dependencies).exists():
            raise PlatformError(
                f"the dependencies {artifact.dependencies[:12]} are missing",
                hint="make the release again from its commit",
            )

    def _check(self, digest: str) -> None:
        try:
            packed = (self._archives / f"{digest}.tar").read_bytes()
        except OSError:
            raise PlatformError(
                f"the archive {digest[:12]} is missing", hint="make the release again from its commit"
            ) from None
        if hashlib.sha256(packed).hexdigest() != digest:
            raise PlatformError(
                f"the archive {digest[:12]} is not what its digest says", hint="make the release again"
            )


def _canonical(raw: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(raw)) as given, tarfile.open(fileobj=out, mode="w") as made:
        for member in sorted(given.getmembers(), key=lambda m: m.name):
            member.mtime, member.uid, member.gid, member.uname, member.gname = 0, 0, 0, "", ""
            member.pax_headers = {}
            made.addfile(member, given.extractfile(member) if member.isfile() else None)
    return out.getvalue()


def _extract(tar: tarfile.TarFile, target: Path) -> None:
    """Unpack, nothing outside *target*; Debian 12's own Python 3.11.2 has no extraction filters yet."""
    if hasattr(tarfile, "data_filter"):
        tar.extractall(target, filter="data")
        return
    for member in tar.getmembers():
        paths = [member.name, *([member.linkname] if member.issym() or member.islnk() else [])]
        inside = all(not p.startswith("/") and ".." not in p.split("/") for p in paths)
        if not inside or not (member.isfile() or member.isdir() or member.issym()):
            raise PlatformError(f"the archive holds {member.name}, which leads out of it or is no file")
    tar.extractall(target)  # noqa: S202 - every member was checked above


def _write_whole(target: Path, content: bytes) -> None:
    part = target.with_name(f".{target.name}.{os.getpid()}")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.chmod(0o444)
    part.rename(target)


def _run(what: str, command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise PlatformError(f"{what} failed: {last}")
