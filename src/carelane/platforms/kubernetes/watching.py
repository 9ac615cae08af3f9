"""The View port on a real cluster: a list that is kept up to date by a watch, for each kind of object.

A watch may be dropped, refused as too old (as an answer, or in the middle), or silent. What is seen counts
only as long as it is known to be what is: a silent watch proves nothing, so while something moves the
cluster is asked a small question every two seconds; at rest it is asked nothing.
"""

import threading
import time
from collections.abc import Callable, Mapping

from carelane.base.errors import CarelaneError
from carelane.base.loops import Loop, Report
from carelane.platforms.kubernetes.api import Api, Gone
from carelane.platforms.kubernetes.ports import WATCHED, Kind, Object

ASK_AFTER_SECONDS = 2.0
AGAIN_SECONDS = 0.2
WATCH_LATE_SECONDS = 400.0


class Kept:
    """The objects of one kind; changed by its watch, and by who has changed one and knows it first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._objects: dict[str, Object] = {}
        self.synced = False

    def all(self) -> Mapping[str, Object]:
        """By name."""
        with self._lock:
            return dict(self._objects)

    def replace(self, found: Mapping[str, Object]) -> None:
        """What a list says is all there is."""
        with self._lock:
            newer = {name: self._newest(name, each) for name, each in found.items()}
            self._objects = newer
            self.synced = True

    def put(self, found: Object) -> None:
        """One that is new or was changed."""
        name = found["metadata"]["name"]
        with self._lock:
            self._objects[name] = self._newest(name, found)

    def note(self, found: Object) -> None:
        """What a change of ours came to; what was told since of the same change says more."""
        meta = found["metadata"]
        with self._lock:
            there = self._objects.get(meta["name"])
            if (
                there is None
                or there["metadata"]["uid"] != meta["uid"]
                or _generation(there) < _generation(found)
            ):
                self._objects[meta["name"]] = found

    def drop(self, found: Object) -> None:
        """One that is gone; another of its name stays."""
        meta = found["metadata"]
        with self._lock:
            there = self._objects.get(meta["name"])
            if there is not None and there["metadata"]["uid"] == meta["uid"]:
                del self._objects[meta["name"]]

    def _newest(self, name: str, found: Object) -> Object:
        """What is known already may be newer than what a watch is still telling."""
        there = self._objects.get(name)
        if there is None or there["metadata"]["uid"] != found["metadata"]["uid"]:
            return found
        return there if _generation(there) > _generation(found) else found


def _generation(found: Object) -> int:
    """Which change of it that is; 0 for kinds that do not count them."""
    return int(found["metadata"].get("generation", 0))


class Watch:
    """Keeps one kind up to date, step by step: a list where it is needed, then a watch until it ends."""

    def __init__(
        self, api: Api, kind: Kind, heard: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.kept = Kept()
        self._api, self._kind, self._heard = api, kind, heard
        self._version: str | None = None
        self._clock = clock
        self.closed_at: float | None = clock()
        """Since when nobody tells what happens; None while somebody does."""

    def step(self) -> float:
        """Until the watch ends; the seconds until the next one.

        One that was open and is lost is no failure: they are, and the next goes on where it ended.
        """
        if self._version is None:
            found, self._version = self._api.list(self._kind)
            self.kept.replace(found)
            self._heard()
        try:
            for event, found_ in self._api.watch(self._kind, self._version):
                self._take(event, found_)
        except Gone:
            self._version = None
        except CarelaneError:
            if self.closed_at is not None:
                self._version = None  # it may be that very version that is not to be had any more
                raise
            return AGAIN_SECONDS
        finally:
            self.closed_at = self.closed_at if self.closed_at is not None else self._clock()
        return 0.0

    def _take(self, event: str, found: Object) -> None:
        if event == "OPENED":
            self.closed_at = None
            return
        self._version = found["metadata"]["resourceVersion"]
        if event in {"ADDED", "MODIFIED"}:
            self.kept.put(found)
        elif event == "DELETED":
            self.kept.drop(found)
        self._heard()


class Watching:
    """The View port for one namespace."""

    def __init__(
        self, api: Api, name: str, report: Report, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._api, self._clock = api, clock
        self._watches = {kind: Watch(api, kind, self._hear, clock) for kind in WATCHED}
        self.loops = tuple(
            Loop(f"{kind.value[1]} of {name}", watch.step, report, late_seconds=WATCH_LATE_SECONDS)
            for kind, watch in self._watches.items()
        )
        self._heard_at: float | None = None

    def stop(self, timeout_seconds: float) -> None:
        """Watch no more; waits so long for those that are open."""
        for loop in self.loops:
            loop.stop()
        self._api.hang_up()
        for loop in self.loops:
            loop.stop(timeout_seconds)

    def _hear(self) -> None:
        self._heard_at = self._clock()

    def look(self, *, moving: bool) -> bool:
        """Whether all kinds were listed, and the cluster is known to be there."""
        if not all(watch.kept.synced for watch in self._watches.values()):
            return False
        closed = [watch.closed_at for watch in self._watches.values()]
        if any(since is not None and self._clock() - since > ASK_AFTER_SECONDS for since in closed):
            return False
        if moving and self._heard_at is not None and self._clock() - self._heard_at > ASK_AFTER_SECONDS:
            try:
                self._api.answers()
            except CarelaneError:
                return False
            self._hear()
        return True

    def all(self, kind: Kind) -> Mapping[str, Object]:
        """As far as it was watched."""
        return self._watches[kind].kept.all()

    def note(self, kind: Kind, found: Object) -> None:
        """What a change came to."""
        self._watches[kind].kept.note(found)
