"""Waiting for a process to end."""

import subprocess

from carelane.base.children import ends_within


def test_a_process_that_is_gone_has_ended() -> None:
    """As one that is asked to end may be before anybody looks."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert ends_within(gone.pid, 60.0)


def test_one_that_goes_on_has_not() -> None:
    going = subprocess.Popen(["sleep", "60"])
    assert not ends_within(going.pid, 0.01)
    going.kill()
    assert ends_within(going.pid, 60.0)
    assert going.wait() == -9, "whoever started it still hears how"
