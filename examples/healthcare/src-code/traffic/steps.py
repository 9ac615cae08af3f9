"""What a user does next: one request at a time, in the mix of a clinic's day."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from traffic.visitors import SESSION, Visitor

_PATIENTS = 500
_CLINICIANS = 20
_FIRST_DAY, _LAST_DAY = 3, 700
_SATURDAY = 5
_CREATED = 201
_FORM_TOKEN = re.compile(r'name="form_token" value="([0-9a-f]+)"')
_SLOT = re.compile(r'<option value="(\d{4}-\d\d-\d\dT[^"]+)"')
_APPOINTMENT = re.compile(r'"id":(\d+)')

Learn = Callable[[Visitor, int, str], None]


@dataclass(frozen=True)
class Step:
    """One request.

    Attributes:
        name: Its kind, for the report.
        form: Fields of a form, to which the visitor's form token is added when it is sent.
        json: A body for the API; the session then goes into the Authorization header.
        learn: Told the answer's status and text; None where nobody reads it.
    """

    name: str
    method: str
    path: str
    form: dict[str, str] | None = None
    json: dict[str, object] | None = None
    learn: Learn | None = None

    @property
    def api(self) -> bool:
        """Whether it goes to the API rather than to the portal."""
        return self.path.startswith("/api/")

    @property
    def idempotent(self) -> bool:
        """Whether a browser may send it again when a kept-alive connection breaks."""
        return self.method == "GET"


def next_step(visitor: Visitor, chance: Random) -> Step:
    """What *visitor* does now: go on with a journey, sign in again, or something new by the mix."""
    if not visitor.planned:
        begin = _sign_in if SESSION not in visitor.cookies else chance.choices(_BEGINNINGS, _WEIGHTS)[0]
        visitor.planned.extend(begin(visitor, chance))
    step = visitor.planned.popleft()
    if step.form is None:
        return step
    slot = {"starts_at": chance.choice(visitor.slots)} if visitor.slots else {}
    return Step(step.name, step.method, step.path, {**step.form, **slot, "form_token": visitor.form_token})


def _page(name: str, path: Callable[[Random], str]) -> Callable[[Visitor, Random], list[Step]]:
    return lambda _, chance: [Step(name, "GET", path(chance))]


def _patient(chance: Random) -> int:
    return chance.randint(1, _PATIENTS)


def _sign_in(visitor: Visitor, _: Random) -> list[Step]:
    visitor.cookies.pop(SESSION, None)
    credentials = {"username": visitor.account.username, "password": visitor.account.password}
    return [
        Step("page sign-in", "GET", "/sign-in", learn=_learn_form),
        Step("page sign-in form", "POST", "/sign-in", form=credentials),
    ]


def _book_on_page(visitor: Visitor, chance: Random) -> list[Step]:
    clinician = str(visitor.account.clinician_id or chance.randint(1, _CLINICIANS))
    chosen = {"patient": str(_patient(chance)), "clinician": clinician, "day": _day(chance).date().isoformat()}
    query = "&".join(f"{name}={value}" for name, value in chosen.items())
    return [
        Step("page book", "GET", f"/appointments/new?{query}", learn=_learn_form),
        Step("page book form", "POST", "/appointments", form={**chosen, "reason": "Check-up"}),
    ]


def _book_by_api(visitor: Visitor, chance: Random) -> list[Step]:
    starts_at = _day(chance).replace(hour=chance.randint(8, 14), minute=chance.choice((0, 30)))
    body = {
        "clinician_id": visitor.account.clinician_id or chance.randint(1, _CLINICIANS),
        "patient_id": _patient(chance),
        "starts_at": starts_at.isoformat(),
        "reason": "Follow-up",
    }
    return [Step("api book", "POST", "/api/appointments", json=body, learn=_learn_booking)]


def _day(chance: Random) -> datetime:
    day = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=chance.randint(_FIRST_DAY, _LAST_DAY))
    return day if day.weekday() < _SATURDAY else day + timedelta(days=2)


def _learn_form(visitor: Visitor, _: int, text: str) -> None:
    found = _FORM_TOKEN.findall(text)
    visitor.form_token = found[-1] if found else ""
    visitor.slots = _SLOT.findall(text)
    if not found or ("/appointments/new" in text and not visitor.slots and "Free times" not in text):
        visitor.planned.clear()


def _learn_booking(visitor: Visitor, status: int, text: str) -> None:
    found = _APPOINTMENT.search(text)
    if status == _CREATED and found:
        visitor.planned.append(Step("api cancel", "DELETE", f"/api/appointments/{found[1]}"))


# A beginning and its weight. What the API booked is cancelled again, so a long run does not fill the calendar.
_MIX: tuple[tuple[Callable[[Visitor, Random], list[Step]], float], ...] = (
    (_page("page patients", lambda chance: f"/patients?offset={25 * chance.randrange(10)}"), 18),
    (_page("page patient", lambda chance: f"/patients/{_patient(chance)}"), 17),
    (_page("page appointments", lambda _: "/appointments"), 15),
    (_page("page style", lambda _: "/assets/portal.css"), 4),
    (_book_on_page, 3),
    (_page("api patients", lambda chance: f"/api/patients?search={chance.choice('abcdefghjklmnopqrstuvwxyz')}"), 12),
    (_page("api patient", lambda chance: f"/api/patients/{_patient(chance)}"), 13),
    (_page("api appointments", lambda _: "/api/appointments"), 12),
    (_page("api clinicians", lambda _: "/api/clinicians"), 4),
    (_book_by_api, 1.8),
    (_sign_in, 0.2),
)
_BEGINNINGS = [beginning for beginning, _ in _MIX]
_WEIGHTS = [weight for _, weight in _MIX]
