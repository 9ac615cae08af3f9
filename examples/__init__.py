"""A system to ship, its history, and a demo that ships it."""
