"""What `uses` names: an action or a reusable workflow, of this repository or another."""

import re
from dataclasses import dataclass

from localhub.base.errors import InputError

NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*)"
REMOTE = re.compile(rf"(?P<owner>{NAME})/(?P<repository>[A-Za-z0-9._-]+)(?P<path>/[^@]*)?@(?P<ref>[^\s@]+)")
WORKFLOWS = ".github/workflows/"
OWN = "$/"
"""What a path begins with that is of the workflow's own repository and commit (GitHub, July 2026)."""


@dataclass(frozen=True)
class Reference:
    """A place in a repository; *owner*, *repository* and *ref* are '' for the workflow's own commit.

    *path* is relative to the repository's top, without `.` and `..` in it, '' for the top itself.
    """

    path: str
    owner: str = ""
    repository: str = ""
    ref: str = ""

    @property
    def local(self) -> bool:
        """Whether it is of the workflow's own commit."""
        return not self.owner


def action(written: str) -> Reference:
    """The action that a step uses.

    Raises:
        InputError: For containers, paths that leave the repository, and what is no reference.
    """
    if written.startswith("docker://"):
        raise InputError(
            f"'{written}' is refused: localhub runs steps as processes on this machine, without containers",
            hint="use an action written in JavaScript or a composite action, or a run step",
        )
    if written.startswith("./"):
        return Reference(inside(written))
    if written.startswith(OWN):
        raise InputError(
            f"'{written}' is not supported by localhub in a step: an action of the run's commit is taken from"
            " its checkout",
            hint=f"actions/checkout, then uses: ./{written.removeprefix(OWN)}",
        )
    return remote(written, "{owner}/{repository}[/path]@{ref}")


def workflow(written: str) -> Reference:
    """The reusable workflow that a job calls.

    Raises:
        InputError: For paths outside .github/workflows, and what is no reference.
    """
    if not written.startswith(("./", OWN)):
        found = remote(written, "{owner}/{repository}/.github/workflows/{file}@{ref}")
    elif "@" in written:
        raise InputError(f"'{written}' is of this commit: it takes no version after an @")
    else:
        found = Reference(inside(written.removeprefix(OWN)))
    name = found.path.removeprefix(WORKFLOWS)
    if not found.path.startswith(WORKFLOWS) or "/" in name or not name.endswith((".yml", ".yaml")):
        raise InputError(f"'{written}' is no workflow: reusable workflows are files directly in {WORKFLOWS}")
    return found


def remote(written: str, form: str) -> Reference:
    """A reference to another repository at a version."""
    match = REMOTE.fullmatch(written)
    if match is None or match["repository"] in {".", ".."}:
        raise InputError(f"Expected format {form}. Actual '{written}'")
    return Reference(inside(match["path"] or ""), match["owner"], match["repository"], match["ref"])


def inside(path: str) -> str:
    """A path within its repository, brought to its shortest form."""
    found: list[str] = []
    if "\\" in path or "\0" in path:
        raise InputError(f"'{path}' is no path: it has a backslash or a NUL in it")
    for part in path.split("/"):
        if part == "..":
            if not found:
                raise InputError(f"'{path}' leaves the repository")
            found.pop()
        elif part not in {"", "."}:
            found.append(part)
    return "/".join(found)
