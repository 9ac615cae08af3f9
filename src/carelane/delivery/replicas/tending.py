"""Looking after a front door's processes: what is wrong with one is told once, and again when it is over."""

from carelane.audit.entries import Entry
from carelane.base.clock import Clock
from carelane.base.loops import Failing
from carelane.delivery.ports import RolloutRepository
from carelane.delivery.replicas.draft import KEEPER
from carelane.delivery.replicas.ports import Proxies
from carelane.delivery.replicas.seen import ProxyTrouble

TEND_SECONDS = 1.0
QUIET_SECONDS = 10.0
"""How long a process must be well until that is told: one that ends again and again is one trouble."""


class Tending:
    """Looks after one environment's front door, second by second."""

    def __init__(
        self, environment: str, proxies: Proxies, repository: RolloutRepository, clock: Clock
    ) -> None:
        self._environment = environment
        self._proxies = proxies
        self._repository = repository
        self._clock = clock
        self._told: dict[str, ProxyTrouble] = {}
        self._well_since: dict[str, float] = {}

    def step(self) -> float:
        """Have it looked after, and tell what is new; the seconds until that is due again.

        Raises:
            PlatformError: If a process cannot be started, or an entry not be recorded: told again then.
        """
        found = {trouble.proxy: trouble for trouble in self._proxies.tend()}
        for name, trouble in found.items():
            self._well_since.pop(name, None)
            if name not in self._told:
                self._record("proxy.failing", name, trouble.why)
            self._told[name] = trouble
        now = self._clock.monotonic()
        for name in [name for name in self._told if name not in found]:
            if now - self._well_since.setdefault(name, now) >= QUIET_SECONDS:
                self._record("proxy.recovered", name, "it is well again")
                del self._told[name], self._well_since[name]
        return TEND_SECONDS

    def failing(self) -> list[Failing]:
        """What is wrong, or was until a moment ago."""
        return [Failing(f"{t.proxy} of {self._environment}", t.why) for t in list(self._told.values())]

    def _record(self, act: str, proxy: str, why: str) -> None:
        self._repository.record(Entry(self._clock.wall(), KEEPER, act, proxy, self._environment, why))
