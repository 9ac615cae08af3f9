"""Traffic as the clinic's staff makes it, and what they saw of it."""
