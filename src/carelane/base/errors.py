"""Every error a user can meet, as one tree.

CarelaneError
├── InputError        (exit 2,  HTTP 400)  what was given is wrong
│   └── TooLarge      (exit 2,  HTTP 413)  more than anything that can be asked has
├── RefusedError      (exit 3,  HTTP 403)  a gate or permission says no
│   └── NotSignedIn   (exit 3,  HTTP 401)  nobody is known to be asking
├── NotFoundError     (exit 4,  HTTP 404)
├── ConflictError     (exit 5,  HTTP 409)  the state does not allow it now
├── PlatformError     (exit 6,  HTTP 502)  something beneath us failed
│   ├── Unavailable   (exit 6,  HTTP 503)  it does not answer
│   │   └── Stuck     (exit 6,  HTTP 503)  it is there, but gives no sign of life
│   ├── DiskFull      (exit 6,  HTTP 507)  there is no room to write
│   ├── Damaged       (exit 6,  HTTP 502)  what is kept cannot be read
│   └── Rejected      (exit 6,  HTTP 502)  it understood, and said no
├── OutcomeFailed     (exit 10, HTTP 409)  what was waited for ended badly
├── OutcomeOpen       (exit 11, HTTP 409)  what was waited for has not ended
└── InvariantError    (exit 70, HTTP 500)  our bug
"""

import errno
from typing import ClassVar


class CarelaneError(Exception):
    """What all errors share: an exit code, an HTTP status, and a hint that says what to try."""

    exit_code: ClassVar[int] = 70
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(CarelaneError):
    """What was given is wrong; the message says what, where and what would be right."""

    exit_code = 2
    status = 400
    title = "Bad input"


class TooLarge(InputError):  # noqa: N818 - the tree's own word
    """More was sent than anything that can be asked has."""

    status = 413
    title = "Too large"


class RefusedError(CarelaneError):
    """A gate or a permission says no."""

    exit_code = 3
    status = 403
    title = "Refused"


class NotSignedIn(RefusedError):  # noqa: N818 - reads as what it says
    """Nobody is known to be asking."""

    status = 401
    title = "Not signed in"


class NotFoundError(CarelaneError):
    """The thing named is not there."""

    exit_code = 4
    status = 404
    title = "Not found"


class ConflictError(CarelaneError):
    """The state does not allow it now."""

    exit_code = 5
    status = 409
    title = "Conflict"


class PlatformError(CarelaneError):
    """Something beneath us failed: a process, the proxy, git, the disk."""

    exit_code = 6
    status = 502
    title = "Platform failed"


class Unavailable(PlatformError):  # noqa: N818 - the tree's own word
    """It does not answer (yet)."""

    status = 503
    title = "Unavailable"


class Stuck(Unavailable):
    """It is there and takes connections, but gives no sign of life."""

    title = "Stuck"


class DiskFull(PlatformError):  # noqa: N818 - the tree's own word
    """There is no room left to write in."""

    status = 507
    title = "Disk full"


class Damaged(PlatformError):  # noqa: N818 - the tree's own word
    """What is kept is there, and cannot be read."""

    title = "Damaged"


def not_written(what: str, error: OSError) -> PlatformError:
    """Why *what* could not be written, by what the system said of it."""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    kind = DiskFull if full else PlatformError
    return kind(f"cannot write {what}: {error}", hint="make room on the disk" if full else "")


class Rejected(PlatformError):  # noqa: N818 - the tree's own word
    """It understood what was asked, and said no: asking again changes nothing."""

    title = "Rejected"


class InvariantError(CarelaneError):
    """Our bug: something that cannot be happened."""


class OutcomeFailed(CarelaneError):  # noqa: N818 - an outcome, not a fault of the program
    """The deployment that was waited for failed: exit code 10, nothing wrong with the program."""

    exit_code = 10
    status = 409
    title = "Failed"


class OutcomeOpen(CarelaneError):  # noqa: N818 - an outcome, as above
    """What was waited for has not ended in the time that was given it: exit code 11, nobody knows yet."""

    exit_code = 11
    status = 409
    title = "Not ended"


BY_EXIT_CODE: dict[int, type[CarelaneError]] = {
    kind.exit_code: kind
    for kind in (InputError, RefusedError, NotFoundError, ConflictError, PlatformError, InvariantError)
}
