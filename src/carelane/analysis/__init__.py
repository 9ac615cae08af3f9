"""Judging a canary by its own traffic: pure, so that a verdict can be computed again, bit for bit."""
