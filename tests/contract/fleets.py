"""What every record of fleets must do."""

from dataclasses import replace

import pytest

from carelane.audit.entries import Entry
from carelane.audit.ports import Trail
from carelane.delivery.replicas.fleet import Crew, Fleet, Instance, Intent
from carelane.delivery.replicas.ports import Fleets
from tests.fakes.releases import MADE_AT, MIGRATING, WORKER, version

WEB_CREW = Crew(
    (
        Instance("backend-1", "backend", "v1", Intent.SERVE, MADE_AT, ends=3, ends_told_at=MADE_AT),
        Instance("backend-2", "backend", "v1", Intent.DRAIN, MADE_AT, kept=False),
    )
)
FLEET = Fleet(
    "production",
    4,
    {"backend": WEB_CREW, "jobs": Crew((Instance("jobs-4", "jobs", "v2", Intent.STOP, MADE_AT),))},
    {
        "backend": {"v1": version("backend", "v1", MIGRATING)},
        "jobs": {"v2": version("jobs", "v2", WORKER)},
    },
)


class FleetsContract:
    """Subclasses give the fixtures *fleets* and *trail*."""

    @pytest.fixture
    def trail(self) -> Trail:
        raise NotImplementedError

    @pytest.fixture
    def fleets(self, trail: Trail) -> Fleets:
        raise NotImplementedError

    def test_one_of_which_nothing_is_recorded_is_empty(self, fleets: Fleets) -> None:
        assert fleets.fleet("production") == Fleet("production")

    def test_what_is_recorded_is_read_back_as_it_was(self, fleets: Fleets) -> None:
        fleets.keep(FLEET, ())
        assert fleets.fleet("production") == FLEET

    def test_the_last_record_is_the_one_that_counts_and_others_are_left_alone(self, fleets: Fleets) -> None:
        fleets.keep(replace(FLEET, environment="staging"), ())
        fleets.keep(FLEET, ())
        fewer = replace(FLEET, started=9, crews={"backend": WEB_CREW}, versions={})
        fleets.keep(fewer, ())
        assert fleets.fleet("production") == fewer
        assert fleets.fleet("staging") == replace(FLEET, environment="staging")

    def test_what_happened_to_it_is_in_the_trail(self, fleets: Fleets, trail: Trail) -> None:
        told = tuple(
            Entry(MADE_AT, "carelane", act, "backend-1", "production", "because", {"ends": 2})
            for act in ("instance.crashed", "instance.replaced")
        )
        fleets.keep(FLEET, told)
        assert tuple(p.entry for p in trail.after(0, 10)) == told
