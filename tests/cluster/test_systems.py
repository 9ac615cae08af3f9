"""The command line and its server, with a namespace of the real cluster as production."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.namespaces import kubeconfig, kubectl
from tests.cluster.stack import FRONT
from tests.cluster.system import ClusterSystem, image
from tests.load import Load
from tests.systems.system import free_port
from tests.waiting import until

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(300)
Make = Callable[..., ClusterSystem]
HALF = {"use": "canary", "canary": {"steps": [{"weight": "50%"}, {"pause": {}}]}}
JUDGED = {"use": "canary", "canary": {"steps": [{"weight": "50%"}, {"analysis": {"seconds": 60}}]}}


@pytest.fixture
def make(namespace: str, tmp_path: Path) -> Iterator[Make]:
    """Makes systems that are taken down when the test ends; the namespace goes with what is in it."""
    made: list[ClusterSystem] = []

    def system(*, up: bool = True, **settings: Any) -> ClusterSystem:  # noqa: ANN401 - the system's own
        new = ClusterSystem(tmp_path / "system", namespace=namespace, **settings)
        made.append(new)
        new.describe()
        if up:
            new.up()
        return new

    yield system
    for each in made:
        each.down()


def users(system: ClusterSystem, rate: float = 100.0) -> Load:
    """At the gateway."""
    port = int(FRONT.rpartition(":")[2])
    host = FRONT.partition("//")[2].partition(":")[0]
    return Load(port, rate, address=host, host=f"{system.namespace}.test", path="/")


def test_from_the_first_release_to_an_emergency(make: Make) -> None:
    system = make()
    system.shipped("v1")
    system.release("v2")
    with users(system) as load:
        system.deploy("v2")
        undone = system.must("emergency-rollback", "production", "--reason", "patients see errors")
        began = len(load.answers)
        until(lambda: len(load.answers) > began + 50, 10, "users have asked since")
    assert "v1" in undone
    assert [a for a in load.answers if a.lost or a.status != 200] == []
    assert {answer.version for answer in load.answers[-20:]} == {"v1"}
    assert system.environment()["release"] == "v1"
    assert [r["release"] for r in system.history()] == ["v1", "v2", "v1"]
    assert "v1 answers" in system.must("logs", "production", "web")
    assert FRONT in system.must("env", "show", "production")


def test_what_runs_stays_when_the_server_ends_and_is_found_again(make: Make) -> None:
    system = make()
    system.shipped("v1")
    pods = system.kubectl("get", "pods", "--output", "name")
    system.must("down")
    assert system.kubectl("get", "pods", "--output", "name") == pods != ""
    system.up()
    until(lambda: system.service()["ready"] == 2, 20, "both copies are seen again")
    assert system.kubectl("get", "pods", "--output", "name") == pods


def test_an_environment_that_is_ended_is_gone_from_the_cluster(make: Make) -> None:
    system = make()
    system.shipped("v1")
    assert "has ended" in system.must("down", "--environment", "production")
    left = system.kubectl("get", "deployments,pods,services,httproutes", "--output", "name")
    assert left == ""


def test_a_canary_that_fails_its_users_is_undone_by_what_the_gateway_counts(make: Make) -> None:
    system = make(strategy=JUDGED)
    system.shipped("v1")
    system.release("v2", "ERRORS=0.3")
    with users(system):
        ran = system.run("deploy", "production", "--release", "v2", "--wait", timeout=120)
    assert ran.code == 10, ran.out + ran.err
    assert "worse" in ran.out + ran.err
    assert system.environment()["release"] == "v1"


def test_a_release_without_an_image_changes_nothing(make: Make) -> None:
    system = make()
    system.commit("v1")
    system.must("release", "create", "--commit", "v1")
    ran = system.run("deploy", "production", "--release", "v1", "--wait")
    assert ran.code == 2, ran.out + ran.err
    assert "web v1 has no image: it cannot run on Kubernetes" in ran.err
    assert system.kubectl("get", "deployments", "--output", "name") == ""


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kubeconfig": "nowhere"}, "does not lead to a cluster"),
        ({"context": "another"}, "does not lead to a cluster"),
    ],
)
def test_a_kubeconfig_that_does_not_work_is_said_at_the_start(
    make: Make, settings: dict[str, str], said: str
) -> None:
    system = make(up=False, kubernetes=settings)
    ran = system.run("up", "--detach")
    assert ran.code == 2, ran.out + ran.err
    assert said in ran.err


def test_images_are_named_by_digest_and_a_release_keeps_them(make: Make) -> None:
    system = make()
    system.commit("v1")
    create = ("release", "create", "--commit", "v1", "--image")
    tagged = system.run(*create, "web=localhost/app:1")
    assert (tagged.code, "is not named by its digest" in tagged.err) == (2, True)
    unknown = system.run(*create, f"api={image()}")
    assert (unknown.code, "no released service" in unknown.err) == (4, True)
    system.must(*create, f"web={image()}")
    other = system.run(*create, f"web=localhost/app@sha256:{'0' * 64}")
    assert (other.code, "not localhost/app@sha256:000" in other.err) == (5, True)


def as_documented(namespace: str, folder: Path) -> Path:
    """A kubeconfig of a user who may do what docs/kubernetes.md says, and nothing else."""
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    [role] = [block for block in page.split("```") if "kind: Role" in block]
    binding = ("create", "rolebinding", "carelane", "--role", "carelane")
    kubectl("--namespace", namespace, "apply", "-f", "-", stdin=role.removeprefix("yaml"))
    kubectl("--namespace", namespace, "create", "serviceaccount", "carelane")
    kubectl("--namespace", namespace, *binding, "--serviceaccount", f"{namespace}:carelane")
    config = yaml.safe_load(kubeconfig().read_text())
    token = kubectl("--namespace", namespace, "create", "token", "carelane").strip()
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    file = folder / "carelane.kubeconfig"
    file.write_text(yaml.safe_dump(config))
    return file


def test_what_the_page_lets_it_do_is_enough(make: Make, namespace: str, tmp_path: Path) -> None:
    file = as_documented(namespace, tmp_path)
    allowed = ("--kubeconfig", str(file), "--namespace", namespace, "auth", "can-i")
    assert kubectl(*allowed, "delete", "deployments").strip() == "yes"
    system = make(kubernetes={"kubeconfig": str(file)}, strategy=HALF)
    system.shipped("v1")
    kubectl("--namespace", namespace, "create", "secret", "generic", "clinic", "--from-literal=key=hidden")
    told = ["python3", "-c", "import os; assert os.environ['KEY'] == 'hidden'"]
    system.release("v2", migrate=told, secrets={"KEY": {"key": "clinic/key", "version": 1}})
    system.must("deploy", "production", "--release", "v2")
    system.until_phase("Paused", 60)
    system.must("rollout", "promote", "production")
    system.until_phase("Succeeded", 60)
    system.must("emergency-rollback", "production", "--reason", "patients see errors")
    assert "v1 answers" in system.must("logs", "production", "web")
    system.must("down", "--environment", "production")
    assert system.kubectl("get", "deployments,pods,services,httproutes,jobs", "--output", "name") == ""


@pytest.mark.parametrize(
    ("kind", "how"), [("Deployment", "--image=localhost/app:1"), ("Service", "--tcp=80:8080")]
)
def test_what_is_somebody_else_s_is_not_touched(make: Make, kind: str, how: str) -> None:
    system = make()
    system.release("v1")
    system.kubectl("create", *({"Service": ["service", "clusterip"]}.get(kind, ["deployment"])), "web", how)
    ran = system.run("deploy", "production", "--release", "v1", "--wait")
    assert ran.code == 5, ran.out + ran.err
    assert f"{kind} web in" in ran.err
    assert "somebody else's: kubectl-create" in ran.err


def test_what_the_cluster_would_refuse_is_told_before_anything_moves(make: Make) -> None:
    system = make(kubernetes={"namespace": "nowhere"})
    system.release("v1")
    ran = system.run("deploy", "production", "--release", "v1", "--wait")
    assert ran.code == 4, ran.out + ran.err
    assert 'namespaces "nowhere" not found' in ran.err
    assert system.run("deployments", "list", "--output", "json").json() == []


def pointed_at(port: int, file: Path) -> str:
    """A kubeconfig for the API server at *port*."""
    config = yaml.safe_load(kubeconfig().read_text())
    [there] = config["clusters"]
    there["cluster"]["server"] = there["cluster"]["server"].rpartition(":")[0] + f":{port}"
    file.write_text(yaml.safe_dump(config))
    return str(file)


def test_while_the_cluster_does_not_answer_nothing_is_said_of_what_is_there(
    make: Make, tmp_path: Path
) -> None:
    api = int(yaml.safe_load(kubeconfig().read_text())["clusters"][0]["cluster"]["server"].rpartition(":")[2])
    system = make(kubernetes={"kubeconfig": pointed_at(api, tmp_path / "kubeconfig")})
    system.shipped("v1")
    system.release("v2")
    system.must("down")
    pointed_at(free_port(), tmp_path / "kubeconfig")
    system.up()
    until(lambda: system.run("status").code == 6, 30, "it is said that the cluster does not answer")
    assert "?/2" in system.run("status").out
    assert "not told just now" in system.must("env", "show", "production")
    deployed = system.run("deploy", "production", "--release", "v2")
    assert (deployed.code, "the cluster does not answer" in deployed.err) == (6, True)
    logs = system.run("logs", "production", "web")
    assert (logs.code, "does not say what there is" in logs.err) == (6, True)
    assert len(system.run("deployments", "list", "--output", "json").json()) == 1
    system.must("down")
    pointed_at(api, tmp_path / "kubeconfig")
    system.up()
    until(lambda: "2/2" in system.run("status").out, 30, "it is seen again")


def test_a_server_that_is_killed_on_the_way_goes_on_and_nobody_notices(make: Make) -> None:
    system = make(strategy=HALF)
    system.shipped("v1")
    system.release("v2")
    with users(system) as load:
        system.must("deploy", "production", "--release", "v2")
        for phase in ("Paused", "Succeeded"):
            os.kill(system.server_pid(), signal.SIGKILL)
            system.up()
            system.until_phase(phase, 60)
            if phase == "Paused":
                system.must("rollout", "promote", "production")
    assert [a for a in load.answers if a.lost or a.status != 200] == []
    assert {answer.version for answer in load.answers[-20:]} == {"v2"}
    assert [r["release"] for r in system.history()] == ["v2", "v1"]


def test_commands_beside_a_pod(make: Make) -> None:
    system = make()
    system.shipped("v1")
    shell = ("exec", "production", "web", "--", "sh", "-c")
    ran = system.run(*shell, "echo $VERSION; echo oh >&2; exit 9")
    assert (ran.code, ran.out, ran.err) == (9, "v1\n", "oh\n")
    missing = system.run("exec", "production", "web", "--", "no-such-thing")
    assert (missing.code, "cannot run no-such-thing" in missing.err) == (2, True)
    late = system.run("exec", "--timeout", "1", "production", "web", "--", "sleep", "30")
    assert (late.code, "1 s" in late.err) == (11, True), late.err
    typed = subprocess.run(
        [system.carelane, "exec", "-i", "production", "web", "--", "sh"],
        cwd=system.folder,
        env=system.variables,
        input="echo $((6*7)); exit 3\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (typed.returncode, typed.stdout) == (3, "42\n"), typed.stderr
    pod = system.instances()[0]["id"]
    described = system.must("env", "describe", "production", pod)
    assert "memory" in described
