"""A matrix's combinations, and the names of the jobs that they make.

Source: docs.github.com, "Running variations of jobs in a workflow", "Expanding or adding matrix
configurations" and "Excluding matrix configurations".
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping

from localhub.base.errors import InputError
from localhub.expressions import Value, text, values

MAX_JOBS = 256
MAX_TRIED = 100_000
"""Combinations looked at before exclusions: twenty vectors of ten would outlast the universe."""

MAX_NAME_CHARACTERS = 100
INCLUDE, EXCLUDE = "include", "exclude"


def combinations(matrix: Value) -> list[dict[str, Value]]:
    """The combinations of an evaluated matrix, in GitHub's order; the last vector changes fastest.

    Every combination that *exclude* matches in part is left out. Then each entry of *include* is added to
    all combinations whose original values it does not overwrite; fitting none, it becomes one of its own.

    Raises:
        InputError: If it is no matrix, has no vector or an empty one, or makes more than 256 jobs.
    """
    if not isinstance(matrix, dict):
        raise InputError(f"The matrix must be a mapping of vectors, not {article(matrix)}")
    vectors = {
        name: vector(name, value) for name, value in matrix.items() if name.lower() not in {INCLUDE, EXCLUDE}
    }
    included = entries(matrix, INCLUDE)
    if not vectors and not included:
        raise InputError("Matrix must define at least one vector")
    found = list(limited(remaining(vectors, entries(matrix, EXCLUDE)))) if vectors else []
    extended = [dict(combination) for combination in found]
    added: list[dict[str, Value]] = []
    for entry in included:
        fitting = [at for at, original in enumerate(found) if fits(entry, original)]
        for at in fitting:
            extended[at] |= entry
        if not fitting:
            added.append(dict(entry))
    return list(limited([*extended, *added]))


def article(value: Value) -> str:
    """A value's kind, as it stands in a sentence."""
    kind = values.kind(value)
    return f"{'an' if kind[0] in 'ao' else 'a'} {kind}" if value is not None else "null"


def vector(name: str, value: Value) -> list[Value]:
    """The values of one vector."""
    if not isinstance(value, list):
        raise InputError(f"Matrix vector '{name}' must be an array, not {article(value)}")
    if not value:
        raise InputError(f"Matrix vector '{name}' does not contain any values")
    return value


def entries(matrix: Mapping[str, Value], name: str) -> list[dict[str, Value]]:
    """The entries of include or exclude."""
    given = values.member(matrix, name)
    if given is None or given == "":
        return []
    if not isinstance(given, list):
        raise InputError(f"Matrix {name} must be an array, not {article(given)}")
    found = [entry for entry in given if isinstance(entry, dict)]
    if len(found) < len(given):
        raise InputError(f"Each entry of matrix {name} must be a mapping")
    return found


def remaining(
    vectors: Mapping[str, list[Value]], excluded: list[dict[str, Value]]
) -> Iterator[dict[str, Value]]:
    """The combinations of the vectors without those that are excluded."""
    for tried, chosen in enumerate(itertools.product(*vectors.values())):
        if tried >= MAX_TRIED:
            raise InputError(f"The matrix has more than {MAX_TRIED} combinations before its exclusions")
        combination = dict(zip(vectors, chosen, strict=True))
        if not any(matches(entry, combination) for entry in excluded):
            yield combination


def limited(found: Iterable[dict[str, Value]]) -> Iterator[dict[str, Value]]:
    """The same combinations, as long as there are not too many."""
    for count, combination in enumerate(found):
        if count >= MAX_JOBS:
            raise InputError(
                f"The matrix makes more than {MAX_JOBS} jobs, the most that a workflow run may have"
            )
        yield combination


def matches(entry: Mapping[str, Value], combination: Mapping[str, Value]) -> bool:
    """Whether a combination has everything that an entry names."""
    return all(
        values.has(combination, name) and same(value, values.member(combination, name))
        for name, value in entry.items()
    )


def fits(entry: Mapping[str, Value], original: Mapping[str, Value]) -> bool:
    """Whether an entry overwrites nothing of what the vectors gave."""
    return all(
        same(value, values.member(original, name))
        for name, value in entry.items()
        if values.has(original, name)
    )


def same(left: Value, right: Value) -> bool:
    """Whether two values are equal, arrays and objects part by part."""
    if isinstance(left, dict) and isinstance(right, dict):
        return len(left) == len(right) and matches(left, right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return values.equal(left, right)


def job_name(named: str, combination: Mapping[str, Value] | None) -> str:
    """A job's name with its combination, as GitHub shows it: `test (3.12, unit)`.

    Args:
        named: The job's name, or its id where it has none. A name with `${{ }}` tells its jobs apart
            itself: it is evaluated instead, and no combination is shown.
        combination: The values of the job's combination, None without a matrix.

    Returns:
        At most 100 characters, the last three of them points where more would be.
    """
    shown = [word for value in (combination or {}).values() for word in leaves(value) if word]
    name = f"{named} ({', '.join(shown)})" if shown else named
    return name if len(name) <= MAX_NAME_CHARACTERS else f"{name[: MAX_NAME_CHARACTERS - 3]}..."


def leaves(value: Value) -> Iterator[str]:
    """The values without parts within a value, as text."""
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)
    else:
        yield text(value)
