"""The Host port on a cluster: what is watched, and what goes when an environment ends."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from carelane.base.errors import CarelaneError
from carelane.base.loops import Failing
from carelane.delivery.releases import SecretReference
from carelane.platforms.kubernetes.api import Api
from carelane.platforms.kubernetes.executing import PodCommands
from carelane.platforms.kubernetes.metadata import labels_of
from carelane.platforms.kubernetes.objects import TASK, is_ours
from carelane.platforms.kubernetes.ports import Kind
from carelane.platforms.kubernetes.watching import Watching

ENDING_SECONDS = 60.0
"""What is told to end drains first, and may take its time."""
AGAIN_SECONDS = 0.2
OURS = (Kind.ROUTE, Kind.SERVICE, Kind.DEPLOYMENT, Kind.JOB)
"""What an environment consists of, in the order in which it goes: its users first."""


class NoBacking:
    """The Backing port where an environment owns no database: on a cluster each is somebody else's."""

    def ensure(self) -> None:
        """Nothing is to be seen to."""

    def ready(self) -> bool:
        """Nothing is waited for."""
        return True

    def addresses(self) -> Mapping[str, str]:
        """None."""
        return {}

    def secret_addresses(self) -> Mapping[str, SecretReference]:
        """None."""
        return {}


@dataclass(frozen=True)
class ClusterHost:
    """One environment on a cluster, which keeps it up whether this server runs or not."""

    environment: str
    owner: str
    api: Api
    watching: Watching
    commands: PodCommands

    def begin(self) -> None:
        """Nothing: the cluster has it."""

    def failing(self) -> list[Failing]:
        """Whether the cluster tells what there is."""
        if self.watching.look(moving=False):
            return []
        return [
            Failing(f"cluster of {self.environment}", "it does not say what there is: nothing is decided")
        ]

    def interrupt(self) -> None:
        """Hang up: a watch waits for minutes for what comes next, and who asked for a command for its end."""
        self.watching.stop(0.0)
        self.commands.end()

    def leave(self) -> list[str]:
        """All stays as it is."""
        self.interrupt()
        return []

    def stop_all(self) -> list[str]:
        """Delete what was made for it, and wait for its Pods to be gone; the names of what is not."""
        self.interrupt()
        try:
            gone: set[str] = set()
            for kind in OURS:
                for name in self._there(kind):
                    self.api.delete(kind, name)
                    gone.add(name)
            give_up = time.monotonic() + ENDING_SECONDS
            while (left := self._pods_of(gone)) and time.monotonic() < give_up:
                time.sleep(AGAIN_SECONDS)
        except CarelaneError as problem:
            return [f"what the cluster has of {self.environment} ({problem.message})"]
        return left

    def _there(self, kind: Kind) -> list[str]:
        """What there is of it now, whatever was seen last."""
        found, _ = self.api.list(kind)
        return sorted(name for name, each in found.items() if is_ours(self.owner, each))

    def _pods_of(self, made: Collection[str]) -> list[str]:
        """The Pods of those Deployments and Jobs that are there still."""
        found, _ = self.api.list(Kind.POD)
        of = {name: labels_of(pod).get("app") or labels_of(pod).get(TASK) for name, pod in found.items()}
        return sorted(name for name, whose in of.items() if whose in made)
