"""The worker's reports: they keep the lease, hear of a cancel, and stop when the job belongs to somebody else."""

import sys
import time
from subprocess import PIPE, Popen
from threading import Thread

import pytest

from app.jobs.job import Job, NewJob
from app.jobs.journal import Journal, LostLease
from app.training.control_requests import Cancelled, Paused, StoppedEarly
from app.training.main import Reporter
from tests.postgresql import PostgreSQL


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


def test_progress_is_told_no_more_often_than_wanted_and_all_else_is(journal: Journal):
    job = claimed(journal)
    with Reporter(journal, job, 60, progress_interval_seconds=30) as report:
        for _ in range(3):
            report("progress", progress=0.1)
            report("epoch", progress=0.2)
    told = [event.kind for event in journal.events(job.id)][2:]
    assert told == ["progress", "epoch", "epoch", "epoch"]


def test_a_published_version_is_not_undone_by_a_late_cancel(journal: Journal):
    job = claimed(journal)
    journal.cancel(job.id)
    with Reporter(journal, job, 60) as report:
        report("published", version=1)
        report("promoted", version=1)


def test_a_report_of_a_lost_job_is_refused(journal: Journal):
    job = claimed(journal)
    journal.requeue(job, "silent")
    with Reporter(journal, job, 60) as report, pytest.raises(LostLease):
        report("progress", progress=0.1)


def test_the_heartbeat_keeps_the_lease_while_nothing_is_reported(journal: Journal):
    job = claimed(journal, seconds=0.3)
    with Reporter(journal, job, 0.6):
        time.sleep(0.5)
        assert journal.expired() == []


def test_a_training_goes_on_while_the_journal_is_away_and_waits_for_it_when_an_epoch_ends(postgresql: PostgreSQL):
    with postgresql.database() as url:
        journal = Journal(url).open()
        job = claimed(journal)
        with Reporter(journal, job, 0.6) as report:
            postgresql.stop()
            try:
                report("progress", progress=0.1)
                report("progress", progress=0.2)
                epoch = Thread(target=report, args=("epoch",), kwargs={"progress": 0.3})
                epoch.start()
                epoch.join(0.5)
                assert epoch.is_alive()
            finally:
                postgresql.start()
            epoch.join(10)
            report("progress", progress=0.4)
        assert [event.data.get("progress") for event in journal.events(job.id)][2:] == [0.3, 0.4]
        journal.close()


def test_a_process_that_does_not_heed_a_cancel_ends_itself(journal: Journal, journal_url: str):
    job = claimed(journal)
    script = (
        "import time; from app.jobs.journal import Journal; from app.training.main import Reporter\n"
        f"journal = Journal({journal_url!r}).open()\n"
        f"with Reporter(journal, journal.get({job.id!r}), 0.6, 0.1) as report:\n"
        "    report('log'); time.sleep(60)"
    )
    process = Popen([sys.executable, "-c", script], stderr=PIPE)
    while len(journal.events(job.id)) < 3:
        assert process.poll() is None
        time.sleep(0.02)
    journal.cancel(job.id)
    assert b"the request to cancel was not handled in time" in process.communicate(timeout=30)[1]
    assert process.returncode == 1
