"""A database that runs, or does not."""

from collections.abc import Mapping
from dataclasses import dataclass

from carelane.base.errors import PlatformError
from carelane.delivery.releases import SecretReference


@dataclass
class FakeBacking:
    """The Backing port in memory."""

    name: str = "database"
    runs: bool = False
    broken: bool = False
    """It cannot be started."""
    slow: bool = False
    """It starts, but is never ready."""
    ensured: int = 0

    def ensure(self) -> None:
        """Start it."""
        self.ensured += 1
        if self.broken:
            raise PlatformError(f"{self.name} does not start")
        self.runs = not self.slow

    def ready(self) -> bool:
        """Whether it runs."""
        return self.runs

    def secret_addresses(self) -> Mapping[str, SecretReference]:
        """It comes along: there is nothing secret about it."""
        return {}

    def addresses(self) -> Mapping[str, str]:
        """Its URL, once it has run."""
        return {f"backing.{self.name}.url": f"postgresql://{self.name}.invalid"} if self.runs else {}
