"""Jobs that print without end: the log is bounded and says so, and the server stays small and quick."""

import time
from pathlib import Path

import pytest

from tests.localhub_server import Clone, LocalhubServer
from tests.localhub_workflows import answers, begun, log, said, shell_job
from tests.waiting import until

LARGEST_LOG_BYTES = 66 << 20  # 64 MiB, and the rows of other steps
MOST_GROWTH_KIB = 100 << 10
ANSWERS_WITHIN_SECONDS = 3.0


def memory_kib(pid: int) -> int:
    """The most memory that a process has ever had."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(text.partition("VmHWM:")[2].split()[0])


def kept_bytes(server: LocalhubServer) -> int:
    """What the logs take on disk."""
    return sum(path.stat().st_size for path in (server.state / "logs").rglob("*.txt"))


@pytest.mark.timeout(120)
def test_a_gigabyte_of_log_is_bounded_and_says_so(app: Clone, server: LocalhubServer) -> None:
    answers(app)
    before, slowest = memory_kib(server.pid), 0.0
    run = begun(app, shell_job("line=$(printf '%060000d' 7)\n(yes $line || true) | head -c 1G"))

    def ended() -> bool:
        nonlocal slowest
        asked = time.monotonic()
        status = app.api(f"actions/runs/{run}")["status"]
        slowest = max(slowest, time.monotonic() - asked)
        return bool(status == "completed")

    until(ended, 100, "the run ends")
    assert app.api(f"actions/runs/{run}")["conclusion"] == "success"
    assert slowest < ANSWERS_WITHIN_SECONDS
    assert kept_bytes(server) < LARGEST_LOG_BYTES
    assert "The log is beyond 64 MiB: " in log(app, run)[-500:]
    assert memory_kib(server.pid) - before < MOST_GROWTH_KIB
    answers(app)


def test_a_line_without_an_end_is_cut_and_says_so(app: Clone, server: LocalhubServer) -> None:
    before = memory_kib(server.pid)
    script = "head -c 200M /dev/zero | tr '\\0' x\necho\necho 'and after it'"
    words = said(app, shell_job(script)).splitlines()
    (cut,) = [line for line in words if "xxxx" in line]
    assert cut.endswith("x [the rest of a very long line is left out]")
    assert len(cut) < 1 << 17
    assert [line for line in words if line.endswith("Z and after it")]
    assert memory_kib(server.pid) - before < MOST_GROWTH_KIB
