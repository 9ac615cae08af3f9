"""Workflow runs: what they are, and what has to happen to them next. Pure; the engine carries it out."""
