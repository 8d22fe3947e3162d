"""The journal: claims, leases and the states of a job, each step one statement."""

import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import select, update

from app.errors import Busy, NotFound
from app.jobs.database import HEAD
from app.jobs.job import ControlRequest, Job, NewJob, Status
from app.jobs.journal import Journal, LostLease
from app.jobs.migrate import MIGRATIONS
from app.jobs.tables import DatabaseClock, jobs

NEW = NewJob(family="tiny", model="tiny", hyperparameters={"epochs": 1})


def queue(journal: Journal, **facts: object) -> Job:
    return journal.submit(NEW.model_copy(update=facts), 100)[0]


def claim(journal: Journal, seconds: float = 60) -> Job:
    job = journal.claim(seconds)
    assert job is not None
    return job


def kinds(journal: Journal, job: Job) -> list[str]:
    return [event.kind for event in journal.events(job.id)]


def test_the_head_in_the_code_is_the_newest_migration():
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [HEAD]


def test_a_journal_keeps_its_jobs_when_it_is_opened_again(journal_url: str):
    first = Journal(journal_url).open()
    job = queue(first)
    first.close()
    second = Journal(journal_url).open()
    assert second.get(job.id) == job
    second.close()


def test_jobs_are_claimed_in_the_order_they_came(journal: Journal):
    jobs = [queue(journal) for _ in range(3)]
    assert [claim(journal).id for _ in jobs] == [job.id for job in jobs]
    assert journal.claim(60) is None


def test_a_claimed_job_runs_its_first_attempt(journal: Journal):
    queue(journal)
    job = claim(journal)
    assert (job.status, job.attempts) == (Status.RUNNING, 1)
    assert job.started is not None
    assert kinds(journal, job) == ["queued", "started"]


def test_one_job_is_claimed_once_however_many_ask(journal: Journal):
    for _ in range(5):
        queue(journal)
    with ThreadPoolExecutor(8) as threads:
        claims = [job.id for job in threads.map(lambda _: journal.claim(60), range(20)) if job]
    assert len(claims) == len(set(claims)) == 5


def test_a_particular_job_can_be_claimed(journal: Journal):
    queue(journal)
    second = queue(journal)
    claimed = journal.claim(60, second.id)
    assert claimed is not None
    assert claimed.id == second.id


def test_a_full_queue_refuses_at_once(journal: Journal):
    journal.submit(NEW, 2)
    journal.submit(NEW, 2)
    with pytest.raises(Busy):
        journal.submit(NEW, 2)
    claim(journal)
    journal.submit(NEW, 2)


def test_the_same_idempotency_key_gives_the_same_job(journal: Journal):
    first, new = journal.submit(NEW.model_copy(update={"idempotency_key": "k"}), 1)
    again, new_again = journal.submit(NEW.model_copy(update={"idempotency_key": "k"}), 1)
    assert (new, new_again) == (True, False)
    assert first.id == again.id


def test_the_same_key_at_the_same_moment_makes_one_job(journal: Journal):
    new = NEW.model_copy(update={"idempotency_key": "k"})
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: journal.submit(new, 100), range(16)))
    assert len({job.id for job, _ in made}) == 1
    assert sum(is_new for _, is_new in made) == 1


def test_an_unknown_job_is_not_found(journal: Journal):
    with pytest.raises(NotFound, match="nope"):
        journal.get("nope")
    with pytest.raises(NotFound):
        journal.cancel("nope")


def test_reports_are_columns_and_events(journal: Journal):
    queue(journal)
    job = claim(journal)
    assert journal.report(job, 60, "progress", progress=0.5, epoch=2, metrics={"loss": 1.5}, speed=7) is None
    seen = journal.get(job.id)
    assert (seen.progress, seen.epoch, seen.metrics) == (0.5, 2, {"loss": 1.5})
    assert journal.events(job.id)[-1].data == {"progress": 0.5, "epoch": 2, "metrics": {"loss": 1.5}, "speed": 7}


def test_event_ids_only_grow_and_can_be_resumed_from(journal: Journal):
    queue(journal)
    job = claim(journal)
    for number in range(5):
        journal.report(job, 60, "progress", progress=number / 5)
    ids = [event.id for event in journal.events(job.id)]
    assert ids == sorted(set(ids))
    assert [event.id for event in journal.events(job.id, after=ids[3])] == ids[4:]


def test_a_waiting_job_is_cancelled_at_once(journal: Journal):
    job = queue(journal)
    assert journal.cancel(job.id).status is Status.CANCELLED
    assert journal.cancel(job.id).status is Status.CANCELLED
    assert kinds(journal, job) == ["queued", "finished"]
    assert journal.claim(60) is None


