"""What the API shows of a service."""

from carelane.api import views
from carelane.delivery.environments import ServiceState
from carelane.delivery.replicas.fleet import Instance, Intent
from tests.fakes.releases import MADE_AT


def seen(number: int, label: str, intent: Intent = Intent.SERVE, *, ready: bool = True) -> views.InstanceView:
    instance = Instance(f"web-{number}", "web", label, intent, MADE_AT)
    return views.InstanceView(instance.id, label, intent.value, MADE_AT, "running", ready, 0, None, None)


def test_ready_are_only_instances_of_the_versions_that_are_named_beside_the_number() -> None:
    there = [seen(1, "v1"), seen(2, "v1", ready=False), seen(3, "v2"), seen(4, "v1", Intent.WARM)]
    assert views.ready(there, ServiceState(stable="v1")) == 1
    assert views.ready(there, ServiceState(stable="v1", canary="v2")) == 2
