"""The command `carelane`: which commands there are, and what an error looks like."""

import contextlib
import errno
import importlib
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from carelane.base.errors import CarelaneError, InputError, NotFoundError, PlatformError, not_written
from carelane.cli.output import plain, say

COMMANDS = {
    "up": "carelane.cli.server:up",
    "down": "carelane.cli.server:down",
    "status": "carelane.cli.status:status",
    "env": "carelane.cli.status:env",
    "release": "carelane.cli.releases:release",
    "deploy": "carelane.cli.deployments:deploy",
    "deployments": "carelane.cli.deployments:deployments",
    "rollout": "carelane.cli.rollouts:rollout",
    "scale": "carelane.cli.services:scale",
    "restart": "carelane.cli.services:restart",
    "exec": "carelane.cli.services:execute",
    "rollback": "carelane.cli.rollbacks:rollback",
    "emergency-rollback": "carelane.cli.rollbacks:emergency_rollback",
    "history": "carelane.cli.rollbacks:history",
    "logs": "carelane.cli.logs:logs",
    "events": "carelane.cli.events:events",
    "incidents": "carelane.cli.incidents:incidents",
    "notifications": "carelane.cli.notifications:notifications",
    "analysis": "carelane.cli.analysis:analysis",
    "token": "carelane.cli.tokens:token",
    "gh-env": "carelane.cli.pipelines:gh_env",
    "state": "carelane.cli.state:state",
    "disk": "carelane.cli.disk:disk",
    "prune": "carelane.cli.disk:prune",
    "debug": "carelane.cli.debug:debug",
    "config": "carelane.cli.config:config",
    "reload": "carelane.cli.reloading:reload",
    "completion": "carelane.cli.completion:completion",
}
SUMMARIES = {
    "up": "Start the server of the system in this folder.",
    "down": "End the server and what it runs.",
    "status": "All environments at one look.",
    "env": "One environment in detail.",
    "release": "Make and list releases.",
    "deploy": "Put a release into an environment.",
    "deployments": "What was asked for, and how it went.",
    "rollout": "Watch, hold, resume, retry or end what is moving.",
    "scale": "Another number of instances, until the next deployment.",
    "restart": "Renew a service's instances, one after the other.",
    "exec": "Run a command beside an instance.",
    "rollback": "Go back to an earlier revision.",
    "emergency-rollback": "Go back at once, asking no gate.",
    "history": "An environment's revisions.",
    "logs": "What a service's instances printed.",
    "events": "The trail: who did what, when and why.",
    "incidents": "That users had something worse, and until when.",
    "notifications": "Who is told what, and how that went.",
    "analysis": "Judge recorded traffic, plan a canary, compare rules.",
    "token": "Tokens of pipelines.",
    "gh-env": "What gh needs to speak to this system's localhub.",
    "state": "Check, copy or put back what is recorded.",
    "disk": "What takes how much.",
    "prune": "Remove what nobody needs any more.",
    "debug": "What whoever helps needs to see.",
    "config": "Check carelane.yaml, or show what it comes to.",
    "reload": "Bring into force what carelane.yaml says by now.",
    "completion": "Shell completion.",
}


class LazyGroup(click.Group):
    """A group that imports a command only to run it or to show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as inherited
        """The names, in the order of a day's work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as inherited
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as inherited
        """The list in --help, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))


@click.group(
    cls=LazyGroup,
    epilog="Example: carelane up --detach; carelane release create; carelane deploy production --release v1",
)
@click.option(
    "-C",
    "--directory",
    type=click.Path(file_okay=False),
    default=".",
    help="The system's folder, or one below it (default: here).",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    help="How to show it, as behind a command that shows something.",
)
@click.version_option(package_name="carelane")
@click.pass_context
def cli(context: click.Context, directory: str, output: str | None) -> None:
    """Ship a system through its environments, judge every release, undo it at once."""
    del output  # read where something is shown
    if not Path(directory).is_absolute():
        _check_where_we_are()
    context.obj = directory


def _check_where_we_are() -> None:
    try:
        Path.cwd()
    except FileNotFoundError:
        raise NotFoundError(
            "the folder that you are in is gone", hint="go to your system's folder, or name it with -C FOLDER"
        ) from None


def main() -> None:
    """Run, and turn every error into one message and the right exit code."""
    _open_what_is_closed()
    try:
        code = cli.main(standalone_mode=False, color=False if plain() else None)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        _show_usage(error)
        sys.exit(error.exit_code)
    except CarelaneError as error:
        _show(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        _drop_what_is_left()
        sys.exit(0)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            _bug(error)
        _show(not_written(str(error.filename or "what there is to say"), error))
        _drop_what_is_left()
        sys.exit(PlatformError.exit_code)
    except Exception as error:  # noqa: BLE001 - the one place where a bug becomes a message
        _bug(error)
    sys.exit(_code(code))


def _open_what_is_closed() -> None:
    """Who is started with a standard stream closed has none, and the next file gets its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - open to the end


def _drop_what_is_left() -> None:
    """Nobody takes what is still to be printed: it would be tried, and told, once more at the end."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _show_usage(error: click.ClickException) -> None:
    """As click says it, but for what is no number: that gets a sentence with what would be one."""
    said = _no_number(error) if isinstance(error, click.BadParameter) else None
    if said is None:
        error.show()
    else:
        _show(said)


def _no_number(error: click.BadParameter) -> InputError | None:
    """What is wanted where something else than a number was given; None where it is something else."""
    value, invalid, _ = error.message.partition(" is not a valid ")
    if error.param is None or error.ctx is None or not invalid:
        return None
    kind = error.param.type
    if not isinstance(kind, click.types.IntParamType | click.types.FloatParamType):
        return None
    wanted = "a whole number" if isinstance(kind, click.types.IntParamType) else "a number"
    if isinstance(kind, click.IntRange | click.FloatRange) and kind.min is not None:
        wanted += f" more than {kind.min}" if kind.min_open else f" from {kind.min}"
        wanted += "" if kind.max is None else f" to {kind.max}"
    name = error.param.get_error_hint(error.ctx)
    return InputError(f"{name} wants {wanted}, not {value}", hint=f"`{error.ctx.command_path} --help`")


def _bug(error: Exception) -> NoReturn:
    say(f"error: a bug in carelane: {type(error).__name__}: {error}", err=True)
    sys.exit(70)


def _code(value: Any) -> int:  # noqa: ANN401 - whatever a command returns
    return value if isinstance(value, int) else 0


def _show(error: CarelaneError) -> None:
    say(f"error: {error.message}", err=True)
    if error.hint:
        say(f"  try: {error.hint}", err=True)


if __name__ == "__main__":
    main()
