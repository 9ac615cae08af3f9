"""Short windows are judged together until the canary has had a few requests.

A window in which the canary happened to have none says nothing of it, and what stable did meanwhile
would be lost: at one request a second that costs a quarter more requests until a bad canary is
found, pooled 8 %. Where a pool ends depends on requests and time alone, never on errors, so that the
test stays valid; it ends soon, because the two versions are only comparable at the same time. None
reaches across a rise of the canary's weight, from which on things count anew.
"""

import numpy as np
from numpy.typing import NDArray

from carelane.analysis.columns import NO_GAP, Columns

FEWEST_CANARY_REQUESTS = 2.0
LONGEST_SECONDS = 10.0


def pooled(columns: Columns) -> tuple[Columns, Columns]:
    """The pools that *columns*, oldest first, fill; and the windows of the one not yet full."""
    ends = _ends(columns)
    done = int(ends[-1]) + 1 if len(ends) else 0
    rest = columns.rows(done, len(columns))
    if len(ends) == done:
        return columns.rows(0, done), rest
    starts = np.concatenate([[0], ends[:-1] + 1])
    return columns.rows(0, done).grouped(starts, ends), rest


def _ends(columns: Columns) -> NDArray[np.intp]:
    """The rows at which a pool ends: those that fill one alone, a gap's, and the one before it or a rise."""
    gap = columns.gaps != NO_GAP
    ends = (columns.canary_requests >= FEWEST_CANARY_REQUESTS) | gap
    ends[:-1] |= gap[1:] | (np.diff(columns.weights) != 0)
    short = np.flatnonzero(~ends).tolist()
    if short:
        canary = columns.canary_requests.tolist()
        late = (columns.started_at + LONGEST_SECONDS).tolist()
        ended = columns.ended_at.tolist()
        first, requests = -1, 0.0
        for row in short:
            if row != first + 1 or first < 0 or ends[row - 1]:
                start, requests = row, 0.0
            first = row
            requests += canary[row]
            if requests >= FEWEST_CANARY_REQUESTS or ended[row] >= late[start]:
                ends[row] = True
    return np.flatnonzero(ends)
