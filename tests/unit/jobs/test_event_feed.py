"""The feed: every event once and in order, however many watch and whenever they come."""

import asyncio
from collections.abc import Sequence

import pytest

from app.errors import NotFound
from app.jobs.event_feed import EventFeed
from app.jobs.job import Event, Job, NewJob, Status
from app.jobs.journal import Journal
from app.jobs.tables import running, update_job
from tests.postgresql import PostgreSQL

pytestmark = pytest.mark.anyio


def claimed(journal: Journal) -> Job:
    journal.submit(NewJob(family="tiny", model="tiny", hyperparameters={}), 9)
    job = journal.claim(60)
    assert job is not None
    return job


async def watched(feed: EventFeed, job: Job, after: int = 0) -> list[int]:
    return [event.id async for event in feed.follow(job.id, after)]


async def work(journal: Journal, job: Job, steps: int = 5) -> None:
    for number in range(steps):
        await asyncio.to_thread(journal.report, job, 60, "progress", progress=number / steps)
        await asyncio.sleep(0.01)
    await asyncio.to_thread(journal.finish, job, Status.SUCCEEDED)


async def test_watchers_see_all_events_of_their_job_to_its_end(journal: Journal):
    job, other = claimed(journal), claimed(journal)
    feed = EventFeed(journal, 0.01)
    async with asyncio.timeout(20):
        watchers = [asyncio.create_task(watched(feed, job)) for _ in range(20)]
        await asyncio.gather(work(journal, job), work(journal, other))
        seen = await asyncio.gather(*watchers)
    expected = [event.id for event in journal.events(job.id)]
    assert len(expected) == 8
    assert seen == [expected] * 20


class Counting(Journal):
    """Counts how often events are read."""

    reads = 0

    def events(self, job: str, after: int = 0, limit: int = 1000, kinds: Sequence[str] = ()) -> Sequence[Event]:
        self.reads += 1
        return super().events(job, after, limit, kinds)


async def test_those_who_are_equally_far_read_what_is_new_together(journal_url: str):
    journal = Counting(journal_url)
    journal.open()
    job = claimed(journal)
    feed = EventFeed(journal, 0.01)
    async with asyncio.timeout(20):
        watchers = [asyncio.create_task(watched(feed, job)) for _ in range(50)]
        await work(journal, job)
        await asyncio.gather(*watchers)
    assert journal.reads < 50
    journal.close()


async def test_who_comes_back_gets_what_is_new(journal: Journal):
    job = claimed(journal)
    feed = EventFeed(journal, 0.01)
    await work(journal, job)
    all_layers = await watched(feed, job)
    assert await watched(feed, job, after=all_layers[3]) == all_layers[4:]
    assert await watched(feed, job, after=all_layers[-1]) == []


async def test_an_unknown_job_cannot_be_watched(journal: Journal):
    with pytest.raises(NotFound):
        await watched(EventFeed(journal, 0.01), claimed(journal).model_copy(update={"id": "nope"}))


async def test_an_event_that_was_written_early_and_is_seen_late_reaches_its_watchers(postgresql: PostgreSQL):
    """PostgreSQL numbers events when they are written, and shows them when their transactions end."""
    with postgresql.database() as url:
        journal = Journal(url).open()
        job, other = claimed(journal), claimed(journal)
        feed = EventFeed(journal, 0.01)
        async with asyncio.timeout(20):
            following = feed.follow(job.id)
            assert [(await anext(following)).kind for _ in range(2)] == ["queued", "started"]
            coming = asyncio.ensure_future(anext(following))
            with journal.database.begin() as connection:
                update_job(connection, job.id, running(job.id), "log", {"text": "early"}, progress=0.1)
                journal.report(other, 60, "log", text="a greater number")
                await asyncio.sleep(0.1)
                assert not coming.done()
            assert (await coming).data == {"text": "early"}
            coming = asyncio.ensure_future(anext(following))
            await asyncio.sleep(0.1)
            coming.cancel()
            assert feed._look
            await feed._look  # it reads in a thread, and the journal is closed next
        journal.close()


async def test_a_watcher_with_a_number_from_nowhere_still_sees_the_end(journal: Journal):
    job = claimed(journal)
    async with asyncio.timeout(20):
        watching = asyncio.create_task(watched(EventFeed(journal, 0.01), job, after=10**6))
        await asyncio.sleep(0.1)
        await work(journal, job)
        assert await watching == []


async def test_watchers_outlast_a_journal_that_is_away(postgresql: PostgreSQL):
    with postgresql.database() as url:
        journal = Journal(url).open()
        job = claimed(journal)
        async with asyncio.timeout(40):
            watching = asyncio.create_task(watched(EventFeed(journal, 0.01), job))
            await asyncio.sleep(0.2)
            postgresql.stop()
            try:
                await asyncio.sleep(0.1)
            finally:
                postgresql.start()
            await work(journal, job)
            assert len(await watching) == 8
        journal.close()


async def test_the_journal_is_left_alone_when_nobody_waits(journal: Journal):
    job = claimed(journal)
    feed = EventFeed(journal, 0.01)
    async with asyncio.timeout(20):
        following = feed.follow(job.id)
        assert (await anext(following)).kind == "queued"
        assert (await anext(following)).kind == "started"
        waiting = asyncio.ensure_future(anext(following))
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.sleep(0.05)
        look = feed._look
        await asyncio.sleep(0.05)
    assert feed._look is look, "the last look has ended and no other follows"
