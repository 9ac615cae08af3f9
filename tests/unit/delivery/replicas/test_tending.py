"""What is wrong with a front door's processes is told once, and once that it is over."""

import pytest

from carelane.base.clock import ManualClock
from carelane.delivery.replicas.seen import ProxyTrouble
from carelane.delivery.replicas.tending import QUIET_SECONDS, Tending
from tests.fakes.proxies import FakeProxies
from tests.fakes.repository import InMemoryRepository
from tests.fakes.trail import InMemoryTrail

HUNG = ProxyTrouble("proxy-1", "has not answered for 5 s")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def router() -> FakeProxies:
    return FakeProxies(lambda _: True)


@pytest.fixture
def trail() -> InMemoryTrail:
    return InMemoryTrail()


@pytest.fixture
def repository(trail: InMemoryTrail) -> InMemoryRepository:
    return InMemoryRepository(trail)


@pytest.fixture
def tending(router: FakeProxies, repository: InMemoryRepository, clock: ManualClock) -> Tending:
    return Tending("production", router, repository, clock)


def told(trail: InMemoryTrail) -> list[tuple[str, str, str | None]]:
    return [(p.entry.act, p.entry.subject, p.entry.environment) for p in trail.after(0)]


def test_nothing_is_told_while_all_is_well(tending: Tending, trail: InMemoryTrail) -> None:
    tending.step()
    assert (told(trail), tending.failing()) == ([], [])


def test_what_goes_on_is_told_once_and_is_failing_meanwhile(
    tending: Tending, router: FakeProxies, trail: InMemoryTrail, clock: ManualClock
) -> None:
    router.troubles = (HUNG,)
    for _ in range(3):
        tending.step()
        clock.sleep(1.0)
    assert told(trail) == [("proxy.failing", "proxy-1", "production")]
    assert [(f.part, f.why) for f in tending.failing()] == [("proxy-1 of production", HUNG.why)]


def test_one_that_comes_and_goes_is_one_trouble_until_it_has_been_well_for_a_while(
    tending: Tending, router: FakeProxies, trail: InMemoryTrail, clock: ManualClock
) -> None:
    for troubles in ((HUNG,), (), (HUNG,), ()):
        router.troubles = troubles
        tending.step()
        clock.sleep(QUIET_SECONDS - 1)
    assert told(trail) == [("proxy.failing", "proxy-1", "production")]
    clock.sleep(1.0)
    tending.step()
    assert told(trail)[1:] == [("proxy.recovered", "proxy-1", "production")]
    assert tending.failing() == []


def test_where_it_cannot_be_recorded_it_is_told_later(
    tending: Tending,
    router: FakeProxies,
    repository: InMemoryRepository,
    trail: InMemoryTrail,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(_: object) -> None:
        raise OSError("no space left")

    router.troubles = (HUNG,)
    with monkeypatch.context() as patched:
        patched.setattr(repository, "record", full)
        with pytest.raises(OSError, match="no space"):
            tending.step()
    tending.step()
    assert told(trail) == [("proxy.failing", "proxy-1", "production")]
