"""A whole environment in memory whose copies a cluster keeps: the engine, the platform, and `FakeCluster`."""

from collections.abc import Mapping

from carelane.base.errors import PlatformError
from carelane.delivery.policies import Policy
from carelane.platforms.kubernetes.objects import VERSION, Place
from carelane.platforms.kubernetes.platform import KubernetesPlatform
from carelane.platforms.kubernetes.slots import Slot, SlotSeen
from tests.fakes.kubernetes import FakeCluster
from tests.fakes.simulation import Simulation

BACKEND = "backend"


class OnCluster(Simulation):
    """One environment whose copies a cluster keeps."""

    def use(self, policy: Policy) -> None:
        """A server with this policy begins; the cluster goes on."""
        if not hasattr(self, "cluster"):
            self.cluster = FakeCluster(self.clock)
        self.place = Place("healthcare-prod", "default/front")
        self.kubernetes = KubernetesPlatform(self.place, self.cluster, self.cluster, self.clock, nobody)
        self.kubernetes._readiness.monotonic = self.clock.monotonic
        self._begin(policy, self.kubernetes, self.kubernetes)

    def slots(self, service: str = BACKEND) -> dict[Slot, SlotSeen]:
        """The slots of a service as they are."""
        return self.kubernetes._look().slots(service)

    def ready(self, slot: Slot, service: str = BACKEND) -> list[str]:
        """The versions of its ready Pods, by the cluster's own word."""
        look = self.kubernetes._look()
        return [p["metadata"]["labels"][VERSION] for p in look.pods(service, slot) if look.is_ready(p)]

    def weights(self, service: str = BACKEND) -> dict[str, int]:
        """By version that gets users, as a gateway shares them among a slot's ready Pods."""
        found: dict[str, int] = {}
        for slot, seen in self.slots(service).items():
            for label in set(self.ready(slot, service)) if seen.weight else ():
                found[label] = found.get(label, 0) + seen.weight
        return found

    def running(self, service: str = BACKEND) -> dict[str, int]:
        """How many Pods of each version are to stay."""
        found: dict[str, int] = {}
        for seen in self.slots(service).values():
            for pod in seen.staying:
                found[pod.label] = found.get(pod.label, 0) + 1
        return found

    def settled(self) -> bool:
        """Whether nothing is under way, here or on the cluster."""
        return self.state.deployment is None and all(self._at_rest(name) for name in self.state.services)

    def _at_rest(self, name: str) -> bool:
        state, slots = self.state.service(name), self.slots(name)
        others = [seen for slot, seen in slots.items() if slot is not Slot.STABLE]
        kept = [seen.label for seen in others if seen.size]
        stable = slots[Slot.STABLE]
        leaving = any(pod.leaving for seen in slots.values() for pod in seen.pods)
        return (
            {pod.label for pod in stable.pods} == {state.stable}
            and stable.ready(state.stable) == stable.size
            and set(kept) <= state.kept_warm
            and not any(seen.weight for seen in others)
            and not leaving
        )

    def describe(self) -> str:
        """For a person who wonders what became of it."""
        found = {str(slot): (s.label, s.size, s.weight, self.ready(slot)) for slot, s in self.slots().items()}
        return f"{self.deployment.phase} ({self.deployment.message}), {found}, {self.reported[-2:]}"


def nobody(path: str, headers: Mapping[str, str], timeout_seconds: float) -> tuple[int, bytes]:
    """Nobody is at its front door."""
    del headers
    raise PlatformError(f"nobody answers {path} within {timeout_seconds} s")
