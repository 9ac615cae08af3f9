"""The guide's `kubectl` lines on the example's own manifests, as they are typed there."""

import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from carelane.platforms.kubernetes.platform import KubernetesPlatform
from tests.cluster.building import cache
from tests.cluster.commands import wait
from tests.cluster.environment import OnRealCluster
from tests.cluster.namespaces import kubectl
from tests.cluster.stack import FRONT
from tests.fakes.simulation import policy

pytestmark = pytest.mark.guide
HEALTHCARE = Path(__file__).parents[2] / "examples" / "healthcare"
ENVIRONMENTS = {
    "development": "healthcare-dev",
    "staging": "healthcare-staging",
    "production": "healthcare-prod",
}
DEV, STAGING, PROD = ENVIRONMENTS.values()
PASSWORD = "only-for-this-test"  # noqa: S105 - of a database that goes with the test
DATABASE_USER = 999
VOLUMES = cache() / "cluster" / "volumes"


def bash(line: str) -> str:
    """What a line of the guide prints, typed in the example's folder."""
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line],
        cwd=HEALTHCARE,
        env={**os.environ, "TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert ran.returncode == 0, f"{line}: exit {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def said(*words: str) -> dict[str, Any]:
    """What kubectl says of something, as JSON."""
    found: dict[str, Any] = json.loads(kubectl(*words, "--output", "json"))
    return found


def pod(namespace: str, app: str) -> str:
    """The name of a Pod that is ready."""
    ready = [
        found["metadata"]["name"]
        for found in said("get", "pods", "--namespace", namespace, "--selector", f"app={app}")["items"]
        if any(c["type"] == "Ready" and c["status"] == "True" for c in found["status"].get("conditions", ()))
        and "deletionTimestamp" not in found["metadata"]
    ]
    assert ready, f"no {app} of {namespace} is ready"
    return str(ready[0])


def generations(namespace: str) -> dict[str, int]:
    """How often each of what runs was changed."""
    kinds = "deployments,statefulsets,jobs,httproutes,networkpolicies"
    found = said("get", kinds, "--namespace", namespace)["items"]
    return {f"{each['kind']}/{each['metadata']['name']}": each["metadata"]["generation"] for each in found}


def looked_up(namespace: str, name: str) -> str:
    """What nslookup says of *name* in a Pod."""
    line = f"kubectl exec -it <pod-name> -n {namespace} -- nslookup {name}"
    return bash(line.replace("<pod-name>", pod(namespace, "healthcare-backend")))


def _prepare(namespace: str) -> None:
    """What is not in the manifests: the secrets, and a disk for the database."""
    disk = VOLUMES / namespace
    disk.mkdir(parents=True)
    os.chown(disk, DATABASE_USER, DATABASE_USER)
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": namespace},
        "spec": {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"namespace": namespace, "name": "data-healthcare-postgres-0"},
            "hostPath": {"path": str(disk)},
        },
    }
    kubectl("apply", "--filename", "-", stdin=json.dumps(volume))
    kubectl("create", "namespace", namespace)
    values = {
        "SESSION_KEY": "0123456789abcdef" * 4,
        "POSTGRES_PASSWORD": PASSWORD,
        "DATABASE_URL": f"postgresql://postgres:{PASSWORD}@healthcare-postgres/postgres",
    }
    literals = [f"--from-literal={name}={value}" for name, value in values.items()]
    kubectl("create", "secret", "generic", "healthcare-secrets", "--namespace", namespace, *literals)


@pytest.fixture(scope="module", autouse=True)
def example() -> Iterator[None]:
    """The example in its three environments, by its manifests, until everything in them is there."""
    shutil.rmtree(VOLUMES, ignore_errors=True)
    for namespace in ENVIRONMENTS.values():
        _prepare(namespace)
    try:
        for environment, namespace in ENVIRONMENTS.items():
            bash(f"kubectl apply -f k8s/{environment}/ -n {namespace}")
        for namespace in ENVIRONMENTS.values():
            for name in ("backend", "frontend", "reminders"):
                what = f"deployment/healthcare-{name}"
                kubectl("rollout", "status", what, "--namespace", namespace, "--timeout=170s")
            kubectl(
                *("wait", "--for=condition=complete", "job/healthcare-migrations"),
                *("--namespace", namespace, "--timeout=170s"),
            )
        yield
    finally:
        for namespace in ENVIRONMENTS.values():
            kubectl("delete", "namespace", namespace, "--wait=false")
            kubectl("delete", "persistentvolume", namespace, "--wait=false")


def test_what_is_rendered_is_what_the_overlays_say(tmp_path: Path) -> None:
    bash(f"k8s/render.sh {tmp_path}")
    rendered = sorted(tmp_path.rglob("*.yaml"))
    assert len(rendered) == len(ENVIRONMENTS) + 1
    for file in rendered:
        kept = HEALTHCARE / "k8s" / file.relative_to(tmp_path)
        assert kept.read_text() == file.read_text(), f"{kept}: run k8s/render.sh"


