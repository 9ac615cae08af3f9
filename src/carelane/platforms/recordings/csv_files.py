"""Recorded traffic as CSV: one row a window; a file that is wrong anywhere is refused as a whole."""

import csv
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from carelane.analysis.columns import NO_GAP, Columns
from carelane.base.errors import InputError, NotFoundError

if TYPE_CHECKING:
    import _csv

TIME = "time_seconds"
COUNTS = ("stable_requests", "stable_errors", "canary_requests", "canary_errors")
SLOW = ("stable_slow", "canary_slow")
LARGEST = 10**12
PAGE = "docs/recordings.md shows the format"


def read(path: Path) -> Columns:
    """The windows in the file at *path*.

    Raises:
        NotFoundError: If there is no such file.
        InputError: If it cannot be read, or says something that cannot be: with the row and its line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return parse(path.name, file)
    except FileNotFoundError:
        raise NotFoundError(f"no {path}", hint=PAGE) from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, not a file of recorded traffic", hint=PAGE) from None
    except UnicodeDecodeError:
        raise InputError(f"{path.name} is not text in UTF-8", hint=PAGE) from None
    except OSError as error:
        raise InputError(f"cannot read {path.name}: {error.strerror}", hint=PAGE) from None


def parse(name: str, lines: Iterable[str]) -> Columns:
    """The windows in *lines*; *name* is what errors call them.

    Raises:
        InputError: If they say something that cannot be.
    """
    try:
        return _columns(name, csv.reader(lines, strict=True))
    except csv.Error as error:
        raise InputError(f"{name} is not CSV: {error}", hint=PAGE) from None


def _columns(name: str, lines: "_csv.Reader") -> Columns:
    header = [cell.strip() for cell in next(lines, [])]
    _check_header(name, header)
    values: list[list[float]] = []
    for row in lines:
        if row:
            place = f"{name}, row {len(values) + 1} (line {lines.line_num})"
            found = _row(place, header, row)
            if values and found[0] <= values[-1][0]:
                raise InputError(
                    f"{place}: {TIME} goes from {values[-1][0]:g} to {found[0]:g}; each row's is later"
                )
            values.append(found)
    if not values:
        raise InputError(f"{name} has no rows below its header", hint=PAGE)
    table = np.array(values, dtype=np.float64)
    at = table[:, 0]
    first = at[0] - (at[1] - at[0] if len(at) > 1 else 1.0)
    slow = table[:, 5:]
    return Columns(
        started_at=np.concatenate([[first], at[:-1]]),
        ended_at=at,
        stable_requests=table[:, 1],
        stable_errors=table[:, 2],
        canary_requests=table[:, 3],
        canary_errors=table[:, 4],
        stable_slow=slow[:, :1],
        canary_slow=slow[:, 1:],
        gaps=np.full(len(at), NO_GAP, dtype=np.int8),
        weights=np.zeros(len(at), dtype=np.int8),
    )


def _check_header(name: str, header: list[str]) -> None:
    if not any(header):
        raise InputError(f"{name} is empty", hint=PAGE)
    wanted = [TIME, *COUNTS, *(SLOW if set(SLOW) & set(header) else ())]
    missing = [column for column in wanted if column not in header]
    if missing:
        raise InputError(f"{name} has no column {', '.join(missing)}; it has {', '.join(header)}", hint=PAGE)
    unknown = [column for column in header if column not in wanted]
    if unknown or len(set(header)) < len(header):
        twice = sorted({column for column in header if header.count(column) > 1})
        said = f"unknown columns {', '.join(unknown)}" if unknown else f"{', '.join(twice)} twice"
        raise InputError(f"{name} has {said}; known are {', '.join([TIME, *COUNTS, *SLOW])}", hint=PAGE)


def _row(place: str, header: list[str], row: list[str]) -> list[float]:
    if len(row) != len(header):
        raise InputError(f"{place}: {len(row)} values for {len(header)} columns")
    cells = dict(zip(header, row, strict=True))
    at = _time(place, cells[TIME])
    slow = SLOW if SLOW[0] in cells else ()
    counts = {column: _count(place, column, cells[column]) for column in (*COUNTS, *slow)}
    for column, count in counts.items():
        requests = f"{column.partition('_')[0]}_requests"
        if count > counts[requests]:
            raise InputError(f"{place}: {column} is {count}, more than {requests}, {counts[requests]}")
    return [at, *counts.values()]


def _time(place: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{place}: {TIME} is {text.strip()!r}, not a number of seconds")
    return value


def _count(place: str, column: str, text: str) -> int:
    digits = text.strip()
    if digits.startswith("-"):
        raise InputError(f"{place}: {column} is {digits!r}; a count is never negative")
    if not (digits.isascii() and digits.isdigit()):
        raise InputError(f"{place}: {column} is {digits!r}, not a whole number")
    if len(digits) > 13 or int(digits) > LARGEST:
        raise InputError(f"{place}: {column} is {digits[:20]}; the largest count is {LARGEST}")
    return int(digits)
