"""The example's manifests: they parse, fit each other and carelane.yaml, and hold no secret.

What is read is what was rendered; that it is what the overlays say is shown where kubectl is (tests/cluster).
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

HEALTHCARE = Path(__file__).resolve().parents[1] / "healthcare"
K8S = HEALTHCARE / "k8s"
CANARY = K8S / "canary" / "canary-deployment.yaml"
NAMESPACES = {
    "development": "healthcare-dev",
    "staging": "healthcare-staging",
    "production": "healthcare-prod",
}
SERVICES: dict[str, Any] = yaml.safe_load((HEALTHCARE / "carelane.yaml").read_text())["services"]
WEB = sorted(name for name, service in SERVICES.items() if service["kind"] == "web")
SECRETS = {"SESSION_KEY", "DATABASE_URL", "POSTGRES_PASSWORD"}


def _read(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def _all(*kinds: str, environment: str = "production") -> list[dict[str, Any]]:
    made = _read(K8S / environment / "healthcare.yaml")
    return [each for each in made if not kinds or each["kind"] in kinds]


def _pods(*kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every Pod template, by what makes it."""
    for made in _all(*(kinds or ("Deployment", "Job", "StatefulSet"))):
        yield made["metadata"]["name"], made["spec"]["template"]


def _released() -> Iterator[tuple[str, dict[str, Any]]]:
    """The Pods of what is released: not the database's."""
    return _pods("Deployment", "Job")


def _settings() -> dict[str, str]:
    (found,) = [m for m in _all("ConfigMap") if m["metadata"]["name"].startswith("healthcare-settings-")]
    return dict(found["data"])


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
    for made in _all("Deployment", "StatefulSet", "Service", "PodDisruptionBudget"):
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
    for _, pod in _released():
        module = pod["spec"]["containers"][0]["command"][2].replace(".", "/")
        assert (HEALTHCARE / "src-code" / module / "__main__.py").exists()


@pytest.mark.parametrize("service", ["backend", "frontend", "reminders"])
def test_what_a_service_must_be_told_it_is_told(service: str) -> None:
    told = {variable["name"] for variable in _container(f"healthcare-{service}")["env"]}
    assert _settings_read(service) <= told


def test_references_lead_somewhere_and_secrets_are_references_only() -> None:
    there = {made["metadata"]["name"] for made in _all("ConfigMap")}
    settings = _settings()
    assert all(isinstance(value, str) for value in settings.values())
    assert not SECRETS & set(settings)
    for name, pod in _pods():
        (container,) = pod["spec"]["containers"]
        for source in container.get("envFrom", []):
            assert source["configMapRef"]["name"] in there, name
        for variable in container["env"]:
            if variable["name"] in SECRETS:
                reference = variable["valueFrom"]["secretKeyRef"]
                assert reference == {"name": "healthcare-secrets", "key": variable["name"]}
                assert "value" not in variable
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        claimed = {"data"} if name == "healthcare-postgres" else set()
        assert mounted == {volume["name"] for volume in pod["spec"]["volumes"]} | claimed


def test_no_secret_stands_in_any_file() -> None:
    for path in K8S.rglob("*.yaml"):
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
        assert spec["automountServiceAccountToken"] is False
        assert _named("ServiceAccount", spec["serviceAccountName"])["automountServiceAccountToken"] is False


def test_the_worker_is_never_there_twice_and_web_services_are_replaced_as_the_guide_says() -> None:
    reminders = _named("Deployment", "healthcare-reminders")["spec"]
    assert (reminders["replicas"], reminders["strategy"]) == (1, {"type": "Recreate"})
    for service in WEB:
        spec = _named("Deployment", f"healthcare-{service}")["spec"]
        assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 1}
        assert (spec["progressDeadlineSeconds"], spec["revisionHistoryLimit"]) == (600, 10)


def test_a_pod_may_drain_before_it_is_killed() -> None:
    drain = float(_settings()["DRAIN_SECONDS"])
    for name, pod in _pods():
        if name != "healthcare-migrations":
            assert pod["spec"]["terminationGracePeriodSeconds"] > drain + 10


