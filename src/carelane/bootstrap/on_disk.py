"""Whether carelane.yaml still says what the server goes by: policy is read when it starts."""

from collections.abc import Iterator

from carelane.base.errors import InputError
from carelane.bootstrap.places import Places
from carelane.config import reading
from carelane.config.model import Configuration

AGAIN = "`carelane down --keep-running` and `carelane up` take it over"


def remarks(places: Places, used: Configuration) -> list[str]:
    """What a person should know of the file beside what the server uses; nothing where both are the same."""
    try:
        there = reading.read(places.file.read_text(), places.file.name)
    except OSError as error:
        return [f"{places.file.name} cannot be read ({error.strerror}): the server goes on with what it read"]
    except InputError as error:
        first = error.message.partition("\n")[0]
        return [f"{places.file.name} is wrong ({first}): the server goes on with what it read"]
    differing = list(_differing(there, used))
    if not differing:
        return []
    return [f"{places.file.name} says otherwise than the server uses: {', '.join(differing)}; {AGAIN}"]


def _differing(there: Configuration, used: Configuration) -> Iterator[str]:
    """The places of policy that differ; services are released, and come from their commit."""
    for part in ("notifications", "pipeline"):
        if getattr(there, part) != getattr(used, part):
            yield part
    for name in {**used.environments, **there.environments}:
        old, new = used.environments.get(name), there.environments.get(name)
        if old is None or new is None:
            yield f"environments.{name}"
            continue
        yield from (
            f"environments.{name}.{setting}"
            for setting in type(new).model_fields
            if getattr(old, setting) != getattr(new, setting)
        )
