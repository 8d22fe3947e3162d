"""The worker's reports: they keep the lease, hear of a cancel, and stop when the job belongs to somebody else."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.jobs.job import Job, NewJob
from app.jobs.journal import Journal, LostLease
from app.training.wishes import Cancelled, Paused, StoppedEarly
from app.training.worker import Reporter


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(f"sqlite:///{tmp_path}/journal.db").open()
    yield opened
    opened.close()


def claimed(journal: Journal, seconds: float = 60) -> Job:
    journal.submit(NewJob(family="tiny", model="tiny", hyperparameters={}), 1)
    job = journal.claim(seconds)
    assert job is not None
    return job


def test_a_cancel_is_heard_with_the_next_report(journal: Journal):
    job = claimed(journal)
    with Reporter(journal, job, 60) as report:
        report("progress", progress=0.1)
        journal.cancel(job.id)
        with pytest.raises(Cancelled):
            report("progress", progress=0.2)


def test_a_pause_is_heard_too(journal: Journal):
    job = claimed(journal)
    with Reporter(journal, job, 60) as report:
        journal.pause(job.id)
        with pytest.raises(Paused):
            report("progress", progress=0.2)


def test_an_early_stop_is_heard_once(journal: Journal):
    job = claimed(journal)
    with Reporter(journal, job, 60) as report:
        journal.stop_early(job.id)
        with pytest.raises(StoppedEarly):
            report("progress", progress=0.2)
        report("evaluated", metrics={})
        journal.cancel(job.id)
        with pytest.raises(Cancelled):
            report("log", text="publishing")


def test_a_published_version_is_not_undone_by_a_late_cancel(journal: Journal):
    job = claimed(journal)
    journal.cancel(job.id)
    with Reporter(journal, job, 60) as report:
        report("published", version=1)
        report("promoted", version=1)


def test_a_report_of_a_lost_job_is_refused(journal: Journal):
    job = claimed(journal)
    journal.give_back(job, "silent")
    with Reporter(journal, job, 60) as report, pytest.raises(LostLease):
        report("progress", progress=0.1)


def test_the_heartbeat_keeps_the_lease_while_nothing_is_reported(journal: Journal):
    job = claimed(journal, seconds=0.3)
    with Reporter(journal, job, 0.6):
        time.sleep(0.5)
        assert journal.expired() == []