@pytest.mark.parametrize("environment", NAMESPACES)
def test_an_environment_is_all_in_its_own_namespace_and_as_large_as_carelane_yaml_says(
    environment: str,
) -> None:
    namespace, *rest = _all(environment=environment)
    assert namespace["kind"] == "Namespace", "it is applied first"
    assert namespace["metadata"]["name"] == NAMESPACES[environment]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {made["metadata"]["namespace"] for made in rest} == {NAMESPACES[environment]}
    described = yaml.safe_load((HEALTHCARE / "carelane.yaml").read_text())["environments"][environment]
    for name, wanted in described["replicas"].items():
        (made,) = [
            m
            for m in _all("Deployment", environment=environment)
            if m["metadata"]["name"] == f"healthcare-{name}"
        ]
        scaled = [
            m["spec"]["minReplicas"]
            for m in _all("HorizontalPodAutoscaler", environment=environment)
            if m["spec"]["scaleTargetRef"]["name"] == f"healthcare-{name}"
        ]
        assert scaled == [wanted] if environment == "production" else made["spec"]["replicas"] == wanted
        assert ("replicas" in made["spec"]) is not bool(scaled), "an autoscaler's size is its own"


@pytest.mark.parametrize("environment", NAMESPACES)
def test_what_is_released_has_one_version_and_the_database_none(environment: str) -> None:
    """A label in the template of the database would start it anew with each release."""
    versions = set()
    for made in _all("Deployment", "Job", environment=environment):
        template = made["spec"]["template"]
        (container,) = template["spec"]["containers"]
        said = template["metadata"]["labels"]["app.kubernetes.io/version"]
        assert made["metadata"]["labels"]["app.kubernetes.io/version"] == said
        assert container["image"].partition(":")[2] == said
        versions.add(said)
    assert len(versions) == 1
    (database,) = _all("StatefulSet", environment=environment)
    assert "version" not in str(database["spec"]["template"]["metadata"])
    assert "version" not in str(database["spec"]["volumeClaimTemplates"])


def test_the_canary_is_one_more_of_the_backend_that_no_other_selector_finds() -> None:
    made = {each["kind"]: each for each in _read(CANARY)}
    canary, production = made["Deployment"], _named("Deployment", "healthcare-backend")
    labels = canary["spec"]["template"]["metadata"]["labels"]
    assert labels["version"] == "canary"
    assert canary["spec"]["selector"]["matchLabels"].items() <= labels.items()
    for each in _all("Deployment", "Service", "PodDisruptionBudget"):
        selector = each["spec"]["selector"].get("matchLabels", each["spec"]["selector"])
        assert not selector.items() <= labels.items(), each["metadata"]["name"]
    mine, theirs = (d["spec"]["template"]["spec"]["containers"][0] for d in (canary, production))
    assert {**mine, "image": ""} == {**theirs, "image": ""}
    assert mine["image"] != theirs["image"]
    api, pages = made["HTTPRoute"]["spec"]["rules"]
    weights = {backend["name"]: backend["weight"] for backend in api["backendRefs"]}
    assert weights == {"backend-service": 9, "backend-canary": 1}, "a tenth"
    assert made["Service"]["metadata"]["name"] == "backend-canary"
    (usual,) = _all("HTTPRoute")
    assert pages == usual["spec"]["rules"][1]
    assert made["HTTPRoute"]["spec"]["hostnames"] == usual["spec"]["hostnames"]
    assert made["HTTPRoute"]["metadata"] == usual["metadata"]


def test_nobody_speaks_to_anybody_but_as_a_policy_says() -> None:
    policies = {made["metadata"]["name"]: made["spec"] for made in _all("NetworkPolicy")}
    nothing = policies["nothing-by-default"]
    assert (nothing["podSelector"], set(nothing["policyTypes"])) == ({}, {"Ingress", "Egress"})
    assert "ingress" not in nothing
    assert "egress" not in nothing
    asks = {name for name, pod in _pods() if "DATABASE_URL" in str(pod["spec"]["containers"][0]["env"])}
    (source,) = policies["database"]["ingress"][0]["from"]
    (allowed,) = source["podSelector"]["matchExpressions"]
    assert {f"healthcare-{part}" for part in allowed["values"]} == asks
    parts = {pod["metadata"]["labels"]["part"] for _, pod in _pods()}
    for name, spec in policies.items():
        assert set(re.findall(r"'part': '(\w+)'", str(spec))) <= parts, name


def test_the_three_environments_are_those_of_carelane_yaml() -> None:
    environments = yaml.safe_load((HEALTHCARE / "carelane.yaml").read_text())["environments"]
    assert set(environments) == set(NAMESPACES)
    assert {path.name for path in (K8S / "overlays").iterdir()} == {*NAMESPACES, "canary"}
