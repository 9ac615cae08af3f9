"""What an environment says of where it is on a cluster, or on this machine."""

import pytest

from carelane.config import reading
from tests.unit.config.test_reading import lines, with_change

CLUSTER = "{namespace: prod, gateway: gateways/front, address: 'http://clinic.example'}"
ON_CLUSTER = [
    ("platform: kubernetes", "kubernetes is missing: which namespace, gateway and address it has there"),
    (f"kubernetes: {CLUSTER}", "port is missing: the front door's address on loopback"),
    (
        f"port: 1, kubernetes: {CLUSTER}",
        "kubernetes says where it is on a cluster: platform: kubernetes is missing",
    ),
    (
        f"platform: kubernetes, port: 1, kubernetes: {CLUSTER}",
        "port is of this machine's processes: kubernetes.address is where users come in",
    ),
    (
        f"platform: kubernetes, kubernetes: {CLUSTER}, strategy: {{blue_green: {{preview_port: 1}}}}",
        "strategy.blue_green.preview_port is of this machine's processes",
    ),
    (
        f"platform: kubernetes, kubernetes: {CLUSTER}, backing: {{database: {{variable: DB, version: 1}}}}",
        "backing is of this machine's processes: give services the address in their environment",
    ),
    (
        f"platform: kubernetes, kubernetes: {CLUSTER}, rollback: {{keep_warm: 2}}",
        "rollback.keep_warm is 1 at most on Kubernetes, where a service has one slot for it",
    ),
]


@pytest.mark.parametrize(("settings", "said"), ON_CLUSTER, ids=[said[:20] for _, said in ON_CLUSTER])
def test_an_environment_says_where_it_is_as_its_platform_has_it(settings: str, said: str) -> None:
    [line] = lines(with_change("staging: {port: 18081}", f"staging: {{{settings}}}"))
    assert line == f"carelane.yaml:23:3: environments.staging: {said}"


def test_a_name_that_a_cluster_would_refuse_is_refused_before() -> None:
    service, there = "s" * 40, CLUSTER.replace("{namespace", "{prefix: pppppppppppppp-, namespace")
    text = with_change("frontend:", f"{service}:")
    text = text.replace("staging: {port: 18081}", f"staging: {{platform: kubernetes, kubernetes: {there}}}")
    [line] = lines(text)
    assert f"{service}-previous has 64 characters, and a Service's name 63 at most" in line
    assert reading.read(text.replace("pppp-", "ppp-"))


def test_two_environments_on_a_cluster_have_no_namespace_in_common() -> None:
    there = f"{{platform: kubernetes, kubernetes: {CLUSTER}}}"
    both = with_change("staging: {port: 18081}", f"staging: {there}\n  twin: {there}")
    [line] = lines(both)
    assert line.endswith("twin and staging both want namespace prod: each needs its own")
    other = both.replace("namespace: prod,", "namespace: other,", 1)
    [line] = lines(other)
    assert line.endswith("twin and staging both want all of gateways/front: each needs its own")
    own = other.replace("gateway: gateways/front,", "gateway: gateways/front, hostname: a.example,", 1)
    assert reading.read(own).environments["twin"].address == "http://clinic.example"


def test_a_service_is_not_called_as_another_one_s_canary_is() -> None:
    there = f"{{platform: kubernetes, kubernetes: {CLUSTER}}}"
    text = with_change("frontend:", "backend-canary:")
    assert reading.read(text), "on one machine that is a name like any other"
    [line] = lines(text.replace("staging: {port: 18081}", f"staging: {there}"))
    assert "backend-canary is what the canary of backend is called on a cluster" in line


def test_an_address_has_no_password_in_it() -> None:
    there = CLUSTER.replace("http://", "http://me:secret@")
    text = with_change("staging: {port: 18081}", f"staging: {{platform: kubernetes, kubernetes: {there}}}")
    assert any("environments.staging.kubernetes.address" in line for line in lines(text))
