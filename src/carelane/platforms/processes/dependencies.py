"""Installing what a lock lists: wheels first, sources only where their hashes are given, both behind a fence.

A wheel is unpacked and nothing of it is run: all that is in the fence then is uv, with its cache. A source is
built by its own code, with a cache that is thrown away: what it wrote to ours would be another release's.
Compiling runs nothing either, for it goes by the base interpreter, which heeds no ``.pth``.
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from uv import find_uv_bin

from carelane.base.errors import InputError, PlatformError, RefusedError
from carelane.platforms.processes import fencing
from carelane.platforms.processes.fencing import Inside
from carelane.platforms.processes.programs import Programs

_COMMENT = re.compile(r"(^|\s)#.*")
_PLAIN = ("--hash", "--index-url", "--extra-index-url", "--find-links")
"""The options that a lock may have: others have code run, or are read from elsewhere."""


def install(folder: Path, requirements: Path, programs: Programs, *, fenced_only: bool) -> str:
    """Make an environment in *folder* with what *requirements* lists.

    Args:
        folder: Is not there yet.
        requirements: A file in pip's format.
        programs: By which it is done.
        fenced_only: Refuse where there is no sandbox: whoever asks is not to run code as this user.

    Returns:
        What whoever asked has to know; empty where all went as it should.

    Raises:
        RefusedError: If there has to be a sandbox, and none can be made.
        InputError: If the requirements ask for sources without saying which.
        PlatformError: If an installation fails; its last words are in the message.
    """
    why = fencing.missing()
    if why and fenced_only:
        raise RefusedError(
            f"installing a release's requirements needs a sandbox: {why}",
            hint="a person may make this release: carelane release create",
        )
    _Installing(folder, requirements, programs, fenced=not why).run()
    return f"the requirements were installed outside of any sandbox, as this user: {why}" if why else ""


class _Installing:
    def __init__(self, folder: Path, requirements: Path, programs: Programs, *, fenced: bool) -> None:
        self._folder, self._requirements, self._fenced = folder, requirements, fenced
        self._run = programs.run
        options = _options(requirements.read_text(errors="replace"))
        self._others = [option for option in options if not option.startswith(_PLAIN)]
        self._hashed = any(option.startswith("--hash") for option in options)

    def run(self) -> None:
        made = [_uv(), "venv", "--quiet", "--relocatable", "--python", _python(), str(self._folder)]
        self._run("making an environment", made)
        if self._others and not self._hashed:
            raise InputError(
                f"the requirements have {self._others[0]}, which may have code run that nobody has checked",
                hint="list what is to be installed, with its hashes: uv pip compile --generate-hashes",
            )
        try:
            if self._others:
                self._sources()
            else:
                self._wheels()
        except PlatformError as no_wheel:
            if self._others or not self._hashed:
                no_wheel.hint = no_wheel.hint or "what has no wheel is built only where its hash is given"
                raise
            self._sources()
        self._compile()

    def _wheels(self) -> None:
        cache = _cache()
        inside = Inside(self._seen, [self._folder, cache], {"UV_CACHE_DIR": str(cache)}, network=True)
        self._inside("installing the dependencies", [*self._install, "--only-binary", ":all:"], inside)

    def _sources(self) -> None:
        inside = Inside(self._seen, [self._folder], network=True)
        self._inside("building the dependencies", [*self._install, "--no-cache"], inside)

    def _compile(self) -> None:
        compiling = [_python(), "-I", "-S", "-m", "compileall", "-q", "-j0", str(self._folder / "lib")]
        inside = Inside(_interpreter(), [self._folder])
        self._run("compiling", self._command(compiling, inside), must=False)  # templates may be no Python

    def _inside(self, what: str, command: Sequence[str], inside: Inside) -> None:
        self._run(what, self._command(command, inside))

    def _command(self, command: Sequence[str], inside: Inside) -> Sequence[str]:
        return fencing.command(command, inside) if self._fenced else command

    @property
    def _install(self) -> list[str]:
        command = [_uv(), "pip", "install", "--quiet", "--link-mode", "copy"]
        command += [
            "--python",
            str(self._folder / "bin" / "python"),
            "--requirement",
            str(self._requirements),
        ]
        return [*command, "--require-hashes"] if self._hashed else command

    @property
    def _seen(self) -> list[Path]:
        return [*_interpreter(), Path(_uv()), self._requirements]


def _options(text: str) -> list[str]:
    """What in a requirements file begins with a dash, as it is read: lines joined, comments left out."""
    rows = text.replace("\\\n", " ").splitlines()
    return [word for row in rows for word in _COMMENT.sub("", row).split() if word.startswith("-")]


def _interpreter() -> list[Path]:
    """Where the base interpreter is, if not among the system's programs."""
    prefix = Path(sys.base_prefix)
    return [] if prefix.is_relative_to("/usr") else [prefix]


def _python() -> str:
    """The base interpreter: of this user's own environment nothing is to be seen in the fence."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return str(Path(sys.base_prefix) / "bin" / version)


def _uv() -> str:
    return str(find_uv_bin())


def _cache() -> Path:
    """Uv's own, which is shared; nothing that a package brings along is run beside it."""
    done = subprocess.run([_uv(), "cache", "dir"], capture_output=True, text=True, check=False)
    path = Path(done.stdout.strip() or Path.home() / ".cache" / "uv")
    path.mkdir(parents=True, exist_ok=True)
    return path
