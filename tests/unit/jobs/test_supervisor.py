"""The supervisor: starts what waits, gives back what is lost, ends what is cancelled."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.jobs.job import Job, NewJob, Status
from app.jobs.journal import Journal
from app.jobs.launchers.local import LocalTrainerHandle
from app.jobs.supervisor import Supervisor, SupervisorRules
from tests.fakes import FakeLauncher

RULES = SupervisorRules(max_trainers=1, max_attempts=2, lease_seconds=60, termination_grace_seconds=0.05)


def queue(journal: Journal) -> Job:
    return journal.submit(NewJob(family="tiny", model="tiny", hyperparameters={}), 100)[0]


def test_no_more_trainers_run_than_allowed(journal: Journal):
    first, second = queue(journal), queue(journal)
    launcher = FakeLauncher()
    supervisor = Supervisor(journal, launcher, RULES)
    supervisor.step()
    supervisor.step()
    assert [job.id for job, _ in launcher.launched] == [first.id]
    assert journal.get(second.id).status is Status.QUEUED


def test_two_supervisors_of_one_journal_never_run_a_job_twice(journal: Journal):
    queue(journal)
    launchers = FakeLauncher(), FakeLauncher()
    for launcher in launchers:
        Supervisor(journal, launcher, RULES).step()
    assert sum(len(launcher.launched) for launcher in launchers) == 1


def test_a_lost_trainer_gives_its_job_back_until_the_attempts_are_used_up(journal: Journal):
    job = queue(journal)
    launcher = FakeLauncher()
    supervisor = Supervisor(journal, launcher, RULES)
    supervisor.step()
    launcher.launched[0][1].code = -9
    supervisor.step()
    assert journal.get(job.id).attempts == 2
    launcher.launched[1][1].code = 1
    supervisor.step()
    seen = journal.get(job.id)
    assert seen.status is Status.FAILED
    assert seen.error == "the trainer ended with exit code 1 in attempt 2\nlast words"


def test_a_trainer_that_ended_its_job_itself_is_not_lost(journal: Journal):
    job = queue(journal)
    launcher = FakeLauncher()
    supervisor = Supervisor(journal, launcher, RULES)
    supervisor.step()
    claimed, trainer = launcher.launched[0]
    journal.finish(claimed, Status.SUCCEEDED, result={"version": 1})
    trainer.code = 0
    supervisor.step()
    assert journal.get(job.id).status is Status.SUCCEEDED
    assert len(launcher.launched) == 1


def test_a_silent_trainer_is_ended_and_its_job_given_back(journal: Journal):
    queue(journal)
    launcher = FakeLauncher()
    supervisor = Supervisor(journal, launcher, SupervisorRules(lease_seconds=0.01))
    supervisor.step()
    time.sleep(0.02)
    supervisor.step()
    assert launcher.launched[0][1].stops == [True]
    assert [job.attempts for job, _ in launcher.launched] == [1, 2]


def test_a_cancelled_trainer_gets_time_then_a_signal_then_its_end(journal: Journal):
    job = queue(journal)
    launcher = FakeLauncher()
    supervisor = Supervisor(journal, launcher, RULES)
    supervisor.step()
    trainer = launcher.launched[0][1]
    journal.cancel(job.id)
    supervisor.step()
    assert trainer.stops == []
    deadline = time.monotonic() + 5
    while journal.get(job.id).status is Status.RUNNING and time.monotonic() < deadline:
        time.sleep(0.02)
        supervisor.step()
    assert trainer.stops[0] is False
    assert trainer.stops[-1] is True
    assert journal.get(job.id).status is Status.CANCELLED


def test_a_trainer_that_ends_when_it_is_asked_to_pause_leaves_a_paused_job(journal: Journal):
    job = queue(journal)
    launcher = FakeLauncher()
    supervisor = Supervisor(journal, launcher, RULES)
    supervisor.step()
    journal.pause(job.id)
    launcher.launched[0][1].code = -15
    supervisor.step()
    seen = journal.get(job.id)
    assert (seen.status, seen.attempts) == (Status.PAUSED, 0)
    supervisor.step()
    assert len(launcher.launched) == 1
    journal.resume(job.id)
    supervisor.step()
    assert len(launcher.launched) == 2


def test_a_job_to_be_cancelled_is_not_given_back_when_the_service_stops(journal: Journal):
    job = queue(journal)
    supervisor = Supervisor(journal, FakeLauncher(), RULES)
    supervisor.step()
    journal.cancel(job.id)
    supervisor.close()
    assert journal.get(job.id).status is Status.CANCELLED


def test_closing_gives_jobs_back_without_counting_the_attempt(journal: Journal):
    job = queue(journal)
    launcher = FakeLauncher()
    supervisor = Supervisor(journal, launcher, RULES)
    supervisor.step()
    supervisor.close()
    seen = journal.get(job.id)
    assert (seen.status, seen.attempts) == (Status.QUEUED, 0)
    supervisor.step()
    assert len(launcher.launched) == 1, "a closed supervisor starts nothing"


def test_a_trainer_that_waits_for_room_keeps_its_lease_and_says_so_once(journal: Journal):
    job = queue(journal)
    launcher = FakeLauncher()
    supervisor = Supervisor(journal, launcher, SupervisorRules(lease_seconds=1))
    supervisor.step()
    launcher.launched[0][1].waiting = True
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        supervisor.step()
        time.sleep(0.02)
    launcher.launched[0][1].waiting = False  # found room just now, and had no time to say anything yet
    supervisor.step()
    time.sleep(0.3)
    supervisor.step()
    assert journal.get(job.id).attempts == 1
    assert [event.data for event in journal.events(job.id, kinds=["log"])] == [{"text": "waiting for room"}]


def test_a_trainer_that_waits_for_room_is_withdrawn_at_once_when_its_job_is_cancelled(journal: Journal):
    job = queue(journal)
    launcher = FakeLauncher()
    supervisor = Supervisor(journal, launcher, SupervisorRules(termination_grace_seconds=60))
    supervisor.step()
    launcher.launched[0][1].waiting = True
    journal.cancel(job.id)
    supervisor.step()
    supervisor.step()
    assert journal.get(job.id).status is Status.CANCELLED


def test_trainers_that_outlast_their_supervisor_are_found_by_the_next(journal: Journal):
    job = queue(journal)
    launcher = FakeLauncher(detached=True)
    first, second = (Supervisor(journal, launcher, RULES) for _ in range(2))
    first.step()
    first.close()
    trainer = launcher.launched[0][1]
    assert trainer.stops == []
    assert journal.get(job.id).status is Status.RUNNING
    trainer.code = -9
    second.step()
    assert [launched.attempts for launched, _ in launcher.launched] == [1, 2]


def test_what_cannot_be_launched_waits_at_no_cost_of_an_attempt(journal: Journal, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.jobs.supervisor.RETRY_SECONDS", 1)
    jobs = [queue(journal) for _ in range(2)]
    launcher = FakeLauncher()
    supervisor = Supervisor(journal, launcher, SupervisorRules(max_trainers=2))
    launcher.away = True
    for _ in range(3):
        supervisor.step()
    assert [(journal.get(job.id).status, journal.get(job.id).attempts) for job in jobs] == [(Status.QUEUED, 0)] * 2
    reasons = [event.data.get("reason") for event in journal.events(jobs[0].id, kinds=["queued"])]
    assert reasons == [None, "nobody answers"], "and it is not tried at every step"
    launcher.away = False
    time.sleep(1)
    supervisor.step()
    assert [job.attempts for job, _ in launcher.launched] == [1, 1]


def test_stopping_a_local_trainer_ends_its_children_too(tmp_path: Path):
    log = tmp_path / "log.txt"
    script = "import subprocess, sys; print(subprocess.Popen(['sleep', '60']).pid, flush=True); sys.stdin.read()"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=output, start_new_session=True
        )
    trainer = LocalTrainerHandle(process, log)
    deadline = time.monotonic() + 10
    while not log.read_text().strip() and time.monotonic() < deadline:
        time.sleep(0.02)
    child = int(trainer.log_tail())
    trainer.stop(force=True)
    assert process.wait(10) == -signal.SIGKILL
    assert process.stdin is not None
    process.stdin.close()
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _alive(child)
    trainer.stop(force=True)  # harmless now


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
