"""Leadership: one process leads, the others stand by; a dead one is replaced, and one that comes back does no harm."""

import time
from datetime import timedelta

from sqlalchemy import select, update

from app.jobs.job import Job, NewJob, Status
from app.jobs.journal import Journal
from app.jobs.leader_lease import Leadership
from app.jobs.supervisor import Supervisor, SupervisorRules
from app.jobs.tables import DatabaseClock, jobs, leases
from tests.fakes import FakeLauncher

RULES = SupervisorRules(
    max_trainers=2, max_attempts=2, lease_seconds=60, leader_lease_seconds=1.5, termination_grace_seconds=0.05
)


def queue(journal: Journal) -> Job:
    return journal.submit(NewJob(family="tiny", model="tiny", hyperparameters={}), 100)[0]


def supervisors(journal: Journal) -> tuple[Supervisor, FakeLauncher, Supervisor, FakeLauncher]:
    launchers = FakeLauncher(), FakeLauncher()
    first, second = (Supervisor(journal, launcher, RULES) for launcher in launchers)
    return first, launchers[0], second, launchers[1]


def test_one_leads_until_it_is_silent_and_then_another(journal: Journal):
    one, other = (Leadership(journal.database, 0.3) for _ in range(2))
    assert (one.leader(), one.keep(), other.keep()) == (None, True, False)
    assert one.leader() == other.leader() == one.name
    begun = time.monotonic()
    while not other.keep():
        assert time.monotonic() < begun + 10
        time.sleep(0.02)
    assert time.monotonic() > begun + 0.2
    assert (one.holds_lease, one.keep(), one.leader()) == (False, False, other.name)


def test_who_renews_keeps_the_lead(journal: Journal):
    one, other = (Leadership(journal.database, 1.5) for _ in range(2))
    until = time.monotonic() + 2.2
    while time.monotonic() < until:
        assert one.keep()
        assert not other.keep()
        time.sleep(0.05)


def test_who_resigns_is_followed_at_once(journal: Journal):
    one, other = (Leadership(journal.database, 60) for _ in range(2))
    assert one.keep()
    other.resign()
    assert not other.keep(), "there was nothing to resign from"
    one.resign()
    assert other.keep()


def test_only_the_leader_starts_trainers_and_its_heir_starts_none_twice(journal: Journal):
    first, launched, second, launched_later = supervisors(journal)
    job = queue(journal)
    first.step()
    second.step()
    assert ([one.id for one, _ in launched.launched], launched_later.launched) == ([job.id], [])
    time.sleep(RULES.leader_lease_seconds)  # the first is dead; its trainer is not
    following = queue(journal)
    second.step()
    assert [one.id for one, _ in launched_later.launched] == [following.id]
    assert {one.id for one in journal.running()} == {job.id, following.id}
    queue(journal)
    second.step()
    assert len(launched_later.launched) == 1, "those of the dead one count"


def test_a_leader_that_was_stopped_after_it_had_looked_claims_nothing(journal: Journal):
    first, launched, second, _ = supervisors(journal)
    first.step()
    time.sleep(RULES.leader_lease_seconds)
    second.step()
    queue(journal)
    first._start(None)  # as if it had been stopped just before
    assert launched.launched == []
    first.step()
    assert launched.launched == []


def test_who_stands_by_still_looks_after_the_trainers_it_started(journal: Journal):
    first, launched, second, _ = supervisors(journal)
    job = queue(journal)
    first.step()
    time.sleep(RULES.leader_lease_seconds)
    second.step()
    launched.launched[0][1].code = 1
    first.step()
    assert journal.get(job.id).status is Status.QUEUED
    second.step()
    assert (journal.get(job.id).status, journal.get(job.id).attempts) == (Status.RUNNING, 2)


def test_a_trainer_that_lost_its_job_is_ended_before_the_next_starts_here(journal: Journal):
    supervisor, launched, _, _ = supervisors(journal)
    queue(journal)
    supervisor.step()
    job, trainer = launched.launched[0]
    journal.requeue(job, "somebody else found it silent")
    supervisor.step()
    assert trainer.stops == [True]
    assert [one.attempts for one, _ in launched.launched] == [1, 2]


def test_closing_lets_the_next_lead_at_once(journal: Journal):
    first, _, second, launched = supervisors(journal)
    first.step()
    first.close()
    queue(journal)
    second.step()
    assert len(launched.launched) == 1


def set_back(journal: Journal, hours: float) -> None:
    """To whom all that is stored lies in the future, the clock was set back."""
    with journal.database.begin() as connection:
        for table, name, column in ((leases, leases.c.name, leases.c.until), (jobs, jobs.c.id, jobs.c.lease_until)):
            for row in connection.execute(select(name, column).where(column.is_not(None))).all():
                later = {column: row[1] + timedelta(hours=hours)}
                connection.execute(update(table).where(name == row[0]).values(later))


def test_after_a_crash_and_a_clock_set_back_somebody_leads_within_a_lease(journal: Journal):
    dead, heir = (Leadership(journal.database, seconds) for seconds in (0.5, 60))
    assert dead.keep()
    set_back(journal, 5)
    begun = time.monotonic()
    while not heir.keep():
        assert time.monotonic() < begun + 10
        time.sleep(0.02)
    assert time.monotonic() > begun + 0.3, "who led may still live, and gets the time to say so"
    assert heir.leader() == heir.name


def test_who_leads_goes_on_when_the_clock_is_set_back(journal: Journal):
    one, other = (Leadership(journal.database, 1.5) for _ in range(2))
    assert one.keep()
    set_back(journal, 5)
    until = time.monotonic() + 2.5
    while time.monotonic() < until:
        assert not other.keep()
        assert one.keep()
        time.sleep(0.05)


def test_a_lease_of_the_version_before_that_does_not_tell_its_length_is_not_believed_either(journal: Journal):
    with journal.database.begin() as connection:
        connection.execute(update(leases).values(holder="dead", until=DatabaseClock(5 * 3600)))
    heir = Leadership(journal.database, 0.3)
    begun = time.monotonic()
    while not heir.keep():
        assert time.monotonic() < begun + 10
        time.sleep(0.02)


def test_a_dead_trainers_job_is_found_when_the_clock_was_set_back(journal: Journal):
    queue(journal)
    dead = journal.claim(0.5)
    assert dead is not None
    set_back(journal, 5)
    assert journal.expired() == []
    time.sleep(0.6)
    assert [job.id for job in journal.expired()] == [dead.id]


def test_a_living_trainer_keeps_its_job_when_the_clock_is_set_back(journal: Journal):
    queue(journal)
    job = journal.claim(1.5)
    assert job is not None
    set_back(journal, 5)
    until = time.monotonic() + 2
    while time.monotonic() < until:
        assert journal.expired() == []
        journal.report(job, 1.5)
        time.sleep(0.1)
