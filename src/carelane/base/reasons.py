"""What people say why."""

LONGEST = 2000


def sayable(reason: str) -> str:
    """What can be recorded of *reason*: nobody in an emergency is refused for what was pasted in."""
    said = reason.encode(errors="surrogateescape").decode(errors="replace").replace("\0", " ")
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"
