"""Systems for the end-to-end tests."""

from tests.systems.fixtures import make_system, system

__all__ = ["make_system", "system"]
