"""Simulated users: each a browser with cookies of its own, signed in as one of the demo accounts."""

import http.cookies
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traffic.steps import Step

SESSION = "session"
_GO_ON_RATIO = 0.5


@dataclass(frozen=True)
class Account:
    """A demo account, signed in once; many visitors share it as they would share a ward's account.

    Attributes:
        clinician_id: Whose calendar the account keeps; None for the front desk, which keeps all.
    """

    username: str
    password: str
    token: str
    clinician_id: int | None


@dataclass
class Visitor:
    """One user's browser.

    Attributes:
        number: From 0 on.
        cookies: What the browser keeps, cookies of a proxy included.
        planned: The rest of a journey that takes several requests.
        form_token: From the last page with a form.
        slots: Free times on the last booking page.
    """

    number: int
    account: Account
    cookies: dict[str, str] = field(default_factory=dict)
    planned: deque["Step"] = field(default_factory=deque)
    form_token: str = ""
    slots: list[str] = field(default_factory=list)

    def cookie_header(self) -> str:
        """The value of the Cookie header."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def absorb(self, set_cookies: Iterable[str]) -> None:
        """Keep, change and forget cookies as *set_cookies* headers say."""
        for header in set_cookies:
            for name, morsel in http.cookies.SimpleCookie(header).items():
                if morsel["max-age"] == "0" or not morsel.value:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.coded_value


class Crowd:
    """All users, of whom each waits for an answer before asking again: a form sent before its page came is refused."""

    def __init__(self, accounts: list[Account], count: int, chance: Random) -> None:
        """*count* users, spread over the accounts and signed in."""
        self._accounts = accounts
        self._chance = chance
        everybody = [self._signed_in(number) for number in range(count)]
        self._resting = deque(chance.sample(everybody, count))
        self._mid_journey: deque[Visitor] = deque()
        self._count = count

    def next(self) -> Visitor:
        """Who sends the next request; somebody new where all others still wait for an answer."""
        # Who is in the middle of something goes on with it before most others begin anything.
        if self._mid_journey and (not self._resting or self._chance.random() < _GO_ON_RATIO):
            return self._mid_journey.popleft()
        if self._resting:
            return self._resting.popleft()
        self._count += 1
        return self._signed_in(self._count - 1)

    def answered(self, visitor: Visitor) -> None:
        """*visitor* may be next again."""
        (self._mid_journey if visitor.planned else self._resting).append(visitor)

    def _signed_in(self, number: int) -> Visitor:
        account = self._accounts[number % len(self._accounts)]
        return Visitor(number, account, {SESSION: account.token})
