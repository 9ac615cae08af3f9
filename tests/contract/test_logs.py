"""Reading and following logs, on real files."""

import json
from pathlib import Path

import pytest

from carelane.platforms.processes.logs import FileLogReader, Printed


class Printer:
    """Instances as their shims leave them: folders with a status and a log a run."""

    def __init__(self, root: Path) -> None:
        self.there: dict[str, Printed] = {}
        self._root = root

    def prints(self, instance: str, text: str, run: int = 1) -> None:
        folder = self._root / instance
        folder.mkdir(exist_ok=True)
        (folder / "status.json").write_text(json.dumps({"run": run}))
        with (folder / f"run-{run}.log").open("a") as log:
            log.write(text)
        self.there[instance] = Printed(folder)

    def ends(self, instance: str) -> None:
        ended = self._root / "ended"
        ended.mkdir(exist_ok=True)
        self.there[instance] = Printed((self._root / instance).rename(ended / instance), ended=True)

    def reader(self, *shown: str) -> FileLogReader:
        return FileLogReader(lambda: self.there, list(shown))


@pytest.fixture
def printer(tmp_path: Path) -> Printer:
    return Printer(tmp_path)


def test_the_tail_is_of_the_lines_asked_for_a_half_one_included(printer: Printer) -> None:
    printer.prints("web-1", "one\ntwo\nthr")
    assert printer.reader("web-1").tail(2) == "web-1 | two\nweb-1 | thr\n"


def test_a_line_that_is_not_whole_is_shown_once_when_it_is(printer: Printer) -> None:
    printer.prints("web-1", "one\ntwo\nthr")
    reader = printer.reader("web-1")
    assert reader.tail(2, go_on=True) == "web-1 | one\nweb-1 | two\n"
    assert reader.more() == ""
    printer.prints("web-1", "ee\nfo")
    assert reader.more() == "web-1 | three\n"
    printer.prints("web-1", "ur\n")
    assert [reader.more(), reader.more()] == ["web-1 | four\n", ""]


def test_following_goes_on_into_the_next_run_and_shows_the_last_words_of_the_one_before(
    printer: Printer,
) -> None:
    printer.prints("web-1", "one\n")
    reader = printer.reader("web-1")
    reader.tail(0, go_on=True)
    printer.prints("web-1", "two\nTraceb")
    assert reader.more() == "web-1 | two\n"
    printer.prints("web-1", "hello again\n", run=2)
    assert reader.more() == "web-1 | Traceb\nweb-1 | hello again\n"
    printer.prints("web-1", "and on\n", run=2)
    assert reader.more() == "web-1 | and on\n"


def test_following_shows_instances_that_come_later_and_how_others_end(printer: Printer) -> None:
    printer.prints("web-0", "long ago\n")
    printer.ends("web-0")
    printer.prints("web-1", "one\n")
    reader = printer.reader("web-1")
    assert reader.tail(5, go_on=True) == "web-1 | one\n"
    printer.prints("web-2", "a new one\n")
    assert reader.more() == "web-2 | a new one\n"
    printer.prints("web-1", "bye")
    printer.ends("web-1")
    assert [reader.more(), reader.more()] == ["web-1 | bye\n", ""]


def test_a_log_that_was_put_aside_and_emptied_begins_anew(printer: Printer) -> None:
    printer.prints("web-1", "one\ntwo\n")
    reader = printer.reader("web-1")
    reader.tail(0, go_on=True)
    log = printer.there["web-1"].folder / "run-1.log"
    log.rename(log.with_name("run-1.log.1"))
    printer.prints("web-1", "six\n")
    assert reader.more() == "web-1 | six\n"
    assert printer.reader("web-1").tail(2) == "web-1 | two\nweb-1 | six\n"
