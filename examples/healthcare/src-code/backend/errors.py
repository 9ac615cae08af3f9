"""What can be wrong with a request, as the domain sees it.

ClinicError
├── SignInError         401  nobody, or nobody we know
├── ForbiddenError      403  this role may not
├── NotFoundError       404
├── SlotTakenError      409  the clinician is booked then
└── UnfitTimeError      422  a time the clinic cannot offer
"""

from typing import ClassVar


class ClinicError(Exception):
    """A request that is refused; the message is shown to whoever asked, so it names no patient."""

    status: ClassVar[int] = 400


class SignInError(ClinicError):
    """Nobody is signed in, or the name and password do not belong together."""

    status = 401


class ForbiddenError(ClinicError):
    """The role of whoever asked does not allow it."""

    status = 403


class NotFoundError(ClinicError):
    """No such thing."""

    status = 404


class SlotTakenError(ClinicError):
    """The clinician has another appointment at that time."""

    status = 409


class UnfitTimeError(ClinicError):
    """The time lies in the past or outside the opening hours."""

    status = 422
