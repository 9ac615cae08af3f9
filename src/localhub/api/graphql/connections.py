"""Lists as GraphQL gives them: nodes, edges, a count, and where to go on; a cursor is a position."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLResolveInfo

from localhub.base.errors import InputError

Info = GraphQLResolveInfo[Any]
MOST = 100


def connection(
    items: Sequence[Any], *, first: int | None = None, last: int | None = None, after: str | None = None
) -> dict[str, Any]:
    """One page of a list: its *first* items after a cursor, or its *last*; 100 at most.

    Raises:
        InputError: If the cursor is none of ours, or more is asked for.
    """
    if max(first or 0, last or 0) > MOST:
        raise InputError(
            f"Requesting {max(first or 0, last or 0)} records exceeds the limit of {MOST} records."
        )
    begin = _position(after)
    if first is None and last is not None:
        begin = max(begin, len(items) - last)
        end = len(items)
    else:
        end = min(len(items), begin + (MOST if first is None else first))
    shown = list(items[begin:end])
    return {
        "totalCount": len(items),
        "issueCount": len(items),
        "nodes": shown,
        "edges": [{"node": each, "cursor": _cursor(begin + number)} for number, each in enumerate(shown, 1)],
        "pageInfo": {
            "hasNextPage": end < len(items),
            "hasPreviousPage": begin > 0,
            "startCursor": _cursor(begin + 1) if shown else None,
            "endCursor": _cursor(end) if shown else None,
        },
    }


def _cursor(position: int) -> str:
    return base64.b64encode(f"cursor:{position}".encode()).decode()


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        return max(0, int(base64.b64decode(cursor, validate=True).decode().removeprefix("cursor:")))
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise InputError(f"`{cursor}` does not appear to be a valid cursor.") from None


EMPTY = connection([])
