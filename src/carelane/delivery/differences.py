"""How a version runs otherwise than another one: for whoever is about to replace one by the other. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from carelane.delivery.releases import ServiceVersion

NOT_TOLD = {"schema_version"}


@dataclass(frozen=True)
class Change:
    """A setting, as carelane.yaml would have it, *before* and *after*; None where it is not there."""

    setting: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Difference:
    """What replacing one version by another changes: its *code*, its settings, its data."""

    code: bool
    settings: tuple[Change, ...]
    migrates: tuple[str, ...] | None


def difference(before: ServiceVersion | None, after: ServiceVersion) -> Difference:
    """What *after* has otherwise than *before*; of what is new every setting would be, so none is told."""
    code = before is None or before.artifact != after.artifact
    migrates = after.run.migrate
    if before is None:
        return Difference(code, (), migrates)
    return Difference(code, changes(asdict(before.run), asdict(after.run)), migrates)


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """Each setting that differs, by its dotted path, sorted."""
    old, new = dict(_settings(before)), dict(_settings(after))
    names = sorted(name for name in {**old, **new} if old.get(name) != new.get(name))
    return tuple(Change(name, old.get(name), new.get(name)) for name in names)


def _settings(said: Mapping[str, Any], inside: str = "") -> Iterator[tuple[str, str]]:
    """Each value by its dotted path, as text; what is not set is left out."""
    for name, value in said.items():
        path = f"{inside}{name}"
        if isinstance(value, Mapping):
            yield from _settings(value, f"{path}.")
        elif value not in (None, (), []) and path not in NOT_TOLD:
            yield path, value if isinstance(value, str) else json.dumps(value)
