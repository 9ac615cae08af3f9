"""Systems for the fault tests."""

from tests.systems.fixtures import make_system, system

__all__ = ["make_system", "system"]
