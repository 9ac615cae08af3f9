"""The language, as docs.github.com describes it under "Evaluate expressions in workflows and actions"."""

import pytest

from localhub import expressions
from localhub.base.errors import ExpressionError
from localhub.expressions import Scope, Value

SCOPE = Scope(
    {"github": {"ref": "refs/heads/main", "event": {"labels": [{"name": "a"}, {"name": "B"}], "n": 3}}},
    {"always": lambda: True},
)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("github.REF == 'REFS/heads/MAIN' && 'yes' || 'no'", "yes"),
        ("join(github.event.labels.*.name, '-')", "a-B"),
        ("github.event.labels[1].name", "B"),
        ("github.event.labels[9].name", None),
        ("format('{{{0}}} {1}', 1.50, null)", "{1.5} "),
        ("0x1F == 31", True),
        ("'' == 0", True),
        ("NaN == NaN", False),
        ("'it''s ''quoted'''", "it's 'quoted'"),
        ("!always()", False),
        ("case(false, 1, 'b')", "b"),
    ],
)
def test_an_expression_gives_its_value(source: str, value: Value) -> None:
    assert expressions.evaluate(source, SCOPE) == value


@pytest.mark.parametrize(
    "source",
    ["", "1 +", "(1", "a.b", "nothing()", "format('{1}', 0)", "contains('a')", "'open", "fromJSON('{')"],
)
def test_what_is_no_expression_or_fails_is_refused(source: str) -> None:
    with pytest.raises(ExpressionError):
        expressions.evaluate(source, SCOPE)


def test_a_template_keeps_the_type_of_a_single_expression_only() -> None:
    tree: Value = {"a": "${{ 1 }}", "b": ["x${{ 1 }}"], "c": 2.0}
    assert expressions.evaluate_template(tree, SCOPE) == {"a": 1.0, "b": ["x1"], "c": 2.0}


@pytest.mark.parametrize("opening", ["toJSON(", "format('{0}{0}', ", "join(fromJSON('[1, 2, 3]'), "])
def test_text_that_grows_at_every_level_is_refused(opening: str) -> None:
    source = f"""{opening * 45}'{'"' * 1000}'{")" * 45}"""
    with pytest.raises(ExpressionError, match="longer than"):
        expressions.evaluate(source, SCOPE)


def test_no_chain_exhausts_the_stack() -> None:
    for operator in ["==", "&&", "<"]:
        source = f"1{f'{operator}1' * 6000}"
        assert expressions.evaluate(source, SCOPE) in {True, False}
        assert expressions.fold(f"${{{{ {source} || x }}}}", SCOPE, frozenset({"x"}))
        assert expressions.fold(f"${{{{ x {operator} {source} }}}}", SCOPE, frozenset({"x"}))


def test_no_case_exhausts_the_stack() -> None:
    source = f"case({'x == 1, 1, ' * 1500} 2)"
    with pytest.raises(ExpressionError, match="more than 50 predicates"):
        expressions.fold(f"${{{{ {source} }}}}", SCOPE, frozenset({"x"}))
    assert expressions.evaluate(source, Scope({"x": 2})) == 2


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("${{ secrets.A }} ${{ SECRETS['b c'] || secrets.a }}", {"a", "b c"}),
        ("secrets.A ${{ 'secrets.B' }} ${{ github.secrets.C }}", set()),
        ("${{ toJSON(secrets) }}", None),
        ("${{ secrets.* }}", None),
        ("${{ secrets[github.ref] }}", None),
        ("${{ github[secrets.A] }}", {"a"}),
    ],
)
def test_the_secrets_that_are_used_are_known(text: str, names: set[str] | None) -> None:
    assert expressions.names_used({"env": {"X": [text]}}, "secrets") == names


@pytest.mark.parametrize(
    ("written", "condition"),
    [
        ("", "success()"),
        ("github.ref", "success() && (github.ref)"),
        ("${{ github.ref }}", "success() && (github.ref)"),
        ("!cancelled()", "!cancelled()"),
        ("${{ github.ref }} == 'x'", "success() && (format('{0} == ''x''', github.ref))"),
        ("github.ref == 'always()'", "success() && (github.ref == 'always()')"),
    ],
)
def test_a_condition_without_a_status_asks_for_success(written: str, condition: str) -> None:
    assert expressions.condition(written) == condition


def test_the_contexts_used_are_known() -> None:
    source = "GitHub.ref == needs['a'] || format('{0}', env)"
    assert expressions.contexts_used(source) == {"github", "needs", "env"}
    assert expressions.uses_status_function("a && ALWAYS()")
    assert not expressions.uses_status_function("always.success")
