"""What cannot be started: it is tried again at every look, and known since when that is in vain."""

from collections.abc import Callable, Container, Mapping

from carelane.base.clock import Clock
from carelane.base.errors import CarelaneError
from carelane.base.loops import Report
from carelane.delivery.observations import Unstarted


class Starting:
    """Tries to start things of one *environment* by name, and remembers what failed."""

    def __init__(self, environment: str, clock: Clock, report: Report) -> None:
        self._environment = environment
        self._clock = clock
        self._report = report
        self._failed: dict[str, Unstarted] = {}

    @property
    def failed(self) -> Mapping[str, Unstarted]:
        """What could not be started when that was last tried, by name, as it is now."""
        return dict(self._failed)

    def attempt(self, name: str, start: Callable[[], None]) -> None:
        """Call *start*; where it fails that is reported, and known from then on."""
        try:
            start()
        except (CarelaneError, OSError) as error:
            self._report(self._environment, error)
            known = self._failed.get(name)
            self._failed[name] = Unstarted(str(error), known.since if known else self._clock.now())
        else:
            self._failed.pop(name, None)

    def forget(self, but: Container[str]) -> None:
        """Forget what is not to be started any more: all *but* these."""
        self._failed = {name: tried for name, tried in self._failed.items() if name in but}
