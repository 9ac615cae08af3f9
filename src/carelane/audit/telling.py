"""What somebody is to be told, and how that went."""

from dataclasses import dataclass

from carelane.audit.entries import Entry


@dataclass(frozen=True)
class Pending:
    """An entry that a destination is still to be told."""

    number: int
    destination: str
    entry: Entry
    attempts: int


@dataclass(frozen=True)
class Told:
    """How telling a destination of an entry went so far; *problem* is empty where there was none."""

    position: int
    destination: str
    act: str
    subject: str
    attempts: int
    done: bool
    problem: str
