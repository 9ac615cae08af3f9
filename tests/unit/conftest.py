"""Hypothesis here counts examples, not milliseconds, and writes nothing to disk."""

from hypothesis import settings

settings.register_profile("unit", deadline=None, max_examples=60, database=None)
settings.load_profile("unit")
