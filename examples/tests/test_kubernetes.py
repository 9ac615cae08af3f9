"""The example's manifests: they parse, fit each other and carelane.yaml, and hold no secret.

Kustomize is not needed to run this: the overlays are small enough to be read as they are.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

HEALTHCARE = Path(__file__).resolve().parents[1] / "healthcare"
BASE = HEALTHCARE / "k8s" / "base"
OVERLAYS = HEALTHCARE / "k8s" / "overlays"
NAMESPACES = {
    "development": "healthcare-dev",
    "staging": "healthcare-staging",
    "production": "healthcare-prod",
}
SERVICES: dict[str, Any] = yaml.safe_load((HEALTHCARE / "carelane.yaml").read_text())["services"]
WEB = sorted(name for name, service in SERVICES.items() if service["kind"] == "web")
SECRETS = {"SESSION_KEY", "DATABASE_URL"}


def _read(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def _all(*kinds: str) -> list[dict[str, Any]]:
    listed = _read(BASE / "kustomization.yaml")[0]["resources"]
    return [made for name in listed for made in _read(BASE / name) if not kinds or made["kind"] in kinds]


def _pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every Pod template, by what makes it."""
    for made in _all("Deployment", "Job"):
        yield made["metadata"]["name"], made["spec"]["template"]


def _named(kind: str, name: str) -> dict[str, Any]:
    (found,) = [made for made in _all(kind) if made["metadata"]["name"] == name]
    return found


def _container(name: str) -> dict[str, Any]:
    (container,) = dict(_pods())[name]["spec"]["containers"]
    return dict(container)


def _settings_read(service: str) -> set[str]:
    """The variables that a service's own code reads without a default."""
    source = (HEALTHCARE / "src-code" / service / "settings.py").read_text()
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    required = [c for c in calls if getattr(c.func, "attr", "") in {"text", "keys"} and len(c.args) == 1]
    return {c.args[0].value for c in required if isinstance(c.args[0], ast.Constant)}


def test_every_file_of_the_base_is_listed_and_every_listed_one_is_there() -> None:
    listed = set(_read(BASE / "kustomization.yaml")[0]["resources"])
    assert listed == {path.name for path in BASE.glob("*.yaml")} - {"kustomization.yaml"}


def test_names_are_given_once() -> None:
    names = [(made["kind"], made["metadata"]["name"]) for made in _all()]
    assert len(names) == len(set(names))
    assert all(made["apiVersion"] for made in _all())


def test_every_released_service_has_its_deployment() -> None:
    released = {name for name, service in SERVICES.items() if service["kind"] != "backing"}
    assert {made["metadata"]["name"] for made in _all("Deployment")} == {f"healthcare-{n}" for n in released}


def test_every_selector_finds_exactly_its_own_pods_and_names_no_version() -> None:
    """A Deployment's selector cannot be changed later."""
    labels = {name: pod["metadata"]["labels"] for name, pod in _pods()}
    for made in _all("Deployment", "Service", "PodDisruptionBudget"):
        selector = made["spec"]["selector"].get("matchLabels", made["spec"]["selector"])
        found = {name for name, have in labels.items() if selector.items() <= have.items()}
        assert found == {selector["app"]}, made["metadata"]["name"]
        assert set(selector) == {"app"}


@pytest.mark.parametrize("service", WEB)
def test_probes_ask_what_carelane_yaml_asks_on_a_port_the_service_has(service: str) -> None:
    container = _container(f"healthcare-{service}")
    probes = SERVICES[service]["probes"]
    for kind in ("readiness", "liveness"):
        asked = container[f"{kind}Probe"]["httpGet"]
        assert asked["path"] == probes[kind]["path"]
        assert asked["port"] in {port["name"] for port in container["ports"]}
    (port,) = container["ports"]
    told = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert told["PORT"] == str(port["containerPort"])


@pytest.mark.parametrize("service", WEB)
def test_the_service_leads_to_the_port_and_the_address_others_are_told_is_its_own(service: str) -> None:
    (port,) = _named("Service", f"{service}-service")["spec"]["ports"]
    assert port["targetPort"] in {p["name"] for p in _container(f"healthcare-{service}")["ports"]}
    told = {variable["name"]: variable.get("value") for variable in _container("healthcare-frontend")["env"]}
    assert told["BACKEND_URL"] == "http://backend-service"
    assert _named("Service", "backend-service")["spec"]["ports"][0]["port"] == 80