def test_line_13_the_manifests_are_applied_and_applying_them_again_changes_nothing() -> None:
    before = generations(DEV)
    again = bash("kubectl apply -f k8s/development/ -n healthcare-dev")
    for name in (
        "deployment.apps/healthcare-backend",
        "service/frontend-service",
        "namespace/healthcare-dev",
    ):
        assert f"{name} unchanged" in again
    assert before
    assert generations(DEV) == before, "nothing that runs is begun anew"


def test_line_14_the_rollout_is_done() -> None:
    line = "kubectl rollout status deployment/healthcare-backend -n healthcare-dev"
    assert "successfully rolled out" in bash(line)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("kubectl get pods -n healthcare-dev", id="test_line_15_"),
        pytest.param("kubectl get pods -n healthcare-staging", id="test_line_26_"),
        pytest.param("kubectl get pods -n healthcare-prod", id="test_line_31_"),
    ],
)
def test_the_pods_run(line: str) -> None:
    rows = [row.split() for row in bash(line).splitlines()[1:]]
    for name in ("backend", "frontend", "reminders", "postgres"):
        mine = [row for row in rows if row[0].startswith(f"healthcare-{name}-")]
        assert mine, rows
        assert {(row[1], row[2]) for row in mine} == {("1/1", "Running")}, rows


def test_line_16_both_services_are_there() -> None:
    listed = bash("kubectl get services -n healthcare-dev")
    assert {"frontend-service", "backend-service"} <= {row.split()[0] for row in listed.splitlines()}


def test_line_17_the_load_balancer_has_a_name_that_leads_to_the_portal() -> None:
    """What a cloud's controller does: it writes the name down; here it is the Service's own."""
    own = "frontend-service.healthcare-dev.svc.cluster.local"
    status = {"status": {"loadBalancer": {"ingress": [{"hostname": own}]}}}
    kubectl(
        *("patch", "service", "frontend-service", "--namespace", DEV, "--subresource=status"),
        *("--type=merge", "--patch", json.dumps(status)),
    )
    line = (
        "kubectl get service frontend-service -n healthcare-dev"
        " -o jsonpath='{.status.loadBalancer.ingress[0].hostname}'"
    )
    name = bash(line)
    assert name == own
    found = re.findall(r"Address: (\S+)", looked_up(DEV, name))
    answer = httpx2.get(f"http://{found[-1]}/version", trust_env=False)
    assert (answer.status_code, answer.json()["version"]) == (200, "v1.0")


def test_line_19_the_backends_last_lines() -> None:
    lines = bash("kubectl logs -l app=healthcare-backend -n healthcare-dev --tail=50").splitlines()
    assert 0 < len(lines) <= 50


def test_line_23_everything_of_staging() -> None:
    listed = bash("kubectl get all -n healthcare-staging")
    for name in ("deployment.apps/healthcare-backend", "service/backend-service", "statefulset.apps/"):
        assert name in listed


def test_line_33_what_the_pods_use() -> None:
    wait("metrics are there", lambda: _measured(PROD), 90, 1.0)
    rows = [row.split() for row in bash("kubectl top pods -n healthcare-prod").splitlines()[1:]]
    assert any(row[0].startswith("healthcare-backend-") for row in rows)
    for _, processor, memory in rows:
        assert re.fullmatch(r"\d+m", processor)
        assert int(memory.removesuffix("Mi")) > 0


def _measured(namespace: str) -> bool:
    asked = ("get", "--raw", f"/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods")
    return len(json.loads(kubectl(*asked))["items"]) >= len(ENVIRONMENTS)


def test_line_34_the_autoscaler_has_a_real_value() -> None:
    line = "kubectl get hpa -n healthcare-prod"
    wait("it has measured", lambda: len(re.findall(r"cpu: \d+%/70%", bash(line))) == 2, 120, 1.0)
    assert "Deployment/healthcare-backend" in bash(line)


def test_line_36_the_database_is_ready() -> None:
    line = "kubectl exec -it postgres-pod -n healthcare-prod -- pg_isready"
    assert "accepting connections" in bash(line.replace("postgres-pod", "healthcare-postgres-0"))


def test_line_37_one_more_and_one_less_at_a_time() -> None:
    found = said("get", "deployment", "healthcare-backend", "--namespace", PROD)["spec"]["strategy"]
    assert found == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1}}


def test_line_38_production_is_rolled_out() -> None:
    line = "kubectl rollout status deployment/healthcare-backend -n healthcare-prod --timeout=300s"
    assert "successfully rolled out" in bash(line)


