"""The example's folders that the operations guide names hold what fits the system beside them."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

HEALTHCARE = Path(__file__).parents[2] / "examples" / "healthcare"
BASE = HEALTHCARE / "k8s" / "base"
SERVICES = yaml.safe_load((HEALTHCARE / "carelane.yaml").read_text())["services"]
ENVIRONMENTS = ("development", "staging", "production")


def objects(kind: str) -> dict[str, Any]:
    """The manifests of one kind, by name."""
    found = [
        o for f in BASE.glob("*.yaml") for o in yaml.safe_load_all(f.read_text()) if o and o["kind"] == kind
    ]
    return {o["metadata"]["name"]: o for o in found}


def container(workload: dict[str, Any]) -> dict[str, Any]:
    """Its only container."""
    (only,) = workload["spec"]["template"]["spec"]["containers"]
    made: dict[str, Any] = only
    return made


@pytest.mark.parametrize("service", ["backend", "frontend", "reminders"])
def test_a_deployment_runs_what_carelane_yaml_runs(service: str) -> None:
    deployment = objects("Deployment")[f"healthcare-{service}"]
    runs, described = container(deployment), SERVICES[service]
    assert runs["command"] == described["run"]
    for probe, path in ((p, runs.get(f"{p}Probe")) for p in ("readiness", "liveness")):
        wanted = described.get("probes", {}).get(probe)
        assert (path and path["httpGet"]["path"]) == (wanted and wanted["path"])
    variables = {e["name"] for e in runs["env"]}
    assert (set(described["environment"]) | set(described.get("secrets", {}))) - {
        "APP_VERSION",
        "APP_COMMIT",
    } <= variables


def test_selectors_find_the_pods_they_mean() -> None:
    labels = [d["spec"]["template"]["metadata"]["labels"] for d in objects("Deployment").values()]
    for service in objects("Service").values():
        assert sum(service["spec"]["selector"].items() <= pod.items() for pod in labels) == 1
    for budget in objects("PodDisruptionBudget").values():
        wanted = budget["spec"]["selector"]["matchLabels"]
        assert sum(wanted.items() <= pod.items() for pod in labels) == 1


def test_no_secret_stands_in_a_manifest_and_nothing_runs_as_root() -> None:
    text = "\n".join(f.read_text() for f in (HEALTHCARE / "k8s").rglob("*.yaml"))
    assert "kind: Secret" not in text
    assert "postgresql://" not in text
    for workload in [*objects("Deployment").values(), *objects("Job").values()]:
        assert container(workload)["securityContext"]["runAsNonRoot"] is True


@pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="NOT RUN: needs kubectl, to render the environments"
)
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_kubectl_makes_an_environment_of_them(environment: str) -> None:
    done = subprocess.run(
        ["kubectl", "kustomize", str(HEALTHCARE / "k8s" / environment)],
        capture_output=True,
        text=True,
        check=True,
    )
    made = [o for o in yaml.safe_load_all(done.stdout) if o]
    short = {"development": "dev", "production": "prod"}.get(environment, environment)
    assert {o["metadata"]["namespace"] for o in made} == {f"healthcare-{short}"}
    assert len([o for o in made if o["kind"] == "Deployment"]) == 3


def test_the_pipeline_pins_its_actions_and_runs_the_tests_there_are() -> None:
    text = (HEALTHCARE / ".github" / "workflows" / "ci-cd-pipeline.yml").read_text()
    pipeline = yaml.safe_load(text)
    uses = re.findall(r"uses: (\S+)", text)
    assert uses
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", used) for used in uses)
    assert pipeline["permissions"] == {"contents": "read"}
    for tests in pipeline["jobs"]["test"]["strategy"]["matrix"]["tests"]:
        assert list((HEALTHCARE / "src-code" / "tests" / tests).glob("test_*.py"))
