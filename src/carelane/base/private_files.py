"""Files that hold what only this user is to know."""

import os


def opener(path: str, flags: int) -> int:
    """For `open`: a file that it makes can be read by this user alone."""
    return os.open(path, flags, 0o600)
