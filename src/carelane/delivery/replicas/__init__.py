"""Keeping single instances, for platforms that keep none themselves; below the ports of those that do."""
