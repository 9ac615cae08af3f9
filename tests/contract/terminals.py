"""What every Terminal must do."""

import threading
from collections.abc import Callable

import pytest

from carelane.delivery.looking import Screen, Terminal

Open = Callable[[str, Screen | None], Terminal]
SCREEN = Screen(24, 80, "xterm-256color")


def said(terminal: Terminal, typed: bytes = b"", *, end: bool = True) -> tuple[bytes, bytes]:
    """All that is said on either stream, with so much *typed* by another thread."""

    def writing() -> None:
        terminal.write(typed)
        if end:
            terminal.end_input()

    writer = threading.Thread(target=writing, daemon=True)
    writer.start()
    heard = {1: b"", 2: b""}
    while (part := terminal.read()) is not None:
        heard[part[0]] += part[1]
    writer.join(10)
    assert not writer.is_alive()
    return heard[1], heard[2]


class TerminalContract:
    """Subclasses give *opened*, which runs a shell's script, over pipes or with a screen."""

    @pytest.fixture
    def opened(self) -> Open:
        raise NotImplementedError

    def test_over_pipes_both_streams_are_told_apart_and_its_exit_code_is_told(self, opened: Open) -> None:
        terminal = opened("read one; echo out $one; echo err >&2; exit 3", None)
        assert said(terminal, b"hello\n") == (b"out hello\n", b"err\n")
        assert terminal.close() == 3

    def test_all_that_is_typed_arrives_and_all_that_is_said_comes_back(self, opened: Open) -> None:
        terminal = opened("cat", None)
        much = bytes(range(256)) * 20_000
        assert said(terminal, much) == (much, b"")
        assert terminal.close() == 0

    def test_in_a_terminal_it_has_the_persons_size_and_kind(self, opened: Open) -> None:
        terminal = opened("stty size; echo $TERM; tty >/dev/null && echo one; exit 7", SCREEN)
        out, err = said(terminal, end=False)
        assert out.replace(b"\r", b"").split() == [b"24", b"80", b"xterm-256color", b"one"]
        assert err == b""
        assert terminal.close() == 7

    def test_another_size_is_told_and_keys_reach_what_runs(self, opened: Open) -> None:
        traps = "trap 'stty size' WINCH; trap 'echo interrupted; exit 5' INT"
        terminal = opened(f"{traps}; echo ready; while :; do sleep 0.05; done", SCREEN)
        heard = b""
        while b"ready" not in heard:
            part = terminal.read()
            assert part is not None
            heard += part[1]
        terminal.resize(Screen(30, 100))
        while b"30 100" not in heard:
            part = terminal.read()
            assert part is not None
            heard += part[1]
        terminal.write(b"\x03")
        assert b"interrupted" in said(terminal, end=False)[0]
        assert terminal.close() == 5

    def test_who_closes_its_output_has_not_ended(self, opened: Open) -> None:
        terminal = opened("exec >&- 2>&-; sleep 0.3; exit 6", None)
        assert said(terminal) == (b"", b"")
        assert terminal.close() == 6

    def test_what_it_leaves_running_is_not_waited_for(self, opened: Open) -> None:
        terminal = opened("sleep 60 & echo done", None)
        assert said(terminal) == (b"done\n", b"")
        assert terminal.close() == 0

    def test_ended_it_says_so_and_what_is_typed_is_dropped(self, opened: Open) -> None:
        terminal = opened("sleep 60", SCREEN)
        terminal.end()
        terminal.end()
        said(terminal, b"x" * 1_000_000, end=False)
        assert terminal.close() == -9
