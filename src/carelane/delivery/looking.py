"""What people ask of what runs: ports that no decision needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from carelane.delivery.observations import RatesSeen, TrafficSeen
from carelane.delivery.releases import Probe


@dataclass(frozen=True)
class LogLine:
    """One line of an instance or a task; *at* is by when it was there, None where nobody knows."""

    instance: str
    text: str
    at: datetime | None = None


@dataclass(frozen=True)
class LogsWanted:
    """Whose lines: of one *instance* or task, of a *label*, or of all that belongs to the service.

    With a *deployment*, tasks are its own. *previous* is of the run before the present one.
    """

    instance: str | None = None
    label: str | None = None
    deployment: int | None = None
    previous: bool = False

    @property
    def narrow(self) -> bool:
        """Whether some are named: then what has ended is meant as well."""
        return self.instance is not None or self.label is not None or self.deployment is not None


class LogReader(Protocol):
    """What was printed by some of what runs, or ran."""

    def has_any(self) -> bool:
        """Whether there is anything to read."""
        ...

    def tail(self, count: int, *, go_on: bool = False, since: datetime | None = None) -> list[LogLine]:
        """The last *count* lines of each instance; a line that is not whole is left for later to *go_on*.

        What is known to be older than *since* is left out.
        """
        ...

    def more(self) -> list[LogLine]:
        """What was printed since the last call, by new runs and new instances too."""
        ...


class Logs(Protocol):
    """What runs in one environment prints."""

    def logs(self, service: str, wanted: LogsWanted = LogsWanted()) -> LogReader:
        """Of what is there of *service*, else of the last that was; of all that is *wanted* where some is."""
        ...

    def printing(self, service: str) -> Mapping[str, bool]:
        """What of *service* can be read, and whether each has ended; the latest last."""
        ...


@dataclass(frozen=True)
class CopyEnd:
    """How a copy ended once: *at*, by which exit code, after how many seconds; None is what nobody saw."""

    at: datetime
    exit_code: int | None
    lived_seconds: float | None
    why: str = ""


@dataclass(frozen=True)
class CopyDetail:
    """What is worth knowing of one copy beside what every look tells.

    *ends* are its last ones, the latest last; *probe* says what its readiness probe answers now, "" where it
    is fit; *memory_bytes* is resident, None where nothing runs or nobody knows.
    """

    ends: tuple[CopyEnd, ...] = ()
    probe: str = ""
    memory_bytes: int | None = None


KEPT_BYTES = 1 << 20
"""Of what a command says, of each kind."""


@dataclass
class Beginning:
    """The beginning of what a command says, as much as is kept; *cut*: there was more."""

    kept: bytes = b""
    cut: bool = False

    def add(self, part: bytes) -> None:
        """What it says next."""
        self.cut = self.cut or len(self.kept) + len(part) > KEPT_BYTES
        self.kept = (self.kept + part)[:KEPT_BYTES]

    def text(self) -> str:
        """As people read it."""
        return self.kept.decode(errors="replace")


@dataclass(frozen=True)
class Ran:
    """What a command came to; *cut*: it said more than is kept; without an *exit_code* it took too long."""

    exit_code: int | None
    out: str
    err: str
    cut: bool = False


@dataclass(frozen=True)
class Screen:
    """The size of a terminal, in characters, and of which *kind* it is (TERM)."""

    rows: int
    columns: int
    kind: str = "xterm"


class Terminal(Protocol):
    """A command that somebody types into. One thread reads, another one writes; both are done at `close`."""

    def read(self) -> tuple[int, bytes] | None:
        """What is said next, on 1 (standard output, and all in a terminal) or 2 (standard error).

        None once the command has ended and all was said; what it left running is not waited for.
        """
        ...

    def write(self, typed: bytes) -> None:
        """Type it; waits while nobody reads it, and drops it where nobody ever will."""
        ...

    def end_input(self) -> None:
        """Nothing more is typed. In a terminal that is typed, too (Ctrl-D)."""
        ...

    def resize(self, screen: Screen) -> None:
        """The terminal has another size now; without one nothing happens."""
        ...

    def end(self) -> None:
        """End it now; one that has ended stays so."""
        ...

    def close(self) -> int:
        """End it, and what it began in its terminal or group; its exit code, below zero for a signal."""
        ...


class Details(Protocol):
    """Looks closely at one copy, when a person asks."""

    def detail(self, copy: str, readiness: Probe | None) -> CopyDetail:
        """Of *copy*, which is asked by *readiness* (None: whether it takes connections)."""
        ...

    def may_run(self, copy: str) -> None:
        """Whether commands can be run beside *copy*; does nothing.

        Raises:
            ConflictError: If it does not run.
        """
        ...

    def run(self, copy: str, command: tuple[str, ...], timeout_seconds: float) -> Ran:
        """Run *command* beside *copy*, in its folder and its environment; nothing can be typed in.

        Raises:
            ConflictError: If it does not run.
            InputError: If there is no such command.
        """
        ...

    def open(self, copy: str, command: tuple[str, ...], screen: Screen | None) -> Terminal:
        """Run *command* beside *copy* in the same way, to be typed into; with a *screen* in a terminal.

        Raises:
            ConflictError: If it does not run.
            InputError: If there is no such command; in a terminal that may be said there instead.
        """
        ...


class Rates(Protocol):
    """What users get, as it is shown to people."""

    def rates(self, service: str) -> RatesSeen | None:
        """How *service* does just now; None before anything was looked at."""
        ...

    def lately(self, service: str, label: str) -> TrafficSeen:
        """What users had of *label* in the last hour, less where less is known."""
        ...
