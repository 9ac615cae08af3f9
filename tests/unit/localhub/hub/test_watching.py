"""Looking for pushes and schedules where the store, or git, fails for a while."""

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from localhub.base.clock import ManualClock
from localhub.base.errors import PlatformError
from localhub.hub import events
from localhub.hub.events import Watcher
from localhub.hub.parts import Localhub
from localhub.runs.ports import StoreUnavailableError
from tests.fakes.localhub import START


def test_what_fails_for_a_while_ends_no_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else no push would start a run until localhub is started anew."""
    monkeypatch.setattr(events, "AFTER_FAILURE_SECONDS", 0.0)
    failing: list[Exception] = [
        StoreUnavailableError("database is locked"),
        PlatformError("git for-each-ref: 128"),
    ]
    stopping, looked = threading.Event(), []

    def all_repositories() -> list[Any]:
        if failing:
            raise failing.pop()
        looked.append("again")
        stopping.set()
        return []

    hub = SimpleNamespace(repositories=SimpleNamespace(all=all_repositories), clock=ManualClock(START))
    Watcher(cast(Localhub, hub)).run_forever(stopping)
    assert looked == ["again", "again"]  # for pushes, and for what is due


def test_an_unexpected_failure_at_one_repository_is_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither their pushes nor their schedules wait for it."""
    names = ["acme/broken", "acme/fine"]
    hub = SimpleNamespace(
        repositories=SimpleNamespace(
            all=lambda: [SimpleNamespace(name=n, default_branch="main") for n in names]
        ),
        clock=ManualClock(START),
    )
    watcher, looked = Watcher(cast(Localhub, hub)), list[str]()

    def take(name: str, *_: object) -> int:
        if name == "acme/broken":
            raise KeyError("nobody expected this")
        looked.append(name)
        return 0

    monkeypatch.setattr(watcher, "take_pushes", take)
    monkeypatch.setattr(watcher, "_due", lambda _, name: take(name))
    watcher.look()
    assert looked == ["acme/fine", "acme/fine"]
