"""What every TrafficStore must do."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from carelane.analysis.ports import TrafficStore
from carelane.analysis.traffic import KEPT_FOR, MERGED_AFTER, MINUTE_SECONDS, Bucket, Counted
from tests.fakes.releases import MADE_AT

ALWAYS = (MADE_AT - timedelta(days=400), MADE_AT + timedelta(days=400))
V1, V2, OTHER = ("backend", "v1"), ("backend", "v2"), ("search", "v1")


def bucket(after_seconds: float, requests: int = 100, errors: int = 1, **more: Counted) -> Bucket:
    """Ten seconds of ``backend`` at v1, so long after MADE_AT."""
    began_at = MADE_AT + timedelta(seconds=after_seconds)
    return Bucket(began_at, 10.25, {V1: Counted(requests, errors, {800: 3, 2000: 0})})


def everything(
    store: TrafficStore, environment: str = "production", service: str = "backend"
) -> list[Bucket]:
    return store.kept(environment, service, *ALWAYS)


def thin(store: TrafficStore, now: datetime) -> int:
    """Thin until there is nothing to do; how many passes that took."""
    passes = 1
    while store.thin(now):
        passes += 1
        assert passes < 2000
    return passes


class TrafficStoreContract:
    """Subclasses give the fixture *store*."""

    @pytest.fixture
    def store(self) -> TrafficStore:
        raise NotImplementedError

    def test_where_nothing_was_kept_there_is_nothing(self, store: TrafficStore) -> None:
        assert everything(store) == []
        assert store.thin(MADE_AT) is False

    def test_a_bucket_comes_back_as_it_was_and_only_of_its_service_and_environment(
        self, store: TrafficStore
    ) -> None:
        counts = {V1: Counted(1, 0, {800: 0}), V2: Counted(5, 2), OTHER: Counted(7)}
        whole = replace(bucket(0.123456), counts=counts)
        store.add("production", whole)
        assert everything(store) == [replace(whole, counts={V1: counts[V1], V2: counts[V2]})]
        assert everything(store, service="search") == [replace(whole, counts={OTHER: counts[OTHER]})]
        assert everything(store, "staging") == everything(store, service="frontend") == []

    def test_a_bucket_that_is_added_again_is_there_once(self, store: TrafficStore) -> None:
        """A write that was taken to have failed may not have."""
        for _ in range(2):
            store.add("production", bucket(0))
        store.add("staging", bucket(0))
        assert everything(store) == everything(store, "staging") == [bucket(0)]

    def test_buckets_come_oldest_first_from_the_time_asked_for_up_to_its_end(
        self, store: TrafficStore
    ) -> None:
        for after in (20, 0, 10, 30):
            store.add("production", bucket(after))
        since, until = MADE_AT + timedelta(seconds=10), MADE_AT + timedelta(seconds=30)
        assert store.kept("production", "backend", since, until) == [bucket(10), bucket(20)]

    def test_of_no_service_in_particular_all_of_each_bucket_is_kept(self, store: TrafficStore) -> None:
        counts = {("backend", "v1"): Counted(9, 1, {}), ("site", "v1"): Counted(5, 0, {})}
        both = Bucket(MADE_AT, 10.0, counts)
        store.add("production", both)
        store.add("staging", bucket(0))
        assert store.kept("production", None, *ALWAYS) == [both]
        (of_one,) = store.kept("production", "site", *ALWAYS)
        assert set(of_one.counts) == {("site", "v1")}

    def test_after_a_day_buckets_are_minutes_and_nothing_is_lost(self, store: TrafficStore) -> None:
        for number in range(12):
            store.add("production", bucket(10 * number, 100 + number, number))
        now = MADE_AT + MERGED_AFTER + timedelta(seconds=70)
        thin(store, now)
        first, *young = everything(store)
        assert first == Bucket(MADE_AT, 61.5, {V1: Counted(615, 15, {800: 18, 2000: 0})}, MINUTE_SECONDS)
        assert young == [bucket(10 * n, 100 + n, n) for n in range(6, 12)]
        thin(store, now)
        assert everything(store) == [first, *young]
        thin(store, now + timedelta(minutes=5))
        assert [b.width_seconds for b in everything(store)] == [60, 60]
        assert sum(b.counts[V1].requests for b in everything(store)) == sum(range(100, 112))

    def test_versions_and_environments_are_merged_each_for_itself(self, store: TrafficStore) -> None:
        mixed = replace(bucket(10), counts={V2: Counted(2, 1), OTHER: Counted(3)})
        for environment in ("production", "staging"):
            store.add(environment, bucket(0))
            store.add(environment, mixed)
        thin(store, MADE_AT + timedelta(days=2))
        for environment in ("production", "staging"):
            (of_backend,), (of_search,) = (everything(store, environment, s) for s in ("backend", "search"))
            assert of_backend.counts == {V1: bucket(0).counts[V1], V2: Counted(2, 1)}
            assert of_search.counts == {OTHER: Counted(3)}
            assert of_backend.seconds == of_search.seconds == 20.5

    def test_of_a_threshold_that_was_not_always_looked_at_a_minute_knows_nothing(
        self, store: TrafficStore
    ) -> None:
        store.add("production", bucket(0))
        store.add("production", replace(bucket(10), counts={V1: Counted(5, 0, {2000: 4})}))
        thin(store, MADE_AT + timedelta(days=2))
        assert everything(store)[0].counts[V1] == Counted(105, 1, {2000: 4})

    def test_what_is_older_than_35_days_is_dropped_whatever_its_width(self, store: TrafficStore) -> None:
        for hours in range(0, 48, 4):
            store.add("production", bucket(hours * 3600))
        thin(store, MADE_AT + timedelta(days=2))
        store.add("production", bucket(15))  # written down late, never merged
        passes = thin(store, MADE_AT + KEPT_FOR + timedelta(hours=8, seconds=1))
        assert [b.began_at for b in everything(store)] == [
            MADE_AT + timedelta(hours=h) for h in range(12, 48, 4)
        ]
        assert passes >= 1
