"""Workloads and TrafficRouter on the real cluster: the class that every platform passes."""

from dataclasses import replace

import pytest

from carelane.delivery.releases import Artifact, ServiceVersion
from carelane.platforms.kubernetes.platform import KubernetesPlatform
from tests.cluster.environment import APP, RUN
from tests.contract.workloads import Platform, PlatformContract


class TestKubernetes(PlatformContract):
    @pytest.fixture
    def platform(
        self,
        kubernetes: KubernetesPlatform,
    ) -> Platform:
        image = Artifact("a" * 64, image=APP)
        run = replace(RUN, drain_seconds=1.0, migrate=("python3", "-c", "raise SystemExit(3)"))
        versions = {n: ServiceVersion("backend", n, "c" * 40, image, run) for n in ("v1", "v2")}
        return Platform(kubernetes, kubernetes, versions, moves=True, patience_seconds=60.0)
