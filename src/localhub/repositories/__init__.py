"""Bare git repositories on disk: pushed to, read from, merged in."""
