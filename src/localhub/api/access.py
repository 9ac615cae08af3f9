"""Who asks, what page they want, and the parts of localhub that routes work with."""

import base64
import math
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response
from starlette.datastructures import URL, MutableHeaders

from localhub.api import scopes
from localhub.base.errors import LocalhubError, NotFoundError, RefusedError
from localhub.hub.parts import Localhub
from localhub.hub.tokens import Caller
from localhub.store.records import Repository


class UnauthorizedError(LocalhubError):
    """Nobody is signed in, or the token is nobody's."""

    status = 401
    title = "Bad credentials"


def localhub(request: Request) -> Localhub:
    """The localhub that serves this request."""
    found: Localhub = request.app.state.localhub
    return found


Hub = Annotated[Localhub, Depends(localhub)]


def token(request: Request) -> str:
    """The token that came with the request; empty where there is none."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value).decode().partition(":")[2]
        except ValueError:  # neither base64 nor text
            value = ""
    return value.strip()


def caller(request: Request, hub: Hub) -> Caller:
    """Whose token came with the request: looked up once, for it may end while the request is answered.

    Raises:
        UnauthorizedError: If there is none, or it is nobody's.
    """
    value = token(request)
    found = hub.caller(value) if value else None
    if found is None:
        raise UnauthorizedError("Bad credentials", hint="carelane gh-env, or localhub env, prints a token")
    return found


Who = Annotated[Caller, Depends(caller)]


def actor(who: Who) -> str:
    """The login of whoever asks."""
    return who.login


Actor = Annotated[str, Depends(actor)]


def administrator(who: Who) -> str:
    """Who asks, unless it is a job: none may change what protects branches and environments.

    Raises:
        RefusedError: If it is a job.
    """
    if who.of_job is not None:
        raise RefusedError("Resource not accessible by integration", hint="a job's token does not reach this")
    return who.login


Admin = Annotated[str, Depends(administrator)]


def repository(owner: str, repository_name: str, request: Request, hub: Hub, who: Who) -> Repository:
    """The repository in the path.

    Raises:
        NotFoundError: If there is none, or the token is for another one.
        RefusedError: If the token is a job's that is not permitted what is asked.
    """
    found = hub.repositories.get(f"{owner}/{repository_name}")
    if found is None or not who.reaches(found.name):
        raise NotFoundError(
            f"there is no repository {owner}/{repository_name}", hint="localhub repo create makes one"
        )
    needed = scopes.of_request(request.method, request.url.path)
    if needed:
        who.require(*needed)
    return found


Repo = Annotated[Repository, Depends(repository)]


@dataclass(frozen=True)
class Page:
    """Which part of a list is asked for, of what address; the answer's *headers* tell of the other parts."""

    page: int
    per_page: int
    url: URL
    headers: MutableHeaders

    def of(self, items: list[Any]) -> list[Any]:
        """That part."""
        self.tell(len(items))
        first = (self.page - 1) * self.per_page
        return items[first : first + self.per_page]

    def tell(self, total: int) -> None:
        """Say in `Link` where the other pages are, of so many items: `gh api --paginate` follows it."""
        last = max(1, math.ceil(total / self.per_page))
        pages = {"prev": self.page - 1, "first": 1} if self.page > 1 else {}
        pages |= {"next": self.page + 1, "last": last} if self.page < last else {}
        if pages:
            urls = {rel: self.url.include_query_params(page=page) for rel, page in pages.items()}
            self.headers["Link"] = ", ".join(f'<{url}>; rel="{rel}"' for rel, url in urls.items())


def paging(
    request: Request,
    response: Response,
    page: Annotated[int, Query(ge=1)] = 1,
    per_page: Annotated[int, Query(ge=1, le=100)] = 30,
) -> Page:
    """Page and size; 30 unless asked, 100 at most, as on GitHub."""
    return Page(page, per_page, request.url, response.headers)


Paging = Annotated[Page, Depends(paging)]
BASE = "/repos/{owner}/{repository_name}"