def test_commands_are_those_of_carelane_yaml_and_their_modules_are_there() -> None:
    for name, service in SERVICES.items():
        if service["kind"] != "backing":
            assert _container(f"healthcare-{name}")["command"] == service["run"]
    assert _container("healthcare-migrations")["command"] == SERVICES["backend"]["migrate"]
    for _, pod in _pods():
        module = pod["spec"]["containers"][0]["command"][2].replace(".", "/")
        assert (HEALTHCARE / "src-code" / module / "__main__.py").exists()


@pytest.mark.parametrize("service", ["backend", "frontend", "reminders"])
def test_what_a_service_must_be_told_it_is_told(service: str) -> None:
    told = {variable["name"] for variable in _container(f"healthcare-{service}")["env"]}
    assert _settings_read(service) <= told


def test_references_lead_somewhere_and_secrets_are_references_only() -> None:
    settings = _named("ConfigMap", "healthcare-settings")["data"]
    assert all(isinstance(value, str) for value in settings.values())
    assert not SECRETS & set(settings)
    for name, pod in _pods():
        (container,) = pod["spec"]["containers"]
        assert container["envFrom"] == [{"configMapRef": {"name": "healthcare-settings"}}], name
        for variable in container["env"]:
            if variable["name"] in SECRETS:
                reference = variable["valueFrom"]["secretKeyRef"]
                assert reference == {"name": "healthcare-secrets", "key": variable["name"]}
                assert "value" not in variable
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["spec"]["volumes"]}


def test_no_secret_stands_in_any_file() -> None:
    for path in (HEALTHCARE / "k8s").rglob("*.yaml"):
        text = path.read_text()
        assert all(made["kind"] != "Secret" for made in _read(path)), path
        assert not re.search(r"postgres(ql)?://|[0-9a-f]{32}|BEGIN [A-Z ]*PRIVATE KEY", text), path


def test_every_pod_keeps_to_the_restricted_profile() -> None:
    for name, pod in _pods():
        spec = pod["spec"]
        (container,) = spec["containers"]
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]


def test_the_worker_is_never_there_twice_and_web_services_are_replaced_as_the_guide_says() -> None:
    reminders = _named("Deployment", "healthcare-reminders")["spec"]
    assert (reminders["replicas"], reminders["strategy"]) == (1, {"type": "Recreate"})
    for service in WEB:
        spec = _named("Deployment", f"healthcare-{service}")["spec"]
        assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 1}
        assert (spec["progressDeadlineSeconds"], spec["revisionHistoryLimit"]) == (600, 10)


def test_a_pod_may_drain_before_it_is_killed() -> None:
    drain = float(_named("ConfigMap", "healthcare-settings")["data"]["DRAIN_SECONDS"])
    for name, pod in _pods():
        if name != "healthcare-migrations":
            assert pod["spec"]["terminationGracePeriodSeconds"] > drain + 10


@pytest.mark.parametrize("environment", NAMESPACES)
def test_an_overlay_has_its_namespace_and_changes_only_what_is_there(environment: str) -> None:
    folder = OVERLAYS / environment
    (overlay,) = _read(folder / "kustomization.yaml")
    (namespace,) = _read(folder / "namespace.yaml")
    assert overlay["namespace"] == namespace["metadata"]["name"] == NAMESPACES[environment]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert all((folder / resource).exists() for resource in overlay["resources"])
    deployments = {made["metadata"]["name"]: made for made in _all("Deployment")}
    replicas = {r["name"].removeprefix("healthcare-"): r["count"] for r in overlay["replicas"]}
    assert {f"healthcare-{name}" for name in replicas} <= set(deployments)
    wanted = yaml.safe_load((HEALTHCARE / "carelane.yaml").read_text())["environments"][environment][
        "replicas"
    ]
    assert replicas == wanted
    images = {pod["spec"]["containers"][0]["image"].partition(":")[0] for _, pod in _pods()}
    assert {image["name"] for image in overlay["images"]} == images
    (labels,) = overlay["labels"]
    assert labels["pairs"] == {"app.kubernetes.io/version": overlay["images"][0]["newTag"]}


def test_the_three_environments_are_those_of_carelane_yaml() -> None:
    environments = yaml.safe_load((HEALTHCARE / "carelane.yaml").read_text())["environments"]
    assert {path.name for path in OVERLAYS.iterdir()} == set(environments) == set(NAMESPACES)
