"""What the engine asks and tells beyond its ports."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from localhub.runs import protection
from localhub.runs.contexts import Around
from localhub.runs.records import Job, Run


@dataclass(frozen=True)
class Labels:
    """What `runs-on` may ask of this machine."""

    known: frozenset[str]

    def missing(self, labels: Iterable[str]) -> list[str]:
        """Those that this machine does not have."""
        return [label for label in labels if label.lower() not in self.known]


@dataclass(frozen=True)
class Hooks:
    """Whoever answers, and whoever is told."""

    around: Callable[[str], Around]  # by repository
    protection: Callable[[str, str], protection.Rules]  # by repository and environment
    job_token: Callable[[Run, Job, Mapping[str, str]], str]  # with its permissions
    job_changed: Callable[[Run, Job], None] = lambda _run, _job: None
    run_ended: Callable[[Run], None] = lambda _run: None
