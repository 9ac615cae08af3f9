"""What carelane.yaml says otherwise than the server uses, and bringing it into force without a restart."""

import hashlib
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from carelane.audit.entries import Entry
from carelane.base.clock import Clock
from carelane.base.errors import ConflictError, InputError
from carelane.bootstrap.places import Places
from carelane.config import reading, translation
from carelane.config.model import Configuration, Environment
from carelane.delivery.differences import Change, changes

RESTART = "`carelane down --keep-running` and `carelane up` take it over"


@dataclass(frozen=True)
class Differences:
    """What the file says otherwise, as a policy of the whole server.

    *digest* is of the file that was read. What comes into force at once is in *changes*; addresses,
    databases, the pipeline and thresholds that proxies count by are in *needs_restart*.
    """

    digest: str
    changes: tuple[Change, ...]
    needs_restart: tuple[Change, ...]


class Reloading:
    """Holds the configuration that is used; *use* brings another one into force."""

    def __init__(
        self,
        places: Places,
        used: Configuration,
        use: Callable[[Configuration], None],
        record: Callable[[Entry], None],
        clock: Clock,
    ) -> None:
        self._places = places
        self._use = use
        self._record = record
        self._clock = clock
        self._lock = threading.Lock()
        self.used = used

    def differences(self) -> Differences:
        """What the file says by now.

        Raises:
            InputError: If it cannot be read, or is wrong.
        """
        return self._read()[1]

    def reload(self, author: str, reason: str, seen: str | None = None) -> Differences:
        """Bring into force what can be without a restart, with an entry in the trail.

        Where nothing of it is otherwise nothing is recorded. *seen* is the digest of the file that
        whoever asks has looked at.

        Raises:
            InputError: If the file cannot be read, or is wrong: all stays as it is.
            ConflictError: If it is no longer the one that was *seen*.
        """
        with self._lock:
            wanted, found = self._read()
            if seen is not None and seen != found.digest:
                raise ConflictError(
                    f"{self._places.file.name} has changed since it was looked at",
                    hint="look once more: `carelane reload`",
                )
            if found.changes:
                said = {c.setting: f"{c.before} -> {c.after}" for c in found.changes}
                name = self._places.file.name
                self._record(
                    Entry(
                        self._clock.wall(),
                        author,
                        "configuration.reloaded",
                        name,
                        reason=reason,
                        details=said,
                    )
                )
                self._use(wanted)
                self.used = wanted
            return found

    def remarks(self) -> list[str]:
        """What a person should know of the file beside what is used; nothing where both are the same."""
        name = self._places.file.name
        try:
            found = self.differences()
        except InputError as error:
            first = error.message.partition("\n")[0]
            return [f"{name} is wrong ({first}): the server goes on with what it read"]
        said = []
        for differing, way in (
            (found.changes, "`carelane reload` brings it into force"),
            (found.needs_restart, RESTART),
        ):
            if differing:
                settings = ", ".join(change.setting for change in differing)
                said.append(f"{name} says otherwise than the server uses: {settings}; {way}")
        return said

    def _read(self) -> tuple[Configuration, Differences]:
        """What can be in force at once by the file as it is, and what differs."""
        file = self._places.file
        try:
            text = file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise InputError(f"{file.name} cannot be read: {why}") from None
        there = reading.read(text, file.name)
        at_once = _at_once(self.used, there)
        both = self.used.environments.keys() & there.environments.keys()
        before, wanted, written = (_policy(each, both) for each in (self.used, at_once, there))
        digest = hashlib.sha256(text.encode()).hexdigest()
        left = [*_environments(self.used, there), *changes(wanted, written)]
        return at_once, Differences(digest, changes(before, wanted), tuple(left))


def _at_once(used: Configuration, there: Configuration) -> Configuration:
    """*there*, but for what a server takes over when it starts."""
    environments = {
        name: _environment(settings, there.environments.get(name, settings))
        for name, settings in used.environments.items()
    }
    others = {name: getattr(there, name) for name in ("notifications", "retention")}
    return used.model_copy(update={"environments": environments, **others})


def _environment(used: Environment, there: Environment) -> Environment:
    """*there*, with the addresses, databases and thresholds that the proxies have already."""
    strategy, blue_green = there.strategy, there.strategy.blue_green
    if blue_green is not None:
        port = translation.preview_port(used)
        strategy = strategy.model_copy(
            update={"blue_green": blue_green.model_copy(update={"preview_port": port})}
        )
    slow = there.objectives.model_copy(update={"slow_seconds": used.objectives.slow_seconds})
    kept = {name: getattr(used, name) for name in ("platform", "port", "kubernetes", "backing")}
    return there.model_copy(update={**kept, "strategy": strategy, "objectives": slow})


def _environments(used: Configuration, there: Configuration) -> Iterator[Change]:
    """Those more or less; what each of them says is no change of a setting."""
    for name in {**used.environments, **there.environments}:
        before, after = ("there" if name in each.environments else None for each in (used, there))
        if before != after:
            yield Change(f"environments.{name}", before, after)


def _policy(configuration: Configuration, environments: Collection[str]) -> Mapping[str, object]:
    """Everything of these *environments* but what is released; of services only which there are."""
    said = configuration.model_dump(mode="json", exclude_none=True, exclude={"services", "irreversible"})
    said["environments"] = {n: e for n, e in said["environments"].items() if n in environments}
    for settings in said["environments"].values():
        settings["services"] = {
            name: {"replicas": own["replicas"]}
            for name, own in settings["services"].items()
            if "replicas" in own
        }
    return {**said, "services": dict(_addresses(configuration))}


def _addresses(configuration: Configuration) -> Iterator[tuple[str, str]]:
    for name, service in configuration.services.items():
        if service.kind != "worker":
            yield name, service.kind
