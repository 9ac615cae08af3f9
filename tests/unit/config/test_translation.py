import pytest

from carelane.base.errors import InputError
from carelane.config import reading, translation
from carelane.config.model import Web, Worker
from carelane.delivery.policies import Pace, Policy, RollbackPolicy
from carelane.delivery.releases import Limits, Probe, SecretReference, ServiceKind
from carelane.delivery.strategies import StrategyKind

ONE_SERVICE = """\
system: clinic
services:
  backend: {kind: web, source: [src], run: [python, -m, backend]}
"""
TEXT = """\
system: clinic
services:
  backend:
    kind: web
    source: [src]
    workdir: ./src/
    run: [python, -m, backend]
    migrate: [python, -m, backend.migrations]
    routes: [/api]
    probes: {readiness: {path: /ready}, liveness: {path: /live, failures: 5}}
    health: /api/health
    version: /api/version
    secrets: {KEY: {file: secrets/key, version: 3}}
    limits: {memory: 1GiB, open_files: 64}
  database: {kind: backing, engine: postgresql}
  reminders: {kind: worker, source: [src], run: [work]}
environments:
  production:
    port: 18082
    replicas: {backend: 4}
    strategy: {rolling: {max_unavailable: 0, max_surge: "25%"}}
    rollback: {automatic: false, keep_warm: 2, revision_history: 5, crash_loop_restarts: 4}
"""
CONFIGURATION = reading.read(TEXT)


def test_a_policy_says_what_the_file_says() -> None:
    policy = translation.policy(CONFIGURATION.environments["production"])
    assert policy.replicas == {"backend": 4}
    assert policy.pace == Pace(0, "25%", min_ready_seconds=5.0)
    assert policy.rollback == RollbackPolicy(
        automatic=False, revision_history=5, keep_warm=2, crash_loop_restarts=4
    )


def test_a_policy_without_a_word_has_the_domains_own_defaults_but_for_a_minimum_time_ready() -> None:
    quiet = reading.read(TEXT.split("    replicas:", maxsplit=1)[0])
    assert translation.policy(quiet.environments["production"]).rollback == RollbackPolicy()
    assert translation.policy(quiet.environments["production"]).pace == Pace(min_ready_seconds=5.0)


def test_a_web_services_run_configuration_says_what_the_file_says() -> None:
    backend = CONFIGURATION.services["backend"]
    assert isinstance(backend, Web)
    run = translation.run_configuration(backend)
    assert run.kind is ServiceKind.WEB
    assert run.command == ("python", "-m", "backend")
    assert run.migrate == ("python", "-m", "backend.migrations")
    assert run.workdir == "src"
    assert run.readiness == Probe("/ready", period_seconds=1.0)
    assert run.liveness == Probe("/live", period_seconds=5.0, failures=5)
    assert run.secrets == {"KEY": SecretReference(3, file="secrets/key")}
    assert run.limits == Limits(1 << 30, 64)
    assert (run.health_path, run.version_path, run.routes) == ("/api/health", "/api/version", ("/api",))


def test_a_worker_has_neither_probes_nor_paths() -> None:
    reminders = CONFIGURATION.services["reminders"]
    assert isinstance(reminders, Worker)
    run = translation.run_configuration(reminders)
    assert (run.kind, run.readiness, run.liveness, run.routes) == (ServiceKind.WORKER, None, None, ())


def test_services_are_sorted_into_released_backing_and_web() -> None:
    assert list(translation.released(CONFIGURATION)) == ["backend", "reminders"]
    assert translation.backing(CONFIGURATION) == ["database"]
    assert translation.web(CONFIGURATION) == ["backend"]


def strategy(text: str) -> Policy:
    """The policy of an environment whose ``strategy`` is *text*."""
    written = f"{ONE_SERVICE}environments:\n  production: {{port: 18082, strategy: {text}}}\n"
    return translation.policy(reading.read(written).environments["production"])


def test_a_strategy_by_name_has_its_default_steps() -> None:
    assert [str(s) for s in strategy("canary").strategy.steps] == [
        *("weight 10 %", "analysis, at most 1800 s", "weight 25 %", "analysis, at most 1800 s"),
        *("weight 50 %", "analysis, at most 1800 s", "weight 100 %"),
    ]
    assert [s.kind.value for s in strategy("blue-green").strategy.steps] == ["scale", "weight", "verify"]
    assert strategy("rolling").strategy.steps == ()


