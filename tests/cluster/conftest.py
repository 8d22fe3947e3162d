"""One Ray cluster for all tests here, and for what trains and answers on it PostgreSQL and a bucket."""

import importlib.util
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.paths import Bucket
from app.settings import STARTERS, Settings
from tests.bucket_server import BUCKET, BucketServer
from tests.cluster.cluster import RayCluster
from tests.postgresql import PostgreSQL


@pytest.fixture(scope="session")
def cluster(bucket_server: BucketServer) -> Iterator[RayCluster]:  # noqa: ARG001  its keys are in the nodes' environment
    """Three nodes of one core each, where the extra `cluster` is installed."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("needs Ray: pip install fitserve[cluster]")
    with RayCluster() as running:
        yield running


@pytest.fixture(scope="module")
def places(
    cluster: RayCluster,  # noqa: ARG001  is there before them
    postgresql: PostgreSQL,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Settings]:
    """Settings with a new database and an empty part of the bucket."""
    folder: Path = tmp_path_factory.mktemp("node")
    with postgresql.database() as url:
        yield Settings(
            store=Bucket(BUCKET, f"cluster/{uuid.uuid4().hex}"), journal=url, cache=folder / "cache",
            starters=STARTERS, offline=True,
        )  # fmt: skip
