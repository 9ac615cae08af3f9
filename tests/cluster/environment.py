"""One environment on the real cluster: the real engine, its store in memory, users at the gateway."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from carelane.base.clock import ManualClock
from carelane.delivery.deployments import Phase
from carelane.delivery.policies import Policy
from carelane.delivery.releases import Artifact, Probe, RunConfiguration, ServiceKind, ServiceVersion
from carelane.platforms.kubernetes.platform import KubernetesPlatform
from tests.cluster.stack import FRONT
from tests.fakes.clusters import BACKEND, OnCluster
from tests.load import Answer, Load

LOOK_SECONDS = 0.1
SERVING = ("python3", "-I", "-S", "-u", "/srv/answer.py")
APP = "localhost/app:1"
RUN = RunConfiguration(
    ServiceKind.WEB,
    SERVING,
    environment={"VERSION": "${version}", "PORT": "${port}"},
    readiness=Probe("/ready"),
    liveness=Probe("/live"),
    routes=("/",),
    version_path="/version",
    drain_seconds=2.0,
)
NEVER_READY = {"READY": "0"}


class MachineClock(ManualClock):
    """The machine's, where a simulation has one that is turned by hand."""

    def now(self) -> datetime:
        """The time."""
        return datetime.now(UTC)

    def wall(self) -> datetime:
        """The same."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that go by."""
        return time.monotonic()


class OnRealCluster(OnCluster):
    """An environment of one service, driven look by look."""

    def __init__(self, policy: Policy, kubernetes: KubernetesPlatform, namespace: str) -> None:
        self.kubernetes, self.namespace = kubernetes, namespace
        self.settings: dict[str, Mapping[str, str]] = {}
        super().__init__(policy, {BACKEND: RUN})

    def new_clock(self) -> ManualClock:
        """The machine's."""
        return MachineClock()

    def use(self, policy: Policy) -> None:
        """A server with this policy begins."""
        self._begin(policy, self.kubernetes, self.kubernetes)

    def version(self, service: str, name: str, run: RunConfiguration) -> ServiceVersion:
        """One whose image is there, spoiled by its environment where a test says so."""
        made = super().version(service, name, run)
        spoiled = replace(run, environment={**run.environment, **self.settings.get(name, {})})
        return replace(made, artifact=Artifact(made.artifact.archive, image=APP), run=spoiled)

    def tick(self, times: int = 1, seconds: float = LOOK_SECONDS, *, unseen: bool = False) -> None:
        """Look so many times."""
        del unseen
        for _ in range(times):
            self.engine.tick()
            time.sleep(seconds)

    def until(self, condition: Callable[[], bool], within: int = 60) -> None:
        """Look until *condition* holds, within so many seconds."""
        give_up = time.monotonic() + within
        while not condition():
            assert time.monotonic() < give_up, f"not within {within} s: {self.describe()}"
            self.tick()

    def settle(self, within: int = 60) -> None:
        """Look until nothing moves any more."""
        self.until(self.settled, within)

    def load(self, rate: float = 200.0) -> Load:
        """Users at the gateway."""
        place = urlsplit(FRONT)
        return Load(
            place.port or 80, rate, address=place.hostname or "", host=f"{self.namespace}.test", path="/"
        )

    @property
    def arrived(self) -> bool:
        """Whether the last deployment has succeeded."""
        return self.phase is Phase.SUCCEEDED


def late_seconds(answers: list[Answer], left: str, moment: float) -> float:
    """How long after *moment* the last request was sent that the version that is *left* answered."""
    return max([a.sent - moment for a in answers if a.version == left and a.sent > moment], default=0.0)
