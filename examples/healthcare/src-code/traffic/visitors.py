"""Simulated users: each a browser with cookies of its own, signed in as one of the demo accounts."""

import http.cookies
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traffic.steps import Step

SESSION = "session"


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


def made(accounts: list[Account], count: int) -> list[Visitor]:
    """*count* visitors, spread over the accounts and signed in."""
    chosen = [accounts[number % len(accounts)] for number in range(count)]
    return [Visitor(number, account, {SESSION: account.token}) for number, account in enumerate(chosen)]
