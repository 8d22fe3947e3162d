"""Trainers on Ray: they are spread over the nodes, outlast who launched them, and no node's or head's end loses a job.

The tests follow one another: each goes on with what the one before it left in training.
"""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from app.jobs.journal import Journal
from app.settings import Settings
from app.store.opening import open_store
from tests.cluster.cluster import RayCluster
from tests.service import Service
from tests.waiting import until

pytestmark = [pytest.mark.train, pytest.mark.alone]

LEASE = 12  # seconds; waiting for room takes longer here
LONG = 1000  # epochs: until somebody says stop


class Training:
    """A service on the cluster, which can be started anew, and its jobs."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.journal = Journal(settings.journal_url).open()
        self.jobs: list[str] = []

    def start(self) -> None:
        self.service = Service(**{name: value for name, value in self.settings if value is not None})
        self.service.__enter__()

    def stop(self) -> None:
        self.service.__exit__()

    def train(self, epochs: int) -> str:
        return self.service.train(dataset="sample", promote="never", epochs=epochs)

    def ask(self, job: str, what: str, **how: object) -> None:
        self.service.client.post(f"/jobs/{job}/{what}", json=how or None).raise_for_status()

    def epoch(self, job: str) -> int:
        return self.journal.get(job).epoch or 0

    def told(self, job: str, kind: str) -> list[dict[str, Any]]:
        """The data of the events of one kind."""
        return [event.data for event in self.journal.events(job, kinds=[kind])]


@pytest.fixture(scope="module")
def training(cluster: RayCluster, places: Settings) -> Iterator[Training]:
    on_ray = {"launcher": "ray", "max_trainers": 3, "lease_seconds": LEASE, "termination_grace_seconds": 2}
    settings = places.model_copy(update=on_ray)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", cluster.address)
        started = Training(settings)
        started.start()
        try:
            started.jobs += [started.train(LONG) for _ in range(3)]
            yield started
        finally:
            started.stop()
            started.journal.close()


def test_three_jobs_train_on_three_nodes_at_once(cluster: RayCluster, training: Training):
    until(lambda: all(training.epoch(job) > 2 for job in training.jobs), 90, "three jobs in training")
    assert {cluster.node_of(f"fitserve-{job}-1") for job in training.jobs} == set(cluster.nodes)
    for job in training.jobs:
        assert "attempt begins" in training.service.client.get(f"/jobs/{job}/log").text


def test_a_service_that_is_started_anew_finds_its_trainers(training: Training):
    training.stop()
    before = [training.epoch(job) for job in training.jobs]
    training.start()
    until(
        lambda: all(training.epoch(job) > old + 1 for job, old in zip(training.jobs, before, strict=True)), 90, "go on"
    )
    assert [training.journal.get(job).attempts for job in training.jobs] == [1, 1, 1]


def test_a_job_whose_node_is_killed_waits_for_room_and_goes_on_elsewhere(cluster: RayCluster, training: Training):
    lost, left, other = sorted(training.jobs, key=lambda job: cluster.node_of(f"fitserve-{job}-1") == cluster.head)
    reached = training.epoch(lost)
    cluster.kill_node(cluster.node_of(f"fitserve-{lost}-1"))
    until(lambda: training.journal.get(lost).attempts == 2, 90, "the node is missed")
    assert "lost with its node" in training.told(lost, "queued")[1]["reason"]
    time.sleep(LEASE + 2)
    assert training.journal.get(lost).attempts == 2, "while it waits for room, its lease is kept"
    assert {"text": "waiting for room"} in training.told(lost, "log")

    training.ask(left, "cancel")
    until(lambda: training.told(lost, "resumed"), 90, "there is room, so it goes on")
    assert training.told(lost, "resumed")[0]["row"]["epoch"] >= reached - 1
    training.ask(lost, "cancel", stop_early=True)
    ended = training.service.wait(lost)
    assert (ended["status"], ended["result"]["version"]) == ("succeeded", 2), ended
    assert open_store(training.settings).numbers("digit") == [1, 2], "it is in the bucket, once"
    assert training.journal.get(left).status == "cancelled"
    assert training.epoch(other) > reached


def test_jobs_outlast_the_head_of_the_cluster(cluster: RayCluster, training: Training):
    running = next(job for job in training.jobs if training.journal.get(job).status == "running")
    cluster.kill_head()
    queued = training.train(1)
    until(lambda: len(training.told(queued, "queued")) > 1, 60, "nobody can start it now")
    assert "Ray does not answer" in training.told(queued, "queued")[1]["reason"]
    cluster.restart_head()
    until(lambda: training.told(running, "resumed"), 90, "what the old cluster had in training goes on in the new one")
    training.ask(running, "cancel")
    assert training.service.wait(running)["status"] == "cancelled"
    assert training.service.wait(queued)["status"] == "succeeded", "what could not be started is asked for again"
