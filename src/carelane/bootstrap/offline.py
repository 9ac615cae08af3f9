"""What needs no server: checking a configuration, its JSON Schema, judging recorded traffic."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carelane.base.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from carelane.analysis.columns import Columns
    from carelane.analysis.objectives import AnalysisPolicy
    from carelane.analysis.replaying import Replay
    from carelane.analysis.verdicts import Evidence


def check_configuration(path: Path) -> dict[str, Any]:
    """Read the file at *path*; what it describes, in short. What it names beside it must be there.

    Raises:
        NotFoundError: If there is no such file.
        InputError: With every mistake in it, one a line.
    """
    from carelane.config import reading

    configuration = reading.read(reading.text_of(path), path.name, path.absolute().parent)
    return {
        "system": configuration.system,
        "services": {name: service.kind for name, service in configuration.services.items()},
        "environments": {name: e.address for name, e in configuration.environments.items()},
    }


def shown_configuration(path: Path, environment: str) -> dict[str, Any]:
    """What the file at *path* comes to in *environment*; raises as `check_configuration` does."""
    from carelane.config import reading, showing

    return showing.shown(reading.read(reading.text_of(path), path.name), environment)


def configuration_schema() -> dict[str, Any]:
    """The JSON Schema of carelane.yaml, for editors."""
    from carelane.config.model import Configuration

    schema = Configuration.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "carelane.yaml", **schema}


def replay_recording(path: Path, settings: Mapping[str, float | None]) -> dict[str, Any]:
    """Judge the traffic recorded at *path*; figures that are unknown are None.

    Raises:
        NotFoundError: If there is no such file.
        InputError: If it, or one of *settings*, is wrong.
    """
    from carelane.analysis.replaying import replay
    from carelane.platforms.recordings import csv_files

    columns = csv_files.read(path)
    found = replay(_policy(columns, settings), columns)
    return _replayed(found)


def judged_again(run: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Judge a canary again from what was recorded of it, as the API gives it.

    Returns:
        What it came to, and whether that is what was recorded, bit for bit.

    Raises:
        NotFoundError: If what it was judged by is kept no longer.
    """
    from pydantic import TypeAdapter

    from carelane.delivery.analyses import AnalysisRun

    known = TypeAdapter(AnalysisRun).validate_python(run)
    if known.evidence is not None and not known.windows:
        raise NotFoundError(
            f"what {known.service} was judged by in deployment {known.deployment} is kept no longer,"
            " but for what it came to",
            hint="retention.analyses_days in carelane.yaml says for how long",
        )
    same = known.evidence is None or known.judge().evidence() == known.evidence
    return _replayed(known.since_its_start().again()), same


def compare_recording(path: Path, settings: Mapping[str, float | None]) -> dict[str, Any]:
    """Carelane's test beside others' rules on the traffic recorded at *path*.

    Raises:
        NotFoundError: If there is no such file.
        InputError: If it, or one of *settings*, is wrong.
    """
    from dataclasses import asdict

    from carelane.analysis.comparing import compare
    from carelane.platforms.recordings import csv_files

    columns = csv_files.read(path)
    outcomes = compare(_policy(columns, settings), columns)
    return {"outcomes": [asdict(outcome) for outcome in outcomes]}


def plan_canary(
    question: Mapping[str, Any], settings: Mapping[str, float | None], seed: int, traces: int
) -> dict[str, Any]:
    """What a canary will take, by simulation from *seed*; figures beyond the longest step are None.

    Raises:
        InputError: If one of the figures is wrong.
    """
    from dataclasses import asdict

    import numpy as np

    from carelane.analysis.columns import Columns
    from carelane.analysis.planning import Question, plan

    asked, policy = Question(**question), _policy(Columns.of([]), settings)
    found = plan(policy, asked, np.random.default_rng(seed), traces)
    return {"question": asdict(asked), "alpha": policy.alpha, "seed": seed, **asdict(found)}


def _policy(columns: "Columns", settings: Mapping[str, float | None]) -> "AnalysisPolicy":
    from carelane.analysis.objectives import AnalysisPolicy, Measure, Objective

    given = {name: value for name, value in settings.items() if value is not None}
    general = {name: given.pop(name) for name in ("alpha", "warm_up_seconds") if name in given}
    objectives = [Objective(**given)]  # type: ignore[arg-type]  # the names are Objective's own
    if columns.stable_slow.shape[1]:
        given.pop("ceiling", None)
        objectives.append(Objective(Measure.SLOW, **given))
    return AnalysisPolicy(objectives=tuple(objectives), **general)


def _replayed(found: "Replay") -> dict[str, Any]:
    from dataclasses import asdict

    evidence, last = found.evidence, found.last
    whole = last.objectives[0]
    return {
        **_told(evidence),
        "alpha": found.alpha,
        "pass_alpha": found.pass_alpha,
        "earlier": [_told(each) for each in found.earlier],
        "canary_since_seconds": found.canary_since,
        "history": [asdict(baseline) for baseline in found.baselines],
        "history_windows": found.history_windows,
        "windows": found.windows,
        "later": _told(found.later) if found.later else None,
        "whole": {
            "canary_requests": last.canary_requests,
            "canary_errors": whole.canary_bad,
            "seconds": last.at - found.canary_since if found.canary_since is not None else None,
        },
        "points": [asdict(point) for point in found.points],
    }


def _told(evidence: "Evidence") -> dict[str, Any]:
    from dataclasses import asdict

    leading, errors = evidence.leading, evidence.objectives[0]
    return {
        "verdict": evidence.verdict.value,
        "decided_at_seconds": evidence.decided_at,
        "canary_requests": evidence.canary_requests,
        "canary_errors": errors.canary_bad,
        "stable_requests": evidence.stable_requests,
        "stable_errors": errors.stable_bad,
        "log_e_value": evidence.log_e_worse,
        "log_e_value_safe": evidence.log_e_safe,
        "log_e_deployment": evidence.log_e_deployment,
        "services": evidence.services,
        "since_percent": evidence.since_percent,
        "alpha": evidence.alpha,
        "objective": evidence.objective,
        "dispersion": leading.dispersion,
        "rate_ratio": leading.rate_ratio,
        "rate_ratio_interval": leading.rate_ratio_interval,
        "reasons": [reason.value for reason in evidence.reasons],
        "words": evidence.words,
        "objectives": [asdict(objective) for objective in evidence.objectives],
    }


def gh_settings(system: Path) -> str:
    """What gh needs to speak to a system's localhub, as `export` lines.

    Raises:
        InputError: If the system has no pipeline.
        PlatformError: If localhub cannot say.
    """
    from carelane.bootstrap.localhub import Localhub
    from carelane.bootstrap.places import Places
    from carelane.config import reading

    places = Places(system)
    configuration = reading.read(reading.text_of(places.file), places.file.name)
    if configuration.pipeline is None:
        raise InputError(
            f"{places.file.name} has no `pipeline`",
            hint="pipeline: {repository: owner/name}, then `carelane up`",
        )
    return Localhub(places, configuration.pipeline).command(
        "env", "--repo", configuration.pipeline.repository
    )
