"""What every Logs, Details and Rates must do: what people ask of what runs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from carelane.base.errors import ConflictError, InputError
from carelane.delivery.looking import CopyDetail, Details, LogLine, Logs, LogsWanted, Rates, Screen
from carelane.delivery.releases import Probe


@dataclass(frozen=True)
class Prints:
    """Logs, and what has them grow: *prints* a line by an instance (of a label), which then *ends*."""

    logs: Logs
    prints: Callable[[str, str, str], None]
    ends: Callable[[str], None]


def told(lines: list[LogLine]) -> list[str]:
    return [f"{line.instance}: {line.text}" for line in lines]


class LogsContract:
    """Subclasses give *bench*: instances of ``web`` and ``api``, tasks of ``web``."""

    @pytest.fixture
    def bench(self) -> Prints:
        raise NotImplementedError

    def test_where_nothing_was_printed_there_is_nothing(self, bench: Prints) -> None:
        assert bench.logs.printing("web") == {}
        assert not bench.logs.logs("web").has_any()
        assert bench.logs.logs("web").tail(10) == []

    def test_what_is_there_is_meant_and_no_other_service(self, bench: Prints) -> None:
        for instance, text in (("web-1", "one"), ("web-2", "two"), ("api-3", "other")):
            bench.prints(instance, "v1", text)
        reader = bench.logs.logs("web")
        assert reader.has_any()
        assert told(reader.tail(10)) == ["web-1: one", "web-2: two"]
        assert bench.logs.printing("web") == {"web-1": False, "web-2": False}

    def test_while_something_is_there_what_has_ended_is_not_meant_but_by_name(self, bench: Prints) -> None:
        bench.prints("web-1", "v1", "old")
        bench.ends("web-1")
        assert told(bench.logs.logs("web").tail(10)) == ["web-1: old"], "the last that was"
        bench.prints("web-2", "v2", "new")
        assert told(bench.logs.logs("web").tail(10)) == ["web-2: new"]
        assert told(bench.logs.logs("web", LogsWanted(instance="web-1")).tail(10)) == ["web-1: old"]
        assert bench.logs.printing("web") == {"web-1": True, "web-2": False}

    def test_by_label_all_of_it_is_meant_ended_or_not(self, bench: Prints) -> None:
        for instance, label in (("web-1", "v1"), ("web-2", "v2"), ("web-3", "v1")):
            bench.prints(instance, label, label)
        bench.ends("web-1")
        assert told(bench.logs.logs("web", LogsWanted(label="v1")).tail(10)) == ["web-1: v1", "web-3: v1"]
        assert not bench.logs.logs("web", LogsWanted(label="v9")).has_any()

    def test_with_a_deployment_its_own_tasks_are_meant(self, bench: Prints) -> None:
        for name in ("web.migrate-7", "web.migrate-8", "web-1"):
            bench.prints(name, "v1", name)
        wanted = LogsWanted(label="v1", deployment=7)
        assert sorted(told(bench.logs.logs("web", wanted).tail(10))) == [
            "web-1: web-1",
            "web.migrate-7: web.migrate-7",
        ]

    def test_so_many_lines_of_each_and_then_what_comes_of_new_ones_too(self, bench: Prints) -> None:
        for text in ("1", "2", "3"):
            bench.prints("web-1", "v1", text)
        reader = bench.logs.logs("web")
        assert told(reader.tail(2, go_on=True)) == ["web-1: 2", "web-1: 3"]
        assert reader.more() == []
        bench.prints("web-1", "v1", "4")
        bench.prints("web-2", "v1", "first")
        assert sorted(told(reader.more())) == ["web-1: 4", "web-2: first"]
        assert reader.more() == []

    def test_who_follows_and_wants_no_line_of_before_gets_what_comes(self, bench: Prints) -> None:
        bench.prints("web-1", "v1", "long ago")
        for asked in ({"count": 0}, {"count": 10, "since": datetime.now(UTC) + timedelta(hours=1)}):
            reader = bench.logs.logs("web")
            assert [line for line in reader.tail(go_on=True, **asked) if line.at is not None] == []
            assert reader.more() == []
        bench.prints("web-1", "v1", "now")
        assert told(reader.more()) == ["web-1: now"]

    def test_a_line_is_what_ends_with_a_line_feed_whatever_else_is_in_it(self, bench: Prints) -> None:
        bench.prints("web-1", "v1", "half\x0band\u2028whole")
        assert told(bench.logs.logs("web").tail(10)) == ["web-1: half\x0band\u2028whole"]

    def test_what_is_older_is_left_out_and_what_is_not_known_is_shown(self, bench: Prints) -> None:
        bench.prints("web-1", "v1", "now")
        (line,) = bench.logs.logs("web").tail(10, since=datetime.now(UTC) - timedelta(hours=1))
        assert line.text == "now"
        future = bench.logs.logs("web").tail(10, since=datetime.now(UTC) + timedelta(hours=1))
        assert all(line.at is None for line in future)


class DetailsContract:
    """Subclasses give *details*, and *copy*, which runs with ``WHO=web-1`` and answers 200 at /ready."""

    @pytest.fixture
    def details(self) -> Details:
        raise NotImplementedError

    @pytest.fixture
    def copy(self, details: Details) -> str:
        raise NotImplementedError

    def test_of_what_runs_its_memory_and_its_probe_are_told(self, details: Details, copy: str) -> None:
        found = details.detail(copy, Probe("/ready"))
        assert (found.ends, found.probe) == ((), "")
        assert found.memory_bytes is not None
        assert found.memory_bytes > 1 << 20

    def test_a_probe_that_fails_is_told_in_words(self, details: Details, copy: str) -> None:
        assert "404" in details.detail(copy, Probe("/nothing")).probe

    def test_of_who_is_unknown_nothing_is(self, details: Details, copy: str) -> None:
        assert details.detail("nobody-9", Probe("/ready")) == CopyDetail()

    def test_whether_a_command_may_run_is_told_before_it_is(self, details: Details, copy: str) -> None:
        details.may_run(copy)
        with pytest.raises(ConflictError):
            details.may_run("nobody-7")

    def test_a_command_runs_beside_it_with_its_variables(self, details: Details, copy: str) -> None:
        ran = details.run(copy, ("/bin/sh", "-c", "echo $WHO; echo oh >&2; exit 4"), 10.0)
        assert (ran.exit_code, ran.out, ran.err, ran.cut) == (4, "web-1\n", "oh\n", False)

    def test_one_that_takes_too_long_is_ended_and_has_no_exit_code(self, details: Details, copy: str) -> None:
        ran = details.run(copy, ("/bin/sh", "-c", "echo begun; sleep 60"), 0.5)
        assert (ran.exit_code, ran.out) == (None, "begun\n")

    def test_one_that_is_typed_into_runs_in_the_same_place(self, details: Details, copy: str) -> None:
        for screen in (None, Screen(24, 80)):
            terminal = details.open(copy, ("/bin/sh", "-c", "echo $WHO"), screen)
            heard = b""
            while (part := terminal.read()) is not None:
                heard += part[1]
            assert heard.split() == [b"web-1"]
            assert terminal.close() == 0

    def test_who_does_not_run_has_nothing_beside_it(self, details: Details, copy: str) -> None:
        with pytest.raises(ConflictError, match="nobody-9 does not run"):
            details.run("nobody-9", ("true",), 1.0)
        with pytest.raises(ConflictError, match="nobody-9 does not run"):
            details.open("nobody-9", ("true",), None)

    def test_a_command_that_is_not_there_is_refused(self, details: Details, copy: str) -> None:
        with pytest.raises(InputError, match="cannot run no-such-thing"):
            details.run(copy, ("no-such-thing",), 1.0)
        with pytest.raises(InputError, match="cannot run no-such-thing"):
            details.open(copy, ("no-such-thing",), None)


@dataclass(frozen=True)
class Traffic:
    """Rates, and *serve*, which has users get so many answers of a label, some wrong, and looks."""

    rates: Rates
    serve: Callable[[str, int, int], None]


class RatesContract:
    """Subclasses give *unlooked*, before the first look, and *traffic* of ``backend``."""

    @pytest.fixture
    def unlooked(self) -> Rates:
        raise NotImplementedError

    @pytest.fixture
    def traffic(self) -> Traffic:
        raise NotImplementedError

    def test_before_anything_was_looked_at_nothing_is_known(self, unlooked: Rates) -> None:
        assert unlooked.rates("backend") is None

    def test_without_requests_the_ratio_is_unknown_rather_than_zero(self, traffic: Traffic) -> None:
        traffic.serve("v1", 0, 0)
        seen = traffic.rates.rates("backend")
        assert seen is not None
        assert (seen.requests_per_second, seen.error_ratio, seen.p95_ms) == (0.0, None, None)
        assert traffic.rates.lately("backend", "v1").requests == 0

    def test_all_versions_of_a_service_count_and_lately_one(self, traffic: Traffic) -> None:
        traffic.serve("v1", 90, 0)
        traffic.serve("v2", 10, 5)
        seen = traffic.rates.rates("backend")
        assert seen is not None
        assert seen.requests_per_second > 0
        assert seen.error_ratio == pytest.approx(0.05)
        lately = traffic.rates.lately("backend", "v2")
        assert (lately.requests, lately.errors) == (10, 5)
        assert lately.seconds >= 0

    def test_another_service_has_none_of_it(self, traffic: Traffic) -> None:
        traffic.serve("v1", 90, 0)
        seen = traffic.rates.rates("search")
        assert seen is not None
        assert (seen.requests_per_second, seen.error_ratio) == (0.0, None)
        assert traffic.rates.lately("search", "v1").requests == 0
