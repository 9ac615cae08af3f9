"""What a cluster may do to an environment beside what is asked of it: the engine over one in memory."""

from dataclasses import replace

import pytest

from carelane.base.errors import ConflictError, InputError, PlatformError
from carelane.delivery.copies import Copies, Purpose
from carelane.delivery.deployments import Phase
from carelane.delivery.observations import ProcessPhase
from carelane.delivery.policies import Policy
from carelane.delivery.ports import Task
from carelane.delivery.releases import RouteSettings, RunConfiguration, SecretReference
from carelane.delivery.strategies import DEFAULTS, StrategyKind
from carelane.delivery.targets import ServiceTarget
from carelane.platforms.kubernetes.objects import Place, deployment, duration
from carelane.platforms.kubernetes.ports import Kind
from carelane.platforms.kubernetes.slots import PodSeen, Size, Slot, SlotSeen, plan
from tests.fakes.clusters import BACKEND, OnCluster
from tests.fakes.releases import MIGRATING, WEB, version
from tests.fakes.simulation import policy

BLUE_GREEN = replace(policy(2), strategy=DEFAULTS[StrategyKind.BLUE_GREEN])
VERSIONS = {label: version(BACKEND, label) for label in ("v1", "v2")}


def pods(*labels: str) -> tuple[PodSeen, ...]:
    return tuple(PodSeen(label, up=True, ready=True) for label in labels)


def shipped(policy: Policy, *names: str) -> OnCluster:
    return OnCluster(policy, {BACKEND: WEB}).shipped(*names)


def test_what_is_kept_warm_and_is_not_ready_for_a_moment_is_kept() -> None:
    here = shipped(policy(2), "v1", "v2")
    for label in ("v1", "v2"):
        here.cluster.ready_after[label] = None
    here.tick(4)
    here.cluster.ready_after.clear()
    here.tick(6)
    assert here.running() == {"v1": 2, "v2": 2}
    here.emergency()
    assert set(here.weights()) == {"v1"}


def test_a_pod_of_what_is_warm_that_is_evicted_comes_back() -> None:
    here = shipped(policy(1), "v1", "v2")
    name = here.place.name(BACKEND, Slot.PREVIOUS)
    for _, pod in here.cluster.pods_of(name):
        here.cluster.end_pod(pod)
    here.tick(8)
    assert here.running() == {"v1": 1, "v2": 1}


@pytest.mark.parametrize("how", ["evicted", "taken out by hand"])
def test_what_its_deployment_does_not_count_is_in_nobodys_way(how: str) -> None:
    here = shipped(policy(2), "v1")
    name = here.place.name(BACKEND)
    labels = dict(here.cluster.pods_of(name)[0][1]["metadata"]["labels"])
    left = here.cluster.add_pod("left-behind", labels)
    if how == "evicted":
        left["status"]["phase"] = "Failed"
    else:
        del left["metadata"]["labels"]["app"]
    here.release("v2")
    here.deploy("v2")
    here.until(lambda: here.deployment.ended)
    assert here.phase is Phase.SUCCEEDED


@pytest.mark.parametrize("wanted", [policy(2), BLUE_GREEN], ids=["rolling", "blue-green"])
def test_a_service_that_no_path_leads_to_arrives_and_nothing_is_written_at_rest(wanted: Policy) -> None:
    here = OnCluster(wanted, {BACKEND: replace(WEB, routes=())}).shipped("v1", "v2")
    here.tick(20)
    written = len(here.cluster.written)
    here.tick(20)
    assert here.cluster.written[written:] == []
    here.emergency()
    assert {str(s) for s, seen in here.slots().items() if seen.weight} == {"previous"}


def test_a_task_whose_job_is_gone_runs_for_as_long_as_its_pod_does() -> None:
    here = OnCluster(policy(1), {BACKEND: MIGRATING})
    task = Task("backend.migrate-7", version(BACKEND, "v1", MIGRATING), ("migrate",))
    here.kubernetes.start(task)
    here.cluster.stalled = True
    job = here.cluster.all(Kind.JOB)[task.name]
    pod = here.cluster.add_pod("backend.migrate-7-x", {**job["metadata"]["labels"], "job-name": task.name})
    pod["status"]["phase"] = "Running"
    here.cluster._objects[Kind.JOB].clear()
    assert here.kubernetes.observe().tasks[task.name].phase is ProcessPhase.RUNNING
    pod["status"]["phase"] = "Failed"
    assert task.name not in here.kubernetes.observe().tasks