def test_line_42_a_tenth_of_the_requests_is_the_canarys() -> None:
    bash("kubectl apply -f k8s/canary/canary-deployment.yaml -n healthcare-prod")
    kubectl(
        "rollout", "status", "deployment/healthcare-backend-canary", "--namespace", PROD, "--timeout=170s"
    )
    wait("it has users", lambda: _versions(40)["v2.0"], 60)
    counted = _versions(600)
    assert set(counted) == {"v1.0", "v2.0"}
    assert 30 <= counted["v2.0"] <= 95, "60 are expected; less than one run in 10,000 is beyond these"


def _versions(requests: int) -> Counter[str]:
    """Which version answered how many of so many requests at the front door."""
    with httpx2.Client(base_url=FRONT, headers={"host": "healthcare.example"}, trust_env=False) as users:
        answers = [users.get("/api/version") for _ in range(requests)]
    assert {answer.status_code for answer in answers} == {200}
    return Counter(answer.json()["version"] for answer in answers)


def test_line_43_the_canarys_pods() -> None:
    rows = bash("kubectl get pods -l version=canary -n healthcare-prod").splitlines()[1:]
    assert [row.split()[1:3] for row in rows] == [["1/1", "Running"]]


def test_line_44_the_canarys_log() -> None:
    assert bash("kubectl logs -l version=canary -n healthcare-prod")


def test_line_46_a_deadline_and_ten_revisions() -> None:
    found = said("get", "deployment", "healthcare-backend", "--namespace", PROD)["spec"]
    assert (found["progressDeadlineSeconds"], found["revisionHistoryLimit"]) == (600, 10)


def test_line_50_the_history_says_what_each_revision_was(
    kubernetes: KubernetesPlatform, namespace: str
) -> None:
    """Of an environment that Carelane runs: it says what came with each revision."""
    here = OnRealCluster(policy(1), kubernetes, namespace).shipped("v1")
    here.release("v2")
    here.deploy("v2")
    here.settle()
    line = "kubectl rollout history deployment/healthcare-backend -n healthcare-prod"
    rows = bash(line.replace("healthcare-prod", namespace)).splitlines()
    told = dict(row.split(None, 1) for row in rows if row[:1].isdigit())
    assert [words.partition(",")[0] for words in told.values()] == ["v1", "v2"]
    assert all(words.endswith("by Carelane") for words in told.values()), told


def test_line_52_back_to_a_revision_by_its_number() -> None:
    for version in ("v2.0", "v1.0", "v2.0"):  # as revisions 2, 3 and 4; what is repeated moves to the end
        kubectl(
            *("set", "image", "deployment/healthcare-backend", f"backend=healthcare:{version}"),
            *("--namespace", PROD),
        )
        kubectl("rollout", "status", "deployment/healthcare-backend", "--namespace", PROD, "--timeout=170s")
    bash("kubectl rollout undo deployment/healthcare-backend -n healthcare-prod --to-revision=3")
    (container,) = said("get", "deployment", "healthcare-backend", "--namespace", PROD)["spec"]["template"][
        "spec"
    ]["containers"]
    assert container["image"] == "healthcare:v1.0"


def test_line_53_the_rollback_is_done() -> None:
    line = "kubectl rollout status deployment/healthcare-backend -n healthcare-prod"
    assert "successfully rolled out" in bash(line)


def test_line_69_the_last_events() -> None:
    line = "kubectl get events -n healthcare-prod --sort-by='.lastTimestamp' | tail -10"
    rows = bash(line).splitlines()
    assert len(rows) == 10
    assert any("healthcare-" in row for row in rows)


def test_line_70_a_pod_is_described() -> None:
    line = "kubectl describe pod <pod-name> -n healthcare-prod"
    told = bash(line.replace("<pod-name>", pod(PROD, "healthcare-backend")))
    for word in ("Readiness:", "Liveness:", "Startup:", "Events:"):
        assert word in told


def test_line_71_the_last_words_of_what_crashed() -> None:
    kubectl(
        *("set", "env", "deployment/healthcare-reminders", "HEALTHCARE_FAULT=crash:1s"),
        *("--namespace", PROD),
    )
    wait("one has crashed", _crashed, 120, 0.5)
    line = "kubectl logs <pod-name> -n healthcare-prod --previous"
    assert bash(line.replace("<pod-name>", _crashed()))


def _crashed() -> str:
    """The worker that was told to crash, and was started again; "" while there is none."""
    asked = ("get", "pods", "--namespace", PROD, "--selector", "app=healthcare-reminders")
    for found in said(*asked)["items"]:
        if "HEALTHCARE_FAULT" not in str(found["spec"]["containers"]):
            continue  # the one before, which may have waited for the database so
        for status in found["status"].get("containerStatuses", ()):
            if "terminated" in status.get("lastState", {}):
                return str(found["metadata"]["name"])
    return ""


def test_line_72_names_are_looked_up_in_a_pod() -> None:
    told = looked_up(PROD, "backend-service")
    address = said("get", "service", "backend-service", "--namespace", PROD)["spec"]["clusterIP"]
    assert f"Address: {address}" in told
