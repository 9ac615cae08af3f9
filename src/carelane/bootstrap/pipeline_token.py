"""The token of localhub's jobs: which one they have, and making another where it is good no more.

Whatever becomes of it, by time or by hand, the server starts: its name may be taken by a person's token,
which is theirs, and then it has another.
"""

import itertools
import secrets
from datetime import datetime
from pathlib import Path

from carelane.access.ports import TokenRepository
from carelane.access.rights import Right
from carelane.access.tokens import PREFIX, Token, digest
from carelane.audit.entries import Entry
from carelane.base import json_files

NAME = "pipeline"
ACTOR = "carelane"
RIGHTS = (Right.RELEASE,)


def renewed(known: TokenRepository, noted: Path, environments: tuple[str, ...], now: datetime) -> str | None:
    """The value of a new token for jobs, *environments* to deploy to; None where theirs is good.

    *noted* is the file that says, by its digest, which one they have, or were about to be given.
    """
    tokens = [token for token in known.tokens() if token.valid(now)]
    current, has = _current(tokens, noted)
    if current is not None and has and (current.environments, current.rights) == (environments, RIGHTS):
        return None
    if current is not None:
        known.revoke(current.name, now, Entry(now, ACTOR, "token.revoked", current.name))
    taken = {token.name for token in tokens if token is not current}
    name = next(each for each in _names() if each not in taken)
    value = PREFIX + secrets.token_urlsafe(32)
    _note(noted, value, given=False)
    details = {"environments": list(environments), "rights": [str(right) for right in RIGHTS]}
    known.add(
        Token(name, digest(value), environments, RIGHTS, ACTOR, now),
        Entry(now, ACTOR, "token.created", name, details=details),
    )
    return value


def given(noted: Path, value: str) -> None:
    """Write down that jobs have this token now: a start that ended before makes another."""
    _note(noted, value, given=True)


def _note(noted: Path, value: str, *, given: bool) -> None:
    json_files.write(noted, {"digest": digest(value), "given": given})


def _current(tokens: list[Token], noted: Path) -> tuple[Token | None, bool]:
    """The one that jobs have, or were to be given; an earlier version wrote down only who made it."""
    said = json_files.read(noted, {"digest": str, "given": bool})
    if said is not None:
        return next((token for token in tokens if token.digest == said["digest"]), None), said["given"]
    return next((token for token in tokens if (token.name, token.created_by) == (NAME, ACTOR)), None), True


def _names() -> itertools.chain[str]:
    return itertools.chain([NAME], (f"{NAME}-{number}" for number in itertools.count(2)))