@pytest.mark.parametrize(
    ("mark", "text"), [("carelane.dev/weights-since", "yesterday"), ("carelane.dev/generation", "x")]
)
def test_what_people_may_write_ends_no_look(mark: str, text: str) -> None:
    here = shipped(policy(2, automatic=False), "v1", "v2")
    route = here.cluster._objects[Kind.ROUTE][here.place.name(BACKEND)]
    route["metadata"]["annotations"][mark] = text
    here.cluster.add_pod("debug", {"carelane.dev/service": BACKEND, "carelane.dev/slot": "debug"})
    deployment = here.cluster._objects[Kind.DEPLOYMENT][here.place.name(BACKEND)]
    template = deployment["spec"]["template"]["metadata"]
    template["annotations"] = {"kubectl.kubernetes.io/restartedAt": "yesterday"}
    here.tick(3)
    here.emergency()
    here.tick(3)
    assert set(here.weights()) == {"v1"}


def test_what_an_autoscaler_owns_is_begun_again_from_nothing() -> None:
    wanted = ServiceTarget(
        home="v1", stable="v1", versions=VERSIONS, copies={"v1": Copies(Purpose.SERVE)}, size=3
    )
    empty = {slot: SlotSeen() for slot in Slot}
    for size, due in ((0, (Size(Slot.STABLE, 3),)), (1, ())):
        stable = SlotSeen("v1", size, pods=pods(*["v1"] * size), sized=True)
        assert plan(wanted, {**empty, Slot.STABLE: stable}) == due


def test_where_nobody_of_the_version_that_users_have_is_ready_they_do_not_come_to_another() -> None:
    here = shipped(policy(2, automatic=False), "v1", "v2")
    here.cluster.ready_after["v2"] = None
    here.tick(10)
    assert {str(slot) for slot, seen in here.slots().items() if seen.weight} == {"stable"}


def test_what_has_no_image_or_needs_what_is_not_there_is_told_and_nothing_is_changed() -> None:
    here = OnCluster(policy(2), {BACKEND: WEB})
    there, kept_here = VERSIONS["v1"], {"KEY": SecretReference(1, "key")}
    for wrong, said in (
        (replace(there, artifact=replace(there.artifact, image=None)), "has no image"),
        (replace(there, run=replace(there.run, secrets=kept_here)), "where only this server can read"),
        (replace(there, run=replace(there.run, environment={"DB": "${backing.db.url}"})), "cannot fill in"),
    ):
        with pytest.raises(InputError, match=said):
            here.kubernetes.check([wrong])
    here.cluster.refuses = PlatformError("the cluster says: exceeded quota")
    with pytest.raises(PlatformError):
        here.kubernetes.check([there])
    here.kubernetes.check([there])
    assert here.cluster.all(Kind.DEPLOYMENT) == {}


def test_what_is_somebody_else_s_is_named_and_left() -> None:
    here = OnCluster(policy(2), {BACKEND: WEB})
    name = here.place.name(BACKEND)
    managed = [{"manager": "helm"}, {"manager": "kube-controller-manager", "subresource": "status"}]
    labels = {"app.kubernetes.io/managed-by": "Helm"}
    meta = {"name": name, "labels": labels, "managedFields": managed}
    here.cluster.create(Kind.DEPLOYMENT, {"metadata": meta, "spec": {"template": {"metadata": {}}}})
    with pytest.raises(ConflictError, match=r"is somebody else's: Helm, helm$"):
        here.kubernetes.check([VERSIONS["v1"]])


def test_a_secret_is_named_and_never_read() -> None:
    there = VERSIONS["v1"]
    run = replace(there.run, secrets={"KEY": SecretReference(1, key="clinic/key")})
    template = deployment(Place("here"), replace(there, run=run), Slot.STABLE)["spec"]["template"]
    [variable] = [v for v in template["spec"]["containers"][0]["env"] if v["name"] == "KEY"]
    assert variable["valueFrom"] == {"secretKeyRef": {"name": "clinic", "key": "key"}}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "0s"), (30.0, "30s"), (0.25, "250ms"), (90.5, "1m30s500ms"), (86_400.0 * 30, "720h")],
)
def test_a_limit_is_said_as_a_gateway_takes_it(seconds: float | None, said: str) -> None:
    assert duration(seconds) == said


def test_an_answer_may_take_as_long_as_one_of_the_versions_allows() -> None:
    def limited(seconds: float) -> RunConfiguration:
        return replace(WEB, routes=("/",), route_settings={"/": RouteSettings(timeout_seconds=seconds)})

    here = OnCluster(policy(2), {BACKEND: limited(20.0)}).shipped("v1")
    route = here.cluster.all(Kind.ROUTE)[here.place.name(BACKEND)]
    assert {rule["timeouts"]["request"] for rule in route["spec"]["rules"]} == {"20s"}
    here.services[BACKEND] = limited(30.0)
    here.shipped("v2")
    assert {rule["timeouts"]["request"] for rule in route["spec"]["rules"]} == {"30s"}
    here.services[BACKEND] = limited(5.0)
    here.shipped("v3")
    assert {rule["timeouts"]["request"] for rule in route["spec"]["rules"]} == {"30s"}, "v2 is kept warm"
