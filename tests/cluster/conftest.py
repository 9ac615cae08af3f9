"""Tests of this folder run in the cluster's network (`make test-cluster`), each in a namespace of its own."""

from collections.abc import Iterator

import pytest

from carelane.platforms.kubernetes.platform import KubernetesPlatform
from tests.cluster.namespaces import namespaced, platform


@pytest.fixture
def namespace() -> Iterator[str]:
    """One that is there for this test alone."""
    with namespaced() as name:
        yield name


@pytest.fixture
def kubernetes(namespace: str) -> Iterator[KubernetesPlatform]:
    """One environment in it, behind the gateway."""
    with platform(namespace) as made:
        yield made
