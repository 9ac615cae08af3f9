"""Answers given under an idempotency key, as they are known."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Answered:
    """What is known under a key: None as *status* while the first is still being answered."""

    request_digest: str
    status: int | None
    body: bytes | None
