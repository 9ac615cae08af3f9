from carelane.delivery.observations import ProcessPhase
from carelane.delivery.replicas.seen import EndpointSeen, FleetSeen, InstanceSeen

RUNNING = InstanceSeen(ProcessPhase.RUNNING, port=20_001)


def test_what_was_not_seen_neither_runs_nor_is_healthy_and_is_gone() -> None:
    nothing = FleetSeen()
    assert not nothing.running("backend-1")
    assert not nothing.healthy("backend-1")
    assert nothing.gone("backend-1")


def test_healthy_needs_both_a_running_process_and_a_fit_endpoint() -> None:
    fit = {"backend-1": EndpointSeen(True)}
    assert FleetSeen({"backend-1": RUNNING}, fit).healthy("backend-1")
    assert not FleetSeen({"backend-1": RUNNING}, {}).healthy("backend-1")
    assert not FleetSeen({"backend-1": RUNNING}, None).healthy("backend-1")
    assert not FleetSeen({"backend-1": RUNNING}, {"backend-1": EndpointSeen(False)}).healthy("backend-1")
    for phase in set(ProcessPhase) - {ProcessPhase.RUNNING}:
        assert not FleetSeen({"backend-1": InstanceSeen(phase)}, fit).healthy("backend-1")


def test_only_an_exited_instance_is_gone() -> None:
    for phase in ProcessPhase:
        seen = FleetSeen({"backend-1": InstanceSeen(phase)})
        assert seen.gone("backend-1") is (phase is ProcessPhase.EXITED)
