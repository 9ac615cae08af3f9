"""Checks without disk and network."""
