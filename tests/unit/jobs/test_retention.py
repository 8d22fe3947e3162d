"""Retention: old jobs take little room, and what is wanted is kept."""

from pathlib import Path

import pytest

from app.jobs.job import Job, NewJob, Status
from app.jobs.journal import Journal
from app.jobs.retention import Retention
from app.store.model_store import ModelStore
from app.store.shared_folder import JobFolders


@pytest.fixture
def folders(tmp_path: Path) -> JobFolders:
    return ModelStore(tmp_path).jobs


def worked_on(journal: Journal, folder: Path, ended: Status | None) -> Job:
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
        journal.finish(job, ended)
    return job


def kinds(journal: Journal, job: Job) -> list[str]:
    return [event.kind for event in journal.events(job.id)]


def test_jobs_that_ended_lose_checkpoints_then_progress_then_logs(
    journal: Journal, tmp_path: Path, folders: JobFolders
):
    job = worked_on(journal, tmp_path / ".jobs", Status.SUCCEEDED)
    folder = tmp_path / ".jobs" / job.id
    Retention(journal, folders, progress_days=1, log_days=1).thin()
    assert [path.name for path in folder.iterdir()] == ["log.txt"]
    assert "progress" in kinds(journal, job)
    Retention(journal, folders, progress_days=0, log_days=1).thin()
    assert kinds(journal, job) == ["queued", "started", "epoch", "finished"]
    Retention(journal, folders, progress_days=0, log_days=0).thin()
    assert not folder.exists()
    assert journal.get(job.id).status is Status.SUCCEEDED


def test_a_job_that_has_not_ended_keeps_everything(journal: Journal, tmp_path: Path, folders: JobFolders):
    job = worked_on(journal, tmp_path / ".jobs", None)
    Retention(journal, folders, progress_days=0, log_days=0).thin()
    assert len(list((tmp_path / ".jobs" / job.id).iterdir())) == 2
    assert "progress" in kinds(journal, job)


def test_a_job_that_failed_keeps_its_checkpoints_for_a_while(journal: Journal, tmp_path: Path, folders: JobFolders):
    job = worked_on(journal, tmp_path / ".jobs", Status.FAILED)
    folder = tmp_path / ".jobs" / job.id
    Retention(journal, folders, progress_days=1, log_days=1).thin()
    assert [path.name for path in sorted(folder.iterdir())] == ["checkpoint-1.npz", "log.txt"]
    Retention(journal, folders, progress_days=0, log_days=1).thin()
    assert [path.name for path in folder.iterdir()] == ["log.txt"]


def test_what_jobs_of_another_journal_have_left_is_let_be(journal: Journal, tmp_path: Path, folders: JobFolders):
    (tmp_path / ".jobs" / "stranger").mkdir(parents=True)
    (tmp_path / ".jobs" / "stranger" / "checkpoint-1.npz").touch()
    Retention(journal, folders, progress_days=0, log_days=0).thin()
    assert (tmp_path / ".jobs" / "stranger" / "checkpoint-1.npz").exists()
