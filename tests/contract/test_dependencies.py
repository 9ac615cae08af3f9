"""Installing what others wrote: behind a fence, wheels first, and sources only by their hashes."""

import hashlib
import io
import socket
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from carelane.base.errors import InputError, PlatformError, RefusedError, Unavailable
from carelane.platforms.processes import dependencies, fencing, programs
from carelane.platforms.processes.archives import Archives
from tests.waiting import until

LOOKING = """
import os, pathlib
told = {PLACES!r}
found = [place for place in told if os.path.exists(place)]
found += [name for name in os.environ if "SECRET" in name]
found += [pid for pid in os.listdir("/proc") if pid.isdigit() and pid not in ("1", "2") and "PLANTED" in
          pathlib.Path("/proc", pid, "environ").read_text(errors="replace")]
"""
BACKEND = (
    LOOKING
    + """
def build_wheel(wheels, settings=None, metadata=None):
    import zipfile
    made = "looking-1-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheels, made), "w") as wheel:
        wheel.writestr("looking.py", f"found = {found!r}\\n")
        for name, text in {INFORMATION!r}.items():
            wheel.writestr(f"looking-1.dist-info/{name}", text)
    return made
"""
)
INFORMATION = {
    "METADATA": "Metadata-Version: 2.1\nName: looking\nVersion: 1\n",
    "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "RECORD": "",
}
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where packages are found; the system's own programs are all that a fence shows of this machine."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setattr(dependencies, "_interpreter", lambda: [*INTERPRETER, folder])
    return folder


INTERPRETER = dependencies._interpreter()


def source(index: Path, *places: Path) -> str:
    """Publishes a source whose own code looks for *places* as it is built; its hash."""
    files = {
        "pyproject.toml": PROJECT,
        "backend.py": BACKEND.replace("{PLACES!r}", repr([str(place) for place in places])).replace(
            "{INFORMATION!r}", repr(INFORMATION)
        ),
        "PKG-INFO": "Metadata-Version: 2.1\nName: looking\nVersion: 1\n",
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(f"looking-1/{name}")
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    (index / "looking-1.tar.gz").write_bytes(packed.getvalue())
    return hashlib.sha256(packed.getvalue()).hexdigest()


def installed(archives: Archives, digest: str) -> str:
    (found,) = archives.dependencies(digest).glob("lib/python*/site-packages/looking.py")
    return found.read_text()


def test_what_builds_a_source_sees_no_socket_no_key_no_state_and_no_other_process(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED_SECRET", "PLANTED")
    key, at = tmp_path / "key", tmp_path / "api.sock"
    key.write_text("PLANTED")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(at))
        archives = Archives(tmp_path / "artifacts")
        places = (key, at, tmp_path / "artifacts" / "archives", Path.home() / ".cache", Path.home() / ".ssh")
        lock = f"looking==1 --hash=sha256:{source(index, *places)}\n".encode()
        assert installed(archives, archives.build(lock, fenced_only=True)) == "found = []\n"


def test_a_source_without_its_hash_is_not_built(index: Path, tmp_path: Path) -> None:
    source(index)
    with pytest.raises(PlatformError, match="installing the dependencies failed") as refused:
        Archives(tmp_path / "artifacts").build(b"looking==1\n")
    assert refused.value.hint == "what has no wheel is built only where its hash is given"


def test_a_source_that_is_not_what_its_hash_says_is_not_built(index: Path, tmp_path: Path) -> None:
    source(index)
    with pytest.raises(PlatformError, match=r"Expected:\n +sha256:0000"):
        Archives(tmp_path / "artifacts").build(f"looking==1 --hash=sha256:{'0' * 64}\n".encode())


@pytest.mark.parametrize(
    "line",
    [
        "--no-binary looking",
        "-e git+https://x.example/y",
        "looking \\\n  --no-build-isolation",
        "-r https://x",
    ],
)
def test_options_that_have_code_run_behind_the_back_are_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(InputError, match="which may have code run that nobody has checked"):
        Archives(tmp_path).build(f"{line}\nlooking==1 # --hash\n".encode())


def wheel(index: Path) -> None:
    with zipfile.ZipFile(index / "looking-1-py3-none-any.whl", "w") as file:
        file.writestr("looking.py", "found = 'a wheel'\n")
        file.writestr("looking.pth", f"import os; os.mkdir({str(index / 'ran')!r})\n")
        for name, text in INFORMATION.items():
            file.writestr(f"looking-1.dist-info/{name}", text)


def test_of_a_wheel_nothing_runs(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where there is no fence, by the file with which a package has code run at each start."""
    monkeypatch.setattr(fencing, "missing", lambda: "it is forbidden here")
    wheel(index)
    remarks: list[str] = []
    archives = Archives(tmp_path / "artifacts")
    digest = archives.build(b"looking==1\n", say=remarks.append)
    assert installed(archives, digest) == "found = 'a wheel'\n"
    assert list(archives.dependencies(digest).rglob("looking.*.pyc"))
    assert not (index / "ran").exists()
    assert remarks == [
        "the requirements were installed outside of any sandbox, as this user: it is forbidden here"
    ]


def test_without_a_fence_it_is_refused_to_whoever_may_not_run_code_here(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fencing, "missing", lambda: "it is forbidden here")
    wheel(index)
    archives = Archives(tmp_path)
    with pytest.raises(RefusedError, match="needs a sandbox: it is forbidden here"):
        archives.build(b"looking==1\n", fenced_only=True)
    assert list(tmp_path.glob("dependencies/*/bin")) == []


NEVER = "import time\ntime.sleep(600)\n"


def test_what_never_ends_is_ended(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "LONGEST_SECONDS", 3.0)
    monkeypatch.setattr("tests.contract.test_dependencies.BACKEND", NEVER)
    with pytest.raises(PlatformError, match="building the dependencies did not end within 3 s"):
        Archives(tmp_path / "artifacts").build(f"looking==1 --hash=sha256:{source(index)}\n".encode())
    until(lambda: not running(tmp_path / "artifacts"), 5.0, "nothing of it runs any more")


def test_what_is_being_made_ends_with_the_server_and_nothing_is_begun_after(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.contract.test_dependencies.BACKEND", NEVER)
    lock = f"looking==1 --hash=sha256:{source(index)}\n".encode()
    archives = Archives(tmp_path / "artifacts")
    with ThreadPoolExecutor(2) as pool:
        made = [pool.submit(archives.build, lock) for _ in range(2)]
        until(lambda: any(b"--no-cache" in each for each in running(tmp_path)), 30.0, "it is being built")
        archives.end()
        for each in made:
            with pytest.raises(Unavailable, match="the server is ending"):
                each.result(10.0)
    until(lambda: not running(tmp_path / "artifacts"), 5.0, "nothing of it runs any more")


def running(folder: Path) -> list[bytes]:
    """The commands of the processes that are about *folder*."""
    return [told for path in Path("/proc").glob("[0-9]*") if str(folder).encode() in (told := command(path))]


def command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