def test_canary_steps_are_what_is_written() -> None:
    steps = "[{check: {run: [smoke]}}, {weight: 20%}, {pause: {seconds: 5}}, {analysis: {}}, {pause: {}}]"
    chosen = strategy(f"{{canary: {{steps: {steps}, on_inconclusive: abort}}}}").strategy
    assert [str(s) for s in chosen.steps] == [
        *("weight 0 %", "check smoke, at most 60 s", "weight 20 %", "pause 5 s"),
        *("analysis, at most 1800 s", "pause until somebody resumes it"),
    ]
    assert chosen.on_inconclusive == "abort"
    assert chosen.weights == (20,), "at 0 nobody is to be judged"


def test_a_canary_may_stand_at_0_before_it_gets_a_user() -> None:
    said = "{canary: {steps: [{weight: 0%}, {pause: {}}, {weight: 20}]}}"
    assert [str(s) for s in strategy(said).strategy.steps] == [
        *("weight 0 %", "pause until somebody resumes it", "weight 20 %"),
    ]


def test_settings_of_a_strategy_that_is_not_used_are_kept_for_a_deployment_that_names_it() -> None:
    policy = strategy("{use: rolling, blue_green: {hold: true}}")
    assert policy.strategy.kind == "rolling"
    assert [s.kind.value for s in policy.strategies[StrategyKind.BLUE_GREEN].steps] == [
        *("scale", "pause", "weight", "verify"),
    ]


def test_a_service_can_go_another_way_than_the_rest() -> None:
    policy = strategy("{use: canary, services: {backend: blue-green}, blue_green: {hold: true}}")
    assert policy.strategy_of("frontend").kind is StrategyKind.CANARY
    assert [s.kind.value for s in policy.strategy_of("backend").steps] == [
        "scale",
        "pause",
        "weight",
        "verify",
    ]


def test_blue_green_s_check_can_be_an_analysis_beside_a_probe() -> None:
    text = "{blue_green: {check: {path: /health}, analysis: {seconds: 90}, on_inconclusive: abort}}"
    chosen = strategy(text).strategy
    assert [str(s) for s in chosen.steps] == [
        *("scale 100 %", "check /health, at most 60 s", "analysis, at most 90 s", "weight 100 %"),
        "verify, at most 10 s",
    ]
    assert chosen.on_inconclusive == "abort"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{canary: {steps: [{weight: 50}, {weight: 20}]}}", "weight 20 after 50"),
        ("{canary: {steps: [{analysis: {}}]}}", "an analysis before the first user"),
        ("{canary: {steps: [{weight: 0}, {analysis: {}}]}}", "an analysis before the first user"),
        ("{canary: {steps: [{weight: 10}, {weight: 0}]}}", "weight 0 after 10"),
        ("{canary: {steps: [{weight: 100}, {analysis: {}}]}}", "has no stable to compare with"),
        ("{canary: {steps: [{weight: -1}]}}", "greater than or equal to 0"),
        ("{canary: {steps: [{weight: 10, pause: {}}]}}", "one of weight, pause, analysis, check or verify"),
        ("{canary: {steps: [{check: {}}]}}", "a check is either a command"),
        ("{canary: {}, blue_green: {}}", "use: is missing"),
        ("{canary: {on_inconclusive: pass}}", "'pause', 'extend' or 'abort'"),
    ],
)
def test_steps_that_cannot_be_gone_are_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        strategy(text)
    assert said in caught.value.message
    assert len(caught.value.message.splitlines()) == 1
    assert caught.value.message.startswith("carelane.yaml:")


@pytest.mark.parametrize(
    ("said", "first", "later"),
    [("{}", 0.01, 0.1), ("{alpha: 0.001}", 0.001, 0.01), ("{later_alpha: 0.02}", 0.01, 0.02)],
)
def test_how_sure_a_pass_at_a_later_weight_is_can_be_said(said: str, first: float, later: float) -> None:
    text = ONE_SERVICE + f"environments: {{production: {{port: 18082, analysis: {said}}}}}\n"
    judged_by = translation.policy(reading.read(text).environments["production"]).analysis
    assert judged_by.passing_alpha(0) == first
    assert judged_by.passing_alpha(1) == pytest.approx(later)


def test_a_later_alpha_beyond_a_half_is_refused() -> None:
    text = ONE_SERVICE + "environments: {production: {port: 18082, analysis: {later_alpha: 0.5}}}\n"
    with pytest.raises(InputError, match=r"analysis\.later_alpha: must be less than 0\.5"):
        reading.read(text)
