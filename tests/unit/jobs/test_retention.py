"""Retention: old jobs take little room, and what is wanted is kept."""

from pathlib import Path

from app.jobs.job import Job, NewJob, Status
from app.jobs.journal import Journal
from app.jobs.retention import Retention


def worked_on(journal: Journal, folder: Path, *, ended: bool) -> Job:
    """A job with an event of each kind, a log and a checkpoint."""
    journal.submit(NewJob(family="tiny", model="tiny", hyperparameters={}), 9)
    job = journal.claim(60)
    assert job is not None
    journal.report(job, 60, "progress", progress=0.5)
    journal.report(job, 60, "epoch", epoch=1)
    (folder / job.id).mkdir(parents=True)
    for name in ("log.txt", "checkpoint-1.npz"):
        (folder / job.id / name).touch()
    if ended:
        journal.finish(job, Status.SUCCEEDED)
    return job


def kinds(journal: Journal, job: Job) -> list[str]:
    return [event.kind for event in journal.events(job.id)]


def test_jobs_that_ended_lose_checkpoints_then_progress_then_logs(journal: Journal, tmp_path: Path):
    job = worked_on(journal, tmp_path / "jobs", ended=True)
    folder = tmp_path / "jobs" / job.id
    Retention(journal, tmp_path / "jobs", progress_days=1, log_days=1).thin()
    assert [path.name for path in folder.iterdir()] == ["log.txt"]
    assert "progress" in kinds(journal, job)
    Retention(journal, tmp_path / "jobs", progress_days=0, log_days=1).thin()
    assert kinds(journal, job) == ["queued", "started", "epoch", "finished"]
    Retention(journal, tmp_path / "jobs", progress_days=0, log_days=0).thin()
    assert not folder.exists()
    assert journal.get(job.id).status is Status.SUCCEEDED


def test_a_job_that_has_not_ended_keeps_everything(journal: Journal, tmp_path: Path):
    job = worked_on(journal, tmp_path / "jobs", ended=False)
    Retention(journal, tmp_path / "jobs", progress_days=0, log_days=0).thin()
    assert len(list((tmp_path / "jobs" / job.id).iterdir())) == 2
    assert "progress" in kinds(journal, job)
