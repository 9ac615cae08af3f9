"""Waiting for a server to end."""

import subprocess

from carelane.cli import server


def test_a_process_that_is_gone_has_ended() -> None:
    """As one that is asked to end may be before anybody looks."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert server._ended(gone.pid)
