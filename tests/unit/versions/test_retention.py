"""Where only so many versions are kept, none goes that somebody still needs."""

from pathlib import Path

import pytest

from app.jobs.job import Job, NewJob, Status
from app.jobs.journal import Journal
from app.jobs.sweeps import NewSweep, Sweep, Sweeps
from app.store.model_store import ModelStore
from app.versions.retention import prune
from tests.fakes import publish_tiny


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    made = ModelStore(tmp_path / "store")
    publish_tiny(made)
    made.promote("tiny", 1)
    return made


def begin(journal: Journal) -> Sweep:
    facts = {"family": "tiny", "model": "tiny", "space": {}, "hyperparameters": {}, "metric": "val_accuracy"}
    return Sweeps(journal).submit(NewSweep(**facts, trials=3), 9)[0]


def trained(journal: Journal, store: ModelStore, sweep: Sweep | None = None, *, ends: bool = True) -> tuple[Job, int]:
    """A job whose version is published, and the version's number."""
    new = NewJob(family="tiny", model="tiny", hyperparameters={}, sweep=sweep and sweep.id)
    queued, _ = journal.submit(new, 9)
    job = journal.claim(60, queued.id)
    assert job is not None
    version = publish_tiny(store, job=job.id).version
    if ends:
        journal.finish(job, Status.SUCCEEDED, result={"model": "tiny", "version": version, "promoted": False})
    return job, version


def numbers(store: ModelStore) -> list[int]:
    return [card.version for card in store.versions("tiny")]


def test_the_oldest_go_that_nobody_needs(journal: Journal, store: ModelStore):
    for _ in range(3):
        trained(journal, store)
    assert prune(store, journal.database, "tiny", 1) == [2, 3]
    assert numbers(store) == [1, 4]


@pytest.mark.parametrize("given_back", [False, True])
def test_the_version_of_a_job_under_way_stays_until_it_has_ended(journal: Journal, store: ModelStore, given_back: bool):
    job, version = trained(journal, store, ends=False)
    if given_back:
        journal.requeue(job, "lost between publication and promotion")
    trained(journal, store)
    assert prune(store, journal.database, "tiny", 1) == []
    journal.cancel(job.id)
    journal.finish(job, Status.CANCELLED)
    assert prune(store, journal.database, "tiny", 1) == [version]


def test_the_trials_of_a_sweep_stay_while_it_goes_on_and_the_best_afterwards(journal: Journal, store: ModelStore):
    sweep = begin(journal)
    best = [trained(journal, store, sweep)[1] for _ in range(3)][1]
    for _ in range(2):
        trained(journal, store)
    assert prune(store, journal.database, "tiny", 1) == [5]
    Sweeps(journal).finish(sweep.id, Status.SUCCEEDED, result={"trial": 2, "version": best})
    assert prune(store, journal.database, "tiny", 1) == [2, 4]
    assert numbers(store) == [1, best, 6]


def test_another_models_sweeps_and_those_without_a_version_keep_nothing(journal: Journal, store: ModelStore):
    sweep = begin(journal)
    Sweeps(journal).finish(sweep.id, Status.FAILED, error="no trial succeeded")
    for _ in range(2):
        trained(journal, store)
    assert prune(store, journal.database, "tiny", 1) == [2]


def test_what_is_published_and_finished_while_others_go_is_not_lost(journal: Journal, store: ModelStore):
    """The numbers are looked at first: what comes later is newer than all that may go."""
    trained(journal, store)
    trained(journal, store)
    listed = store.numbers
    job: list[int] = []

    def late(model: str) -> list[int]:
        found = listed(model)
        store.numbers = listed  # type: ignore[method-assign]
        job.append(trained(journal, store)[1])
        return found

    store.numbers = late  # type: ignore[method-assign]
    assert prune(store, journal.database, "tiny", 1) == [2]
    assert job[0] in numbers(store)
