"""Of the threads that all requests share pipelines take some, and people find some."""

import asyncio
from typing import Any

from carelane.api.actors import GRANTED
from carelane.api.sharing import AT_ONCE, SharingMiddleware

PERSON: dict[str, Any] = {"type": "http"}
PIPELINE: dict[str, Any] = {**PERSON, GRANTED: frozenset()}


class Work:
    """What is worked on until it is told to end, before or after its answer has begun."""

    def __init__(self, *, begins: bool = False) -> None:
        self.over = asyncio.Event()
        self._begins = begins

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        if self._begins:
            await send({"type": "http.response.start", "status": 200})
        await self.over.wait()
        if not self._begins:
            await send({"type": "http.response.start", "status": 200})


async def asked(middleware: SharingMiddleware, scope: dict[str, Any]) -> int | None:
    """The status of the answer; None where it does not begin soon."""
    status: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def send(message: Any) -> None:  # noqa: ANN401 - ASGI
        if message["type"] == "http.response.start":
            status.set_result(message["status"])

    task = asyncio.create_task(middleware(scope, asyncio.Event().wait, send))  # type: ignore[arg-type]
    tasks.add(task)
    done, _ = await asyncio.wait([status], timeout=0.05)
    return status.result() if done else None


tasks: set[asyncio.Task[None]] = set()


def test_pipelines_that_wait_take_no_more_than_their_share_and_give_it_back() -> None:
    async def scenario() -> None:
        work = Work()
        middleware = SharingMiddleware(work)
        assert {await asked(middleware, PIPELINE) for _ in range(AT_ONCE)} == {None}
        assert await asked(middleware, PIPELINE) == 503
        assert await asked(middleware, PERSON) is None
        work.over.set()
        await asyncio.gather(*tasks)
        assert await asked(middleware, PIPELINE) == 200

    asyncio.run(scenario())
    tasks.clear()


def test_who_follows_what_has_begun_to_be_answered_takes_nothing() -> None:
    async def scenario() -> None:
        work = Work(begins=True)
        middleware = SharingMiddleware(work)
        assert [await asked(middleware, PIPELINE) for _ in range(AT_ONCE + 1)] == [200] * (AT_ONCE + 1)
        work.over.set()
        await asyncio.gather(*tasks)

    asyncio.run(scenario())
    tasks.clear()
