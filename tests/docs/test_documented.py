"""What exists is documented, and what is documented exists."""

import ast
import importlib
import inspect
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import pytest
import yaml
from pydantic import BaseModel

from carelane.base import errors
from carelane.cli.main import COMMANDS, SUMMARIES, cli
from carelane.config import reading
from carelane.config.basics import Strict
from carelane.config.model import Configuration
from carelane.delivery.deployments import Phase, RolloutPhase
from carelane.platforms.kubernetes.counting import BUCKETS_MS

ROOT = Path(__file__).parents[2]
COMMAND_PAGE = (ROOT / "docs" / "commands.md").read_text()
API_PAGE = (ROOT / "docs" / "api.md").read_text()
SETTINGS_PAGE = (ROOT / "docs" / "configuration.md").read_text()
README = (ROOT / "README.md").read_text()


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its full name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


ALL = dict(commands(cli, "carelane"))


@pytest.mark.parametrize("name", ALL)
def test_every_command_is_on_its_page_with_its_options(name: str) -> None:
    row = next((line for line in COMMAND_PAGE.splitlines() if line.startswith(f"| `{name}")), None)
    assert row is not None, f"docs/commands.md does not have {name}"
    shared = {"--output", "-o", "--help"}
    options = {
        o for p in ALL[name].params if isinstance(p, click.Option) for o in p.opts if o.startswith("--")
    }
    missing = [option for option in options - shared if option not in row]
    assert missing == []


@pytest.mark.parametrize("name", ALL)
def test_every_command_explains_itself_with_an_example(name: str) -> None:
    command = ALL[name]
    assert command.help
    assert command.epilog is not None
    assert command.epilog.startswith(f"Example: {'eval ' if 'completion' in name else ''}")
    assert name.split()[1] in command.epilog


def test_every_page_row_is_a_command_that_exists() -> None:
    rows = re.findall(r"^\| `(carelane [a-z -]+?)(?: [A-Z \[\]]+)?` ", COMMAND_PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(ALL)


def test_the_summaries_in_the_list_are_of_the_commands_there_are() -> None:
    assert list(SUMMARIES) == list(COMMANDS)
    for target in COMMANDS.values():
        module, _, name = target.partition(":")
        assert isinstance(getattr(importlib.import_module(module), name), click.Command)


def test_every_error_is_on_the_page_with_its_exit_code() -> None:
    kinds = [k for _, k in inspect.getmembers(errors, inspect.isclass) if issubclass(k, errors.CarelaneError)]
    assert kinds
    for kind in kinds:
        assert re.search(rf"^\| {kind.exit_code} \| [^|]*\b{kind.__name__}\b", COMMAND_PAGE, re.MULTILINE), (
            kind
        )


def test_every_route_is_on_its_page_and_the_other_way_round() -> None:
    from datetime import UTC, datetime

    from carelane.api import application

    class Nothing:
        """Stands where the application only passes an app on."""

        answers = operations = None

    made = application.create(Nothing(), datetime.now(UTC), lambda _: None)  # type: ignore[arg-type]  # see above
    there = {
        f"{method.upper()} {path}" for path, methods in made.openapi()["paths"].items() for method in methods
    }
    told = set(re.findall(r"^\| `((?:GET|POST) /api/v1\S+)`", API_PAGE, re.MULTILINE))
    assert there == told


def acts() -> set[str]:
    """Every act that is written into the trail, by the calls that do it and the phases there are."""
    found = {f"deployment.{phase.lower()}" for phase in Phase if phase is not Phase.WAITING}
    found |= {f"rollout.{phase.lower()}" for phase in RolloutPhase if phase is not RolloutPhase.PENDING}
    for file in (ROOT / "src" / "carelane").rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text())):
            if isinstance(call, ast.Call) and re.search(r"(record\w*|Entry)$", ast.unparse(call.func)):
                said = [a.value for a in call.args if isinstance(a, ast.Constant)]
                found |= {a for a in said if isinstance(a, str) and re.fullmatch(r"[a-z]+\.[a-z_]+", a)}
    return found


