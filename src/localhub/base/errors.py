"""Every error a user can meet, as one tree.

LocalhubError
├── InputError           (HTTP 400)  what was given is wrong
│   ├── ExpressionError  (HTTP 400)  an expression cannot be read or evaluated
│   └── WorkflowError    (HTTP 400)  a workflow file is refused; in workflows/problems.py, with its lines
├── RefusedError         (HTTP 403)  a permission or a rule says no
├── NotFoundError        (HTTP 404)
├── ConflictError        (HTTP 409)  the state does not allow it now
│   └── NotMergeableError (HTTP 405) a pull request may not be merged as it stands
└── PlatformError        (HTTP 502)  something beneath us failed: act, git, the disk
"""

from typing import ClassVar


class LocalhubError(Exception):
    """What all errors share: an HTTP status, and a hint that says what to try."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(LocalhubError):
    """What was given is wrong; the message says what, where and what would be right."""

    status = 400
    title = "Bad input"


class ExpressionError(InputError):
    """An expression cannot be read, or cannot be evaluated with what it was given."""

    title = "Bad expression"


class RefusedError(LocalhubError):
    """A permission or a rule says no."""

    status = 403
    title = "Refused"


class NotFoundError(LocalhubError):
    """The thing named is not there."""

    status = 404
    title = "Not found"


class ConflictError(LocalhubError):
    """The state does not allow it now."""

    status = 409
    title = "Conflict"


class NotMergeableError(ConflictError):
    """A pull request may not be merged as it stands; the message says what it lacks."""

    status = 405
    title = "Not mergeable"


class PlatformError(LocalhubError):
    """Something beneath us failed: act, git, a process, the disk."""

    status = 502
    title = "Platform failed"
