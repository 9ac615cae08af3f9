"""`localhub`: serve, and the few things that are no request to a server."""

import os
import sys
from pathlib import Path

import click

from localhub.base.errors import LocalhubError

EXIT = {400: 2, 401: 3, 403: 3, 404: 4, 409: 5, 502: 6}
STATE = click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".localhub"),
    show_default=True,
    help="Folder that everything is kept in.",
)
CONFIG = click.option(
    "--config", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="localhub.yaml (see docs)."
)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""Example: localhub serve & eval "$(localhub env)" && gh run list -R hospital/app""",
)
@click.version_option(package_name="carelane", prog_name="localhub")
def main() -> None:
    """GitHub Actions for one machine: git push, workflow files and gh, without GitHub."""


@main.command(epilog="Example: localhub serve --state .localhub --port 4280")
@STATE
@CONFIG
@click.option(
    "--port", type=int, default=None, help="Loopback port for git and curl as well; 0 takes a free one."
)
def serve(state: Path, config: Path | None, port: int | None) -> None:
    """Serves until it is told to stop (Ctrl-C)."""
    from localhub.api.app import application
    from localhub.bootstrap import lock, serving
    from localhub.bootstrap.localhub import built, started
    from localhub.hub import settings

    os.umask(0o022)  # jobs run as another user; the state folder itself is closed to everybody else
    chosen = settings.read(config, state.resolve())
    with lock.held(chosen.state):
        localhub = built(chosen)
        sockets = [serving.unix_socket(chosen.socket)]
        where = [str(chosen.socket)]
        (chosen.state / "run" / "port").unlink(missing_ok=True)
        if port is not None:
            tcp = serving.tcp_socket(port)
            sockets.append(tcp)
            number = tcp.getsockname()[1]
            localhub.address = f"127.0.0.1:{number}"
            where.append(f"http://{localhub.address}")
            (chosen.state / "run" / "port").write_text(str(number), encoding="ascii")
        started(localhub)
        if not localhub.fenced:
            click.echo(
                "NO SANDBOX: workflow code runs as this user and can read all that this user can", err=True
            )

        def ready() -> None:
            click.echo(f"localhub serves {' and '.join(where)}")
            sys.stdout.flush()

        try:
            serving.serve(application(localhub), sockets, ready=ready, stopping=localhub.stopping)
        finally:
            localhub.stop()


@main.group()
def repo() -> None:
    """Repositories."""


@repo.command("create", epilog='Example: git remote add origin "$(localhub repo create hospital/app)"')
@STATE
@click.option("--branch", default="main", show_default=True, help="The default branch.")
@click.argument("name", metavar="OWNER/NAME")
def repo_create(state: Path, branch: str, name: str) -> None:
    """Makes an empty repository and prints where to push to; one that is there stays as it is."""
    from localhub.bootstrap.localhub import built
    from localhub.hub import settings

    localhub = built(settings.read(None, state.resolve()))
    made = localhub.create_repository(name, default_branch=branch)
    click.echo(localhub.bare.folder(made.name))


@main.command("env", epilog='Example: eval "$(localhub env --repo hospital/app)" && gh run list')
@STATE
@click.option("--repo", "repository", help="OWNER/NAME, for GH_REPO.")
def env(state: Path, repository: str | None) -> None:
    """Prints what gh needs to speak to this localhub; for `eval`."""
    from localhub.bootstrap import gh

    for line in gh.environment(state.resolve(), repository):
        click.echo(line)


@main.group()
def secret() -> None:
    """Secrets that jobs may be given."""


@secret.command("set", epilog="Example: localhub secret set --repo hospital/app DEPLOY_TOKEN <token.txt")
@STATE
@click.option("--repo", "repository", required=True, help="OWNER/NAME.")
@click.option("--env", "environment", default="", help="Only for jobs of this environment.")
@click.option("--variable", is_flag=True, help="A variable: not masked, read by ${{ vars.NAME }}.")
@click.argument("name")
def set_secret(state: Path, repository: str, environment: str, variable: bool, name: str) -> None:
    """Keeps a value, read from standard input: it is in no argument list and no history."""
    from localhub.store.secrets import SecretFiles

    value = sys.stdin.read().removesuffix("\n")
    kind = "variables" if variable else "secrets"
    SecretFiles(state.resolve() / "secrets").keep(repository, name, value, environment=environment, kind=kind)


@main.command(epilog="Example: localhub environment hospital/app production --reviewer alice")
@STATE
@click.argument("repository", metavar="OWNER/NAME")
@click.argument("name")
@click.option("--reviewer", "reviewers", multiple=True, help="Somebody who may approve; repeat for more.")
@click.option(
    "--branch",
    "branches",
    multiple=True,
    help="A branch that may deploy there, or refs/tags/PATTERN; repeat for more.",
)
@click.option("--no-reviewers", is_flag=True, help="Nobody has to approve any more.")
@click.option("--any-branch", is_flag=True, help="Whatever the branch, it may deploy there again.")
def environment(
    state: Path,
    repository: str,
    name: str,
    reviewers: tuple[str, ...],
    branches: tuple[str, ...],
    no_reviewers: bool,
    any_branch: bool,
) -> None:
    """Makes an environment, or changes its rules: who must approve, what may deploy. The others stay."""
    from localhub.bootstrap.localhub import built
    from localhub.hub import settings

    built(settings.read(None, state.resolve())).set_environment(
        repository,
        name,
        reviewers if reviewers or no_reviewers else None,
        branches if branches or any_branch else None,
    )


@main.command("token", epilog="Example: GH_TOKEN=$(localhub token alice) gh auth status")
@STATE
@click.argument("login")
def token(state: Path, login: str) -> None:
    """Makes a token for somebody, and prints it once."""
    from localhub.store.secrets import new_token

    click.echo(new_token(state.resolve() / "tokens.json", login))


def run() -> None:
    """Runs the command line; errors are one line each with the right exit code."""
    try:
        main(standalone_mode=False)
    except LocalhubError as problem:
        click.echo(
            f"error: {problem.message}" + (f"\n  hint: {problem.hint}" if problem.hint else ""), err=True
        )
        sys.exit(EXIT.get(problem.status, 70))
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as problem:
        problem.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
