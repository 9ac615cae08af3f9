"""Putting releases into environments, and taking them out again."""