def test_every_act_is_on_its_page_and_the_other_way_round() -> None:
    rows = re.findall(r"^\| (`[a-z]+\.[a-z_]+`.*?) \|", API_PAGE, re.MULTILINE)
    assert acts() == {act for row in rows for act in re.findall(r"`([a-z]+\.[a-z_]+)`", row)}


def settings(model: type[BaseModel]) -> Iterator[str]:
    """The names of all settings, once for each model that defines them; `kind` tells models apart."""
    known, todo = set[type[BaseModel]](), [model]
    while todo:
        each = todo.pop()
        todo += [inner for field in each.model_fields.values() for inner in models(field.annotation)]
        for definer in {c for c in each.__mro__ if issubclass(c, Strict)} - known:
            known.add(definer)
            yield from (
                name for name in definer.__annotations__ if name in each.model_fields and name != "kind"
            )
    yield "kind"


def models(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - a type expression of any form
    """The models within a type."""
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        yield annotation
    for part in get_args(annotation):
        yield from models(part)


@pytest.mark.parametrize(("name", "times"), sorted(Counter(settings(Configuration)).items()))
def test_every_setting_is_on_its_page(name: str, times: int) -> None:
    """As often as there are places for it: `port` of a pipeline says nothing of `port` of an environment."""
    said = re.findall(
        rf"`[^`\n]*\b{name}\b[^`\n]*`", re.sub(r"```.*?```", "", SETTINGS_PAGE, flags=re.DOTALL)
    )
    assert len(said) >= times, f"docs/configuration.md has {name} {len(said)} times, and there are {times}"


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page that are of *language*; plain ones have none."""
    fences = re.split(r"^```(.*)$", page, flags=re.MULTILINE)
    inside = zip(fences[1::4], fences[2::4], strict=False)
    return [text.lstrip("\n") for told, text in inside if told == language]


@pytest.mark.parametrize("page", ["README.md", "docs/configuration.md", "docs/kubernetes.md"])
def test_every_configuration_shown_is_right(page: str) -> None:
    shown = [
        block for block in blocks((ROOT / page).read_text(), "yaml") if "system" in yaml.safe_load(block)
    ]
    assert shown
    for block in shown:
        assert reading.read(block).system == yaml.safe_load(block)["system"]


def test_every_command_in_an_example_exists() -> None:
    for page in (README, (ROOT / "docs" / "kubernetes.md").read_text()):
        used = set(re.findall(r"^carelane ([a-z-]+)", "\n".join(blocks(page, "")), re.MULTILINE))
        assert used
        assert used <= set(COMMANDS)


def test_the_latencies_that_a_gateway_counts_by_are_on_its_page() -> None:
    page = " ".join((ROOT / "docs" / "kubernetes.md").read_text().split())
    assert f"must be one of {', '.join(f'{ms / 1000:g}' for ms in BUCKETS_MS)};" in page


def test_every_page_that_is_linked_to_is_there() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_changelog_has_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    heading = "Unreleased" if ".dev" in version else version
    assert f"## {heading}" in (ROOT / "CHANGELOG.md").read_text()


def test_no_requirement_file_names_a_host() -> None:
    folders = [ROOT / "requirements", ROOT / "tests" / "systems"]
    files = [file for folder in folders for file in folder.rglob("*.txt")]
    files += (ROOT / "examples").rglob("requirements*.txt")
    assert len(files) >= 5
    for file in files:
        assert "://" not in file.read_text(), file
        assert "--hash=sha256:" in file.read_text(), file


def test_every_test_that_a_page_names_is_there() -> None:
    named = {
        (page.name, path)
        for page in (ROOT / "docs").rglob("*.md")
        for path in re.findall(r"`+(tests/[\w./]+\.py)`+", page.read_text())
    }
    assert len(named) > 10
    assert [pair for pair in sorted(named) if not (ROOT / pair[1]).is_file()] == []
