"""Looking for pushes and schedules where the store fails for a while."""

import threading
from types import SimpleNamespace
from typing import Any, cast

from localhub.base.clock import ManualClock
from localhub.hub.events import Watcher
from localhub.hub.parts import Localhub
from localhub.runs.ports import StoreUnavailableError
from tests.fakes.localhub import START


def test_a_store_that_fails_for_a_while_ends_no_looking() -> None:
    """Else no push would start a run until localhub is started anew."""
    failing, stopping, looked = [StoreUnavailableError("database is locked")] * 2, threading.Event(), []

    def all_repositories() -> list[Any]:
        if failing:
            raise failing.pop()
        looked.append("again")
        stopping.set()
        return []

    hub = SimpleNamespace(repositories=SimpleNamespace(all=all_repositories), clock=ManualClock(START))
    Watcher(cast(Localhub, hub)).run_forever(stopping)
    assert looked == ["again", "again"]  # for pushes, and for what is due
