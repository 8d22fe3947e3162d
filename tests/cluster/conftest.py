"""One Ray cluster for all tests here, and the programs of its proxy."""

import importlib.util
from collections.abc import Iterator

import pytest

from tests.cluster.cluster import RayCluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[RayCluster]:
    """Three nodes of one core each, where the extra `cluster` is installed."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("needs Ray: pip install fitserve[cluster]")
    with RayCluster() as running:
        yield running
