"""Reading and following logs, on real files."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from carelane.delivery.looking import LogLine
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


def told(lines: list[LogLine]) -> str:
    return "".join(f"{line.instance} | {line.text}\n" for line in lines)


@pytest.fixture
def printer(tmp_path: Path) -> Printer:
    return Printer(tmp_path)


def test_the_tail_is_of_the_lines_asked_for_a_half_one_included(printer: Printer) -> None:
    printer.prints("web-1", "one\ntwo\nthr")
    assert told(printer.reader("web-1").tail(2)) == "web-1 | two\nweb-1 | thr\n"


def test_a_line_that_is_not_whole_is_shown_once_when_it_is(printer: Printer) -> None:
    printer.prints("web-1", "one\ntwo\nthr")
    reader = printer.reader("web-1")
    assert told(reader.tail(2, go_on=True)) == "web-1 | one\nweb-1 | two\n"
    assert told(reader.more()) == ""
    printer.prints("web-1", "ee\nfo")
    assert told(reader.more()) == "web-1 | three\n"
    printer.prints("web-1", "ur\n")
    assert [told(reader.more()), told(reader.more())] == ["web-1 | four\n", ""]


def test_following_goes_on_into_the_next_run_and_shows_the_last_words_of_the_one_before(
    printer: Printer,
) -> None:
    printer.prints("web-1", "one\n")
    reader = printer.reader("web-1")
    reader.tail(0, go_on=True)
    printer.prints("web-1", "two\nTraceb")
    assert told(reader.more()) == "web-1 | two\n"
    printer.prints("web-1", "hello again\n", run=2)
    assert told(reader.more()) == "web-1 | Traceb\nweb-1 | hello again\n"
    printer.prints("web-1", "and on\n", run=2)
    assert told(reader.more()) == "web-1 | and on\n"


def test_following_shows_instances_that_come_later_and_how_others_end(printer: Printer) -> None:
    printer.prints("web-0", "long ago\n")
    printer.ends("web-0")
    printer.prints("web-1", "one\n")
    reader = printer.reader("web-1")
    assert told(reader.tail(5, go_on=True)) == "web-1 | one\n"
    printer.prints("web-2", "a new one\n")
    assert told(reader.more()) == "web-2 | a new one\n"
    printer.prints("web-1", "bye")
    printer.ends("web-1")
    assert [told(reader.more()), told(reader.more())] == ["web-1 | bye\n", ""]


def test_a_log_that_was_put_aside_and_emptied_begins_anew(printer: Printer) -> None:
    printer.prints("web-1", "one\ntwo\n")
    reader = printer.reader("web-1")
    reader.tail(0, go_on=True)
    log = printer.there["web-1"].folder / "run-1.log"
    log.rename(log.with_name("run-1.log.1"))
    printer.prints("web-1", "six\n")
    assert told(reader.more()) == "web-1 | six\n"
    assert told(printer.reader("web-1").tail(2)) == "web-1 | two\nweb-1 | six\n"


def test_a_line_has_the_time_by_which_its_shim_saw_it_and_none_where_that_is_not_known(
    printer: Printer,
) -> None:
    printer.prints("web-1", "one\ntwo\nsix\nnew\n")
    times = printer.there["web-1"].folder / "run-1.times"
    times.write_text("1000.0 4\n1002.0 12\n")
    lines = printer.reader("web-1").tail(9)
    assert [line.at and line.at.timestamp() for line in lines] == [1000.0, 1002.0, 1002.0, None]
    since = datetime.fromtimestamp(1001.0, UTC)
    assert [line.text for line in printer.reader("web-1").tail(9, since=since)] == ["two", "six", "new"]
    times.write_text("damaged\n")
    assert [line.at for line in printer.reader("web-1").tail(9)] == [None] * 4
