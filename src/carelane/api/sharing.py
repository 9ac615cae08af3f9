"""What pipelines may take of the threads that all requests share: some are always left for people.

What a token asks for may take long, for what it has built is anybody's code, and it is worked on when the
client has long left. So limits on connections say nothing of it.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from carelane.api.actors import GRANTED
from carelane.api.problems import problem
from carelane.base.errors import Unavailable

AT_ONCE = 16
"""Of forty threads."""


class SharingMiddleware:
    """Refuses requests by token while too many are worked on: from arrival until their answers begin."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what a person asks, and what there is room for."""
        if scope["type"] != "http" or GRANTED not in scope:
            await self._inner(scope, receive, send)
        elif self._under_way >= AT_ONCE:
            error = Unavailable(
                f"{AT_ONCE} requests of pipelines are worked on already",
                hint="try again; people get through meanwhile",
            )
            await problem(error)(scope, receive, send)
        else:
            await self._worked_on(scope, receive, send)

    async def _worked_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def answering(message: Message) -> None:
            nonlocal begun
            if not begun:  # what follows, as of a trail that is followed, takes no thread of these
                begun = True
                self._under_way -= 1
            await send(message)

        self._under_way += 1
        try:
            await self._inner(scope, receive, answering)
        finally:
            if not begun:
                self._under_way -= 1
