"""What a release may be called, and which one a word means: a name, or the beginning of a commit."""

import re
from collections.abc import Sequence

from carelane.base.errors import InputError, NotFoundError
from carelane.delivery.releases import Release

_COMMIT = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)


def beginning_of_commit(word: str) -> str | None:
    """The beginning of a SHA that *word* reads as, as git spells it; None where it reads as none."""
    return word.lower() if _COMMIT.fullmatch(word) else None


def refuse_another_commit(name: str, commit: str) -> None:
    """A release of *commit* is not called like another one: who deployed by SHA would ship the wrong code.

    Raises:
        InputError: If *name* reads as a SHA and is not the beginning of *commit* itself.
    """
    if beginning_of_commit(name) is not None and not commit.startswith(name):
        raise InputError(
            f"{name!r} cannot be the name of a release of commit {commit[:12]}: it reads as another commit",
            hint="give one with --name that is more than digits and a to f, such as v1.2",
        )


def meant(word: str, named: Release | None, of_commit: Sequence[Release]) -> Release:
    """The release that *word* means: the one that is *named* so, else the only one *of_commit*.

    Args:
        word: What somebody said.
        named: The release of this very name, if any.
        of_commit: Those whose commit begins with `beginning_of_commit` of the word.

    Raises:
        NotFoundError: If it means none.
        InputError: If it may mean several: it is asked, never guessed.
    """
    if named is not None:
        others = ", ".join(release.name for release in of_commit if release.commit != named.commit)
        if others:
            raise InputError(
                f"{word!r} is the name of a release of commit {named.commit[:12]},"
                f" and the beginning of the commit of {others}",
                hint=f"say {others}, or {named.commit[:12]}",
            )
        return named
    if len(of_commit) > 1:
        names = ", ".join(release.name for release in of_commit)
        raise InputError(f"{word!r} is the commit of several releases: {names}", hint="name one of them")
    if not of_commit:
        raise NotFoundError(f"no release {word!r}", hint="`carelane release list` shows them")
    return of_commit[0]
