"""--output before and behind a command, and terminals that want no colours."""

import click
import pytest
from click.testing import CliRunner

from carelane.cli.main import cli
from carelane.cli.output import output_option, plain, say, table


@click.command()
@output_option
def shows(output: str) -> None:
    """What a command is given."""
    click.echo(output)


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        (["shows"], "table"),
        (["-o", "json", "shows"], "json"),
        (["--output", "json", "shows", "-o", "table"], "table"),
        (["shows", "-o", "json"], "json"),
        (["-o", "table", "shows"], "table"),
    ],
)
def test_what_is_said_behind_the_command_goes_before_what_is_said_before_it(
    arguments: list[str], given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(cli), "get_command", lambda *_: shows)
    ran = CliRunner().invoke(cli, arguments)
    assert (ran.exit_code, ran.output) == (0, f"{given}\n")


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [({}, False), ({"NO_COLOR": "1"}, True), ({"NO_COLOR": ""}, False), ({"TERM": "dumb"}, True)],
)
def test_who_wants_no_colours_has_none(
    variables: dict[str, str], wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert plain() is wanted


def test_a_cell_of_a_table_is_one_line_whatever_somebody_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    table(["RELEASE", "REASON"], [["v1", "bad\nv2       fine"], ["v3", ""]])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == ["RELEASE  REASON", "v1       bad v2       fine", "v3"]


@pytest.mark.parametrize("text", ["\x1b]0;title\x07", "over\rwritten", "\x9b2J", "\u202egnorw"])
def test_nothing_that_others_wrote_moves_a_terminal(capsys: pytest.CaptureFixture[str], text: str) -> None:
    say(f"because {text}\n\tnext")
    table(["WHY"], [[text]])
    said = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\r", "\x9b", "\u202e"} & set(said)
    assert "because" in said
    assert "\n\tnext" in said
    assert "\\u" in said or "over" in said
