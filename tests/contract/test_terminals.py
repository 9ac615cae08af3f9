"""The Terminal port: processes of this machine."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from carelane.base.errors import InputError
from carelane.delivery.looking import Screen
from carelane.platforms.processes.terminals import ProcessTerminal
from tests.contract.terminals import SCREEN, Open, TerminalContract

ENVIRONMENT = {"PATH": os.environ["PATH"]}


@pytest.fixture(autouse=True)
def _heeded() -> Iterator[None]:
    """Whoever runs the tests in the background ignores SIGINT, and a shell never heeds what is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class TestProcessTerminal(TerminalContract):
    @pytest.fixture
    def opened(self, tmp_path: Path) -> Open:
        def opened(script: str, screen: Screen | None) -> ProcessTerminal:
            return ProcessTerminal(("/bin/sh", "-c", script), str(tmp_path), ENVIRONMENT, screen)

        return opened

    def test_no_descriptor_is_left_open(self, opened: Open) -> None:
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - of this very process
        for screen in (None, SCREEN):
            opened("exit 0", screen).close()
        assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - as above

    def test_a_command_that_is_not_there_is_refused(self, tmp_path: Path) -> None:
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - as above
        with pytest.raises(InputError, match="cannot run no-such-thing: No such file"):
            ProcessTerminal(("no-such-thing",), str(tmp_path), ENVIRONMENT, None)
        assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - as above
