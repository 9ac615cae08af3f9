"""localhub's expressions against GitHub's own package: the same value, or the same refusal."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from localhub.expressions import functions
from tests.contract.localhub.oracle.generating import CONTEXTS, Generator
from tests.contract.localhub.oracle.oracle import REFUSED, Oracle, ours

DATA = Path(__file__).parents[2] / "data" / "localhub" / "expressions.txt"
GENERATED = 500
SEED = 20_261_125


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    with Oracle() as started:
        yield started


def written() -> list[tuple[str, str]]:
    """The hand-written expressions with what they give."""
    lines = [line for line in DATA.read_text().splitlines() if line and not line.startswith("# ")]
    return [(source, answer) for source, _, answer in (line.rpartition("  =>  ") for line in lines)]


@pytest.mark.parametrize(("source", "answer"), written())
def test_a_written_expression_gives_what_github_gives(oracle: Oracle, source: str, answer: str) -> None:
    assert oracle.evaluate(source, CONTEXTS) == answer
    assert ours(source, CONTEXTS) == answer


def test_there_are_at_least_200_written_expressions() -> None:
    assert len({source for source, _ in written()}) >= 200


def test_generated_expressions_give_what_github_gives(oracle: Oracle) -> None:
    sources = Generator(SEED).distinct(GENERATED)
    answers = {source: oracle.evaluate(source, CONTEXTS) for source in sources}
    different = {s: (a, ours(s, CONTEXTS)) for s, a in answers.items() if ours(s, CONTEXTS) != a}
    assert different == {}
    assert covers_the_language("\n".join(sources)) == []
    assert 20 < Counter(answers.values())[REFUSED] < GENERATED / 4
    assert len(set(answers.values())) > 100


def covers_the_language(sources: str) -> list[str]:
    """The operators and functions that do not occur."""
    operators = ["==", "!=", "<", "<=", ">", ">=", "&&", "||", "!", ".*", "[*]", "['", "[", "("]
    wanted = [*operators, *(f"{name}(" for name in [*functions.BUILT_IN, *functions.GIVEN])]
    return [each for each in wanted if each not in sources and each not in sources.lower()]


LIMITS = {
    "groups": lambda n: f"{'(' * n}1{')' * n}",
    "negations": lambda n: f"{'!' * n}1",
    "dereferences": lambda n: f"github{'.x' * n}",
    "indexes": lambda n: f"{'github[' * n}0{']' * n}",
    "calls": lambda n: f"{'join(' * n}1{')' * n}",
    "operators": lambda n: f"{'(1 || ' * n}0{')' * n}",
}


@pytest.mark.parametrize("form", LIMITS)
def test_nesting_ends_where_it_does_on_github(oracle: Oracle, form: str) -> None:
    answers = {depth: oracle.evaluate(LIMITS[form](depth), CONTEXTS) for depth in range(1, 60)}
    assert {depth: ours(LIMITS[form](depth), CONTEXTS) for depth in answers} == answers
    assert answers[1] != REFUSED
    assert answers[59] == REFUSED


@pytest.mark.parametrize("characters", [21_000, 21_001])
def test_length_ends_where_it_does_on_github(oracle: Oracle, characters: int) -> None:
    source = f"'{'😀' * 10_000}'".ljust(characters - 10_000)
    assert (oracle.evaluate(source, CONTEXTS) == REFUSED) is (characters > 21_000)
    assert ours(source, CONTEXTS) == oracle.evaluate(source, CONTEXTS)


@pytest.mark.parametrize(
    ("source", "theirs", "own"),
    [
        # The docs say that '' stands for a quote; the package takes only the first of them for one.
        ("'a''b''c'", '''"a'b''c" as "a'b''c"''', '''"a'b'c" as "a'b'c"'''),
        # JavaScript puts whole numbers first among keys; GitHub's runner keeps the order that was written.
        (
            """toJSON(fromJSON('{"b":1,"2":2}'))""",
            r"""'{\n  "2": 2,\n  "b": 1\n}' as '{\n  "2": 2,\n  "b": 1\n}'""",
            r"""'{\n  "b": 1,\n  "2": 2\n}' as '{\n  "b": 1,\n  "2": 2\n}'""",
        ),
        # In JavaScript every object has a constructor, and the package loses a key of that name.
        ("""fromJSON('{"constructor": 1}').constructor""", "None as ''", "1.0 as '1'"),
        # What is nested deeper than 100 levels would exhaust our stack, and is refused.
        (f"join(fromJSON('{'[' * 102}{']' * 102}'))", "'Array' as 'Array'", REFUSED),
    ],
)
def test_what_is_known_to_differ_differs_so(oracle: Oracle, source: str, theirs: str, own: str) -> None:
    """Each is the package's own flaw, or a limit that we set; see the comments."""
    assert oracle.evaluate(source, CONTEXTS) == theirs
    assert ours(source, CONTEXTS) == own
