"""Processes of this machine, as tests ask about them."""

from pathlib import Path


def alive(pid: int) -> bool:
    """Whether the process is there, and has not ended: one that nobody has waited for yet has."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}
