"""What to do next: pure functions of what is recorded, what was seen, and the time."""
