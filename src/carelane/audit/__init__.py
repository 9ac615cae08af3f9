"""What happened, who did it and why: entries in an append-only trail."""