def test_a_running_job_hears_of_its_cancelling_with_its_next_report(journal: Journal):
    queue(journal)
    job = claim(journal)
    assert journal.cancel(job.id).status is Status.RUNNING
    assert journal.report(job, 60) is ControlRequest.CANCEL


@pytest.mark.parametrize("end", [Status.SUCCEEDED, Status.FAILED, Status.CANCELLED])
def test_a_terminal_state_is_never_rewritten(journal: Journal, end: Status):
    queue(journal)
    job = claim(journal)
    assert journal.finish(job, end, error="first")
    assert not journal.finish(job, Status.FAILED, error="second")
    assert not journal.requeue(job, "late")
    journal.cancel(job.id)
    seen = journal.get(job.id)
    assert (seen.status, seen.error) == (end, "first")
    with pytest.raises(LostLease):
        journal.report(job, 60, "progress", progress=0.1)


def test_an_attempt_that_lost_its_lease_can_write_nothing(journal: Journal):
    queue(journal)
    lost = claim(journal, seconds=-1)
    assert [job.id for job in journal.expired()] == [lost.id]
    assert journal.requeue(lost, "silent")
    second = claim(journal)
    assert second.attempts == 2
    with pytest.raises(LostLease):
        journal.report(lost, 60)
    assert not journal.finish(lost, Status.SUCCEEDED)
    assert journal.finish(second, Status.SUCCEEDED)


def test_a_clock_that_jumps_back_makes_nothing_run_twice(journal: Journal):
    queue(journal)
    job = claim(journal)
    with journal.database.begin() as connection:
        connection.execute(update(jobs).values(lease_until=DatabaseClock(3600 + 60)))  # an hour more, by that clock
    assert journal.expired() == []
    assert journal.claim(60) is None
    assert journal.report(job, 60) is None
    assert journal.finish(job, Status.SUCCEEDED)
    events = journal.events(job.id)
    assert [event.id for event in events] == sorted(event.id for event in events)


def test_an_attempt_that_does_not_count_is_not_counted(journal: Journal):
    queue(journal)
    journal.requeue(claim(journal), "the service stopped", counts=False)
    assert claim(journal).attempts == 1


def test_jobs_are_listed_newest_first_and_filtered(journal: Journal):
    first, second = queue(journal), queue(journal, family="other", model="another")
    claim(journal)
    assert [job.id for job in journal.latest()] == [second.id, first.id]
    assert [job.id for job in journal.latest(status=Status.RUNNING)] == [first.id]
    assert [job.id for job in journal.latest(family="other")] == [second.id]
    assert [job.id for job in journal.latest(limit=1)] == [second.id]
    assert [job.id for job in journal.latest(before=second.id)] == [first.id]
    assert journal.latest(before=first.id) == []


def test_a_higher_priority_goes_first_and_equal_ones_in_order(journal: Journal):
    low, first, second, high = (queue(journal, priority=priority) for priority in (-1, 0, 0, 5))
    assert [claim(journal).id for _ in range(4)] == [high.id, first.id, second.id, low.id]


def test_a_waiting_job_is_paused_at_once_and_resumed_in_its_place(journal: Journal):
    first, second = queue(journal), queue(journal)
    assert journal.pause(first.id).status is Status.PAUSED
    assert journal.pause(first.id).status is Status.PAUSED
    assert claim(journal).id == second.id
    assert journal.resume(first.id).status is Status.QUEUED
    assert claim(journal).id == first.id
    assert kinds(journal, first) == ["queued", "paused", "queued", "started"]


def test_a_running_job_is_set_aside_without_losing_an_attempt(journal: Journal):
    queue(journal)
    job = claim(journal)
    assert journal.pause(job.id).control_request is ControlRequest.PAUSE
    assert journal.report(job, 60) is ControlRequest.PAUSE
    assert journal.mark_paused(job)
    seen = journal.get(job.id)
    assert (seen.status, seen.attempts, seen.control_request) == (Status.PAUSED, 0, None)
    journal.resume(job.id)
    assert claim(journal).attempts == 1


def test_a_pause_can_be_taken_back_and_never_undoes_a_cancel(journal: Journal):
    queue(journal)
    job = claim(journal)
    journal.pause(job.id)
    assert journal.resume(job.id).control_request is None
    journal.cancel(job.id)
    assert journal.pause(job.id).control_request is ControlRequest.CANCEL
    assert journal.resume(job.id).control_request is ControlRequest.CANCEL
    assert not journal.mark_paused(job), "it is to be cancelled"


def test_an_early_stop_needs_a_job_that_has_begun(journal: Journal):
    waiting = queue(journal)
    assert journal.stop_early(waiting.id).status is Status.CANCELLED
    queue(journal)
    job = claim(journal)
    assert journal.stop_early(job.id).control_request is ControlRequest.STOP_EARLY
    assert journal.cancel(job.id).control_request is ControlRequest.CANCEL
    assert journal.stop_early(job.id).control_request is ControlRequest.CANCEL
    journal.finish(job, Status.CANCELLED)
    assert journal.stop_early(job.id).status is Status.CANCELLED


