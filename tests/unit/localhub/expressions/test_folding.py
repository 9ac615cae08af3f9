"""What is known is folded; what act was measured to do with the rest is in tests/contract/localhub."""

import pytest

from localhub import expressions
from localhub.base.errors import ExpressionError
from localhub.expressions import Scope

TITLE = "x ${{ secrets.T }}"
SCOPE = Scope(
    {
        "github": {"ref": "refs/heads/main", "event": {"title": TITLE}},
        "needs": {"b": {"result": "success", "outputs": {"v": "it's", "m": '{"a":{"x":1},"b":{"x":2}}'}}},
        "matrix": {"py": 3.12},
    }
)
KEEP = frozenset({"steps", "secrets", "hashFiles", "success", "always", "github.workspace"})


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("a ${{ needs.b.outputs.v }} ${{ steps.t.outputs.v }}", "a it's ${{ steps.t.outputs.v }}"),
        ("${{ needs.b.result == 'success' && steps.a.outcome }}", "${{ steps.a.outcome }}"),
        ("${{ needs.b.result != 'success' && steps.a.outcome }}", "false"),
        ("${{ github.workspace }}/${{ github.REF }}", "${{ github.workspace }}/refs/heads/main"),
        (
            "${{ format('{0}{1}', matrix.py, hashFiles(needs.b.outputs.v)) }}",
            "${{ format('{0}{1}', 3.12, hashFiles('it''s')) }}",
        ),
        ("${{ join(fromJSON(needs.b.outputs.m).*.x) }}", "1,2"),
        (
            "${{ fromJSON(needs.b.outputs.m)[steps.k.outputs.k].x }}",
            """${{ fromJSON('{"a":{"x":1},"b":{"x":2}}')[steps.k.outputs.k].x }}""",
        ),
        (
            "${{ needs.*.outputs[steps.k.outputs.k] }}",
            (
                """${{ fromJSON('[{"v":"it''s","m":"{\\"a\\":{\\"x\\":1},\\"b\\":{\\"x\\":2}}"}]')"""
                ".*[steps.k.outputs.k] }}"
            ),
        ),
        ("${{ NaN == steps.a.x }}", "false"),
        ("${{ null == steps.a.x && null }}", "${{ 0 == steps.a.x && null }}"),
        ("${{ steps.a.x < 1 == true }}", "${{ (steps.a.x < 1) == 1 }}"),
        ("${{ steps.a.x && 0.00001 }}", "${{ steps.a.x && '0.00001' }}"),
        ("${{ steps.a.x && 12345678901 }}", "${{ steps.a.x && '12345678901' }}"),
        ("${{ steps.a.x == 12345678901 }}", "${{ steps.a.x == 12345678901.0 }}"),
        ("${{ 0xff == steps.a['b c'] }}", "${{ 255 == steps.a['b c'] }}"),
        ("${{ false && fromJSON('') || steps.a.x }}", "${{ steps.a.x }}"),
        ("${{ steps.a.x && fromJSON('') }}", "${{ steps.a.x && fromJSON('{') }}"),
        ("${{ case(matrix.py == 3.12, steps.a.x, 'no') }}", "${{ steps.a.x }}"),
        (
            "${{ case(steps.a.x == 1, 'a', 'b') }}",
            """${{ fromJSON(format('[{0},{1}]', '"a"', '"b"'))[!(steps.a.x == 1) && 1 || 0] }}""",
        ),
        ("${{ github.ref.nothing[steps.a.x] || !steps.a.x }}", "${{ !steps.a.x }}"),
    ],
)
def test_what_is_known_becomes_a_literal(text: str, folded: str) -> None:
    assert expressions.fold(text, SCOPE, KEEP) == folded


@pytest.mark.parametrize("text", ["${{ fromJSON('') }}", "${{ steps.a < Infinity }}", "${{ nothing.x }}"])
def test_what_fails_or_cannot_be_told_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        expressions.fold(text, SCOPE, KEEP)


@pytest.mark.parametrize("times", [0, 1, 2, 3])
def test_text_that_came_from_outside_survives_being_evaluated_again(times: int) -> None:
    evaluated = expressions.fold("$${{ github.event.title }}", SCOPE, KEEP, times=times)
    for _ in range(times):
        evaluated = expressions.interpolate(evaluated, Scope())
    assert evaluated == f"${TITLE}"


def test_text_within_what_is_left_survives_too() -> None:
    folded = expressions.fold("${{ format('{0}{1}', github.event.title, secrets.S) }}", SCOPE, KEEP, times=2)
    once = expressions.interpolate(folded, Scope({"secrets": {"S": "s", "T": "t"}}))
    assert expressions.interpolate(once, Scope({"secrets": {"S": "s", "T": "t"}})) == f"{TITLE}s"


def test_a_dollar_before_what_is_left_completes_nothing() -> None:
    folded = expressions.fold("$${{ secrets.S }}", SCOPE, KEEP, times=2)
    scope = Scope({"secrets": {"S": "{{ secrets.T }}", "T": "t"}})
    assert expressions.interpolate(expressions.interpolate(folded, scope), scope) == "${{ secrets.T }}"


def test_a_condition_stays_an_expression() -> None:
    fold = expressions.fold_condition
    assert fold("success() && (github.ref == 'x')", SCOPE, KEEP) == "${{ success() && false }}"
    assert fold("github.ref", SCOPE, KEEP) == "${{ true }}"