def test_a_paused_job_that_is_stopped_early_runs_once_more(journal: Journal):
    queue(journal)
    job = claim(journal)
    journal.pause(job.id)
    journal.mark_paused(job)
    assert journal.stop_early(job.id).status is Status.QUEUED
    assert journal.report(claim(journal), 60) is ControlRequest.STOP_EARLY


def test_a_paused_job_can_be_cancelled(journal: Journal):
    job = queue(journal)
    journal.pause(job.id)
    assert journal.cancel(job.id).status is Status.CANCELLED


def test_no_more_run_than_there_is_room_for_however_many_ask(journal: Journal):
    for _ in range(10):
        queue(journal)
    with ThreadPoolExecutor(8) as threads:
        claims = [job.id for job in threads.map(lambda _: journal.claim(60, room=3), range(16)) if job]
    assert len(claims) == len(set(claims)) == len(journal.running()) == 3


def test_the_queue_is_never_longer_than_allowed_however_many_ask(journal: Journal):
    def ask(_: int) -> bool:
        try:
            return journal.submit(NEW, 3)[1]
        except Busy:
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(ask, range(16))) == 3


def test_what_two_writers_tell_of_one_job_is_read_in_order_and_whole_while_they_write(journal: Journal):
    queue(journal)
    job = claim(journal)

    def tell(name: str) -> None:
        for number in range(60):
            journal.report(job, 60, "log", text=f"{name} {number}")

    read: list[int] = []
    with ThreadPoolExecutor(2) as threads:
        writers = [threads.submit(tell, name) for name in ("one", "other")]
        while not all(writer.done() for writer in writers):
            read += [event.id for event in journal.events(job.id, after=read[-1] if read else 0)]
        for writer in writers:
            writer.result()
    read += [event.id for event in journal.events(job.id, after=read[-1])]
    assert read == [event.id for event in journal.events(job.id)]
    assert len(read) == 2 + 2 * 60


def test_figures_that_are_no_numbers_come_back_as_they_were(journal: Journal):
    queue(journal)
    job = claim(journal)
    astray = {"loss": math.nan, "high": math.inf, "low": -math.inf, "accuracy": 0.1}
    journal.report(job, 60, "epoch", metrics=astray, loss=math.nan, text='a "NaN"')
    assert repr(journal.get(job.id).metrics) == repr(astray)
    data = journal.events(job.id)[-1].data
    assert repr(data) == repr({"metrics": astray, "loss": math.nan, "text": 'a "NaN"'})


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity", "nan", "1e5", "true", "null", "007", '"', "{}"])
def test_a_name_that_reads_like_a_number_stays_a_name(journal: Journal, name: str):
    named = {"corpus": name, "float": name}
    job, _ = journal.submit(NewJob(family="text", model="lstm", hyperparameters=named), 9)
    assert journal.get(job.id).hyperparameters == named
    claimed = claim(journal)
    journal.report(claimed, 60, "log", text=name, metrics={"loss": math.nan})
    assert journal.events(job.id)[-1].data["text"] == name


def test_words_that_a_database_cannot_hold_are_made_fit(journal: Journal):
    queue(journal)
    job = claim(journal)
    journal.report(job, 60, "log", text="zero \0 and half a pair \ud800")
    journal.finish(job, Status.FAILED, error="zero \0 and half a pair \ud800")
    assert journal.get(job.id).error == "zero \ufffd and half a pair ?"
    with pytest.raises(NotFound):
        journal.get("\0")
    assert journal.latest(family="\ud800") == []


def test_a_moment_is_that_of_the_database_and_in_utc(journal: Journal):
    with journal.database.begin() as connection:
        moments = connection.execute(select(DatabaseClock(), DatabaseClock(90), DatabaseClock(-0.5))).one()
    assert [(moment - moments[0]).total_seconds() for moment in moments] == pytest.approx([0, 90, -0.5], abs=0.1)
    assert abs(moments[0] - datetime.now(UTC)) < timedelta(minutes=1)
    assert moments[0].utcoffset() == timedelta(0)


def test_what_was_done_to_a_silent_job_is_not_done_to_one_that_spoke_again(journal: Journal):
    queue(journal)
    job = claim(journal, seconds=-1)
    journal.report(job, 60)
    assert not journal.requeue(job, "silent", lease_expired=True)
    assert not journal.mark_paused(job, lease_expired=True)
    assert not journal.finish(job, Status.FAILED, lease_expired=True)
    assert journal.get(job.id).status is Status.RUNNING
