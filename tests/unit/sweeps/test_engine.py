"""Sweeps: trial by trial to the best, whatever is killed between any two steps."""

import math
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from app.datasets.datasets import Datasets
from app.errors import Busy, InvalidRequest, MissingData
from app.jobs.database import Database
from app.jobs.job import ControlRequest, Job, NewJob, Status
from app.jobs.journal import Journal
from app.jobs.sweeps import Sweep
from app.settings import STARTERS
from app.store.model_store import ModelStore
from app.store.version import read_card
from app.sweeps.engine import Sweeper
from app.sweeps.submission import SweepRequest, submit_sweep
from app.sweeps.trials import Trial, best_of, jobs_of, table

RATE = {"learning_rate": {"low": 0.0001, "high": 1, "log": True}}
BEST_RATE = 0.01


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    seeded = ModelStore(tmp_path / "store")
    seeded.seed(STARTERS)
    return seeded


def sweeper(
    journal: Journal, store: ModelStore, *, at_once: int = 1, keep_versions: int = 0, max_queued: int = 9
) -> Sweeper:
    datasets = Datasets(None, offline=True, uploads=store.corpora)
    return Sweeper(
        journal,
        store,
        datasets,
        at_once=at_once,
        max_queued=max_queued,
        max_models=1,
        keep_versions=keep_versions,
    )


def begin(sweeping: Sweeper, key: str | None = None, **wishes: Any) -> Sweep:
    asked = {"family": "digit", "space": RATE, "trials": 4, "hyperparameters": {"dataset": "sample"}, **wishes}
    return submit_sweep(
        SweepRequest.model_validate(asked),
        sweeps=sweeping.sweeps,
        store=sweeping._store,
        datasets=sweeping._datasets,
        max_models=1,
        max_trials=50,
        max_running=2,
        idempotency_key=key,
    )


def accuracy(job: Job, epoch: int = 3) -> float:
    """The nearer to the best rate, the better; and better with each epoch."""
    return 1 - abs(math.log10(job.hyperparameters["learning_rate"] / BEST_RATE)) / 4 - 0.1 / epoch


def train(journal: Journal, store: ModelStore, result: Callable[[Job], float] = accuracy) -> Job | None:
    """What a trainer does with the next job, if there is one; returns the job as it is then."""
    job = journal.claim(60)
    if job is None:
        return None
    for epoch in (1, 2, 3):
        figures = {"val_accuracy": accuracy(job, epoch), "val_loss": 1.0}
        if journal.report(job, 60, "epoch", phase="train", epoch=epoch, **figures, metrics=figures):
            journal.finish(job, Status.CANCELLED)
            return journal.get(job.id)
    metrics = {"test_accuracy": result(job)}
    card = read_card(STARTERS / "digit" / "1").model_copy(update={"job": job.id, "metrics": metrics})
    staged = store.stage(job.id)
    shutil.copytree(STARTERS / "digit" / "1", staged, dirs_exist_ok=True)
    version = store.publish(staged, "digit", lambda number: card.model_copy(update={"version": number})).version
    journal.finish(job, Status.SUCCEEDED, result={"model": "digit", "version": version, "promoted": False})
    return journal.get(job.id)


def carry_to_its_end(sweeping: Sweeper, journal: Journal, store: ModelStore, sweep: Sweep) -> Sweep:
    for _ in range(100):
        sweeping.step()
        train(journal, store)
        sweep = sweeping.sweeps.get(sweep.id)
        if sweep.status.terminal:
            return sweep
    raise AssertionError("the sweep does not end")


def trials(journal: Journal, sweep: Sweep) -> list[Trial]:
    return table(sweep, jobs_of(sweep, journal), journal)


def test_a_sweep_tries_one_after_another_and_promotes_the_best(journal: Journal, store: ModelStore):
    sweeping = sweeper(journal, store)
    ended = carry_to_its_end(sweeping, journal, store, begin(sweeping, promote="always"))
    found = trials(journal, ended)
    assert [trial.trial for trial in found] == [1, 2, 3, 4]
    assert {trial.status for trial in found} == {Status.SUCCEEDED}
    best = max(found, key=lambda trial: trial.value or 0)
    assert best_of(ended, found) == best
    assert ended.result is not None
    assert (ended.status, ended.ended) == (Status.SUCCEEDED, 4)
    assert (ended.result["trial"], ended.result["version"], ended.result["promoted"]) == (
        best.trial,
        best.version,
        True,
    )
    assert store.aliases("digit")["live"] == best.version
    assert {job.promote for job in jobs_of(ended, journal)} == {"never"}


def test_the_best_is_promoted_only_if_it_is_better(journal: Journal, store: ModelStore):
    sweeping = sweeper(journal, store)
    ended = carry_to_its_end(sweeping, journal, store, begin(sweeping, trials=1))
    assert ended.result is not None
    assert not ended.result["promoted"]
    assert "is no better than 0.9968 of version 1" in ended.result["reason"]
    assert store.aliases("digit")["live"] == 1


def test_as_many_trials_as_trainers_are_under_way_at_once(journal: Journal, store: ModelStore):
    sweeping = sweeper(journal, store, at_once=3)
    sweep = begin(sweeping)
    sweeping.step()
    sweeping.step()
    assert journal.counts()[Status.QUEUED] == 3
    chosen = [trial.hyperparameters["learning_rate"] for trial in trials(journal, sweep)]
    assert len(set(chosen)) == 3
    assert carry_to_its_end(sweeping, journal, store, sweep).status is Status.SUCCEEDED


def test_the_same_seed_tries_the_same_and_another_does_not(journal: Journal, store: ModelStore):
    sweeping = sweeper(journal, store)
    tried = []
    for seed in (1, 1, 2):
        ended = carry_to_its_end(sweeping, journal, store, begin(sweeping, seed=seed))
        tried.append([trial.hyperparameters for trial in trials(journal, ended)])
    assert tried[0] == tried[1] != tried[2]


def test_a_trial_that_is_worse_than_the_median_is_stopped_early(journal: Journal, store: ModelStore):
    sweeping = sweeper(journal, store)
    sweep = begin(sweeping, trials=5)
    for _ in range(3):
        sweeping.step()
        assert train(journal, store) is not None
    sweeping.step()
    job = journal.claim(60)
    assert job is not None
    journal.report(job, 60, "epoch", phase="train", epoch=1, val_accuracy=0.05, val_loss=9.0)
    sweeping.step()
    sweeping.step()
    assert journal.report(job, 60) is ControlRequest.CANCEL
    assert [event.kind for event in journal.events(job.id)].count("stopped") == 1
    journal.finish(job, Status.CANCELLED)
    ended = carry_to_its_end(sweeping, journal, store, sweep)
    stopped = trials(journal, ended)[3]
    assert (stopped.status, stopped.epochs, stopped.version) == (Status.CANCELLED, 1, None)
    assert stopped.reason == "worse than the median of the others was by then"


def test_without_that_wish_none_is_stopped(journal: Journal, store: ModelStore):
    sweeping = sweeper(journal, store)
    begin(sweeping, trials=5, stop_bad=False)
    for _ in range(3):
        sweeping.step()
        train(journal, store)
    sweeping.step()
    job = journal.claim(60)
    assert job is not None
    journal.report(job, 60, "epoch", phase="train", epoch=1, val_accuracy=0.05, val_loss=9.0)
    sweeping.step()
    assert journal.report(job, 60) is None


def test_a_trial_gone_astray_or_failed_counts_and_ends_nothing(journal: Journal, store: ModelStore):
    sweeping = sweeper(journal, store)
    sweep = begin(sweeping, trials=3)
    sweeping.step()
    job = journal.claim(60)
    assert job is not None
    journal.report(job, 60, "epoch", phase="train", epoch=1, val_accuracy=math.nan, val_loss=math.nan)
    journal.finish(job, Status.SUCCEEDED, result={"version": 1, "promoted": False})
    sweeping.step()
    job = journal.claim(60)
    assert job is not None
    journal.finish(job, Status.FAILED, error="it broke\nand how")
    ended = carry_to_its_end(sweeping, journal, store, sweep)
    first, second, third = trials(journal, ended)
    assert (first.value, second.reason) == (None, "it broke")
    assert ended.result is not None
    assert ended.result["trial"] == third.trial


def test_a_sweep_whose_trials_all_fail_says_why(journal: Journal, store: ModelStore):
    sweeping = sweeper(journal, store)
    sweep = begin(sweeping, trials=2)
    for _ in range(2):
        sweeping.step()
        job = journal.claim(60)
        assert job is not None
        journal.finish(job, Status.FAILED, error="it broke")
    sweeping.step()
    ended = sweeping.sweeps.get(sweep.id)
    assert (ended.status, ended.error) == (Status.FAILED, "no trial ended with a version; the last said: it broke")


def test_a_cancelled_sweep_ends_its_trials_and_keeps_what_was_found(journal: Journal, store: ModelStore):
    sweeping = sweeper(journal, store)
    sweep = begin(sweeping)
    sweeping.step()
    train(journal, store)
    sweeping.step()
    running = journal.claim(60)
    assert running is not None
    assert sweeping.sweeps.cancel(sweep.id).control_request is ControlRequest.CANCEL
    sweeping.step()
    assert journal.report(running, 60) is ControlRequest.CANCEL
    assert sweeping.sweeps.get(sweep.id).status is Status.RUNNING
    journal.finish(running, Status.CANCELLED)
    sweeping.step()
    ended = sweeping.sweeps.get(sweep.id)
    assert (ended.status, ended.control_request) == (Status.CANCELLED, None)
    assert ended.result is not None
    assert ended.result["trial"] == 1
    assert sweeping.sweeps.cancel(sweep.id) == ended
    assert len(jobs_of(ended, journal)) == 2


def test_a_full_queue_holds_a_sweep_up_and_does_no_harm(journal: Journal, store: ModelStore):
    sweeping = sweeper(journal, store, max_queued=1)
    other, _ = journal.submit(NewJob(family="digit", model="digit", hyperparameters={}), 9)
    sweep = begin(sweeping)
    sweeping.step()
    assert jobs_of(sweep, journal) == []
    journal.cancel(other.id)
    assert carry_to_its_end(sweeping, journal, store, sweep).status is Status.SUCCEEDED


def test_data_that_went_away_ends_a_sweep_with_the_reason(journal: Journal, store: ModelStore, tmp_path: Path):
    (tmp_path / "mine.txt").write_text("one line\nand another\n" * 20)
    datasets = Datasets(tmp_path, offline=True, uploads=store.corpora)
    sweeping = Sweeper(journal, store, datasets, at_once=1, max_queued=9, max_models=1, keep_versions=0)
    space = {"units": {"choices": [16, 32]}}
    sweep = begin(sweeping, family="text", space=space, hyperparameters={"corpus": "mine"})
    assert (sweep.metric, sweep.model) == ("val_loss", "lstm")
    (tmp_path / "mine.txt").unlink()
    sweeping.step()
    ended = sweeping.sweeps.get(sweep.id)
    assert ended.status is Status.FAILED
    assert "mine.txt" in (ended.error or "")


def test_a_text_that_came_along_is_kept_for_every_trial(journal: Journal, store: ModelStore):
    sweeping = sweeper(journal, store)
    fixed = {"text": "나는 오늘 산책을 했다\n너는 어제 책을 읽었다", "cell": "gru"}
    sweep = begin(sweeping, family="text", space={"units": {"choices": [16, 32]}}, hyperparameters=fixed)
    assert sweep.model == "gru"
    assert sweep.hyperparameters["corpus"].startswith("given-")
    sweeping.step()
    assert jobs_of(sweep, journal)[0].hyperparameters["corpus"] == sweep.hyperparameters["corpus"]


UNITS = {"units": {"choices": [8]}}
CELLS = {"cell": {"choices": ["gru", "lstm"]}}


@pytest.mark.parametrize(
    ("wishes", "why"),
    [
        ({"family": "nope"}, "there is no family 'nope'"),
        ({"trials": 51}, "at most 50 trials"),
        ({"family": "text", "space": UNITS, "hyperparameters": {}, "metric": "val_accuracy"}, "is val_loss"),
        ({"family": "text", "space": CELLS, "hyperparameters": {}}, "of gru, lstm"),
        ({"family": "text", "space": UNITS, "hyperparameters": {"cell": "all"}}, "of gru, lstm, rnn"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused(journal: Journal, store: ModelStore, wishes: dict[str, Any], why: str):
    with pytest.raises(InvalidRequest) as refused:
        begin(sweeper(journal, store), **wishes)
    assert why in str(refused.value.details[0]["msg"])


def test_missing_data_is_said_before_a_sweep_begins(journal: Journal, store: ModelStore):
    with pytest.raises(MissingData, match=r"mnist\.npz"):
        begin(sweeper(journal, store), space={"dataset": {"choices": ["sample", "mnist"]}}, hyperparameters={})


def test_the_same_key_begins_one_sweep_and_too_many_are_refused(journal: Journal, store: ModelStore):
    sweeping = sweeper(journal, store)
    assert begin(sweeping, "k").id == begin(sweeping, "k").id
    begin(sweeping)
    with pytest.raises(Busy, match="2 sweeps are already running"):
        begin(sweeping)


def test_versions_are_thinned_when_the_sweep_is_over_and_the_best_is_live(journal: Journal, store: ModelStore):
    sweeping = sweeper(journal, store, keep_versions=1)
    ended = carry_to_its_end(sweeping, journal, store, begin(sweeping, promote="always"))
    assert ended.result is not None
    assert set(store.numbers("digit")) == {1, ended.result["version"], 5}


class Killed(BaseException):
    """Nothing catches it, as nothing hears of a kill."""


class Killer:
    """Within it, the transaction with which `left` comes to 0 is the last: it is undone, or nothing follows it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
        self.left = 0
        self._near = False
        real = Database.begin

        @contextmanager
        def begin(database: Database, lock: int | None = None) -> Iterator[Connection]:
            self.left -= self._near
            ends = self._near and self.left == 0
            with real(database, lock) as connection:
                yield connection
                if ends and moment == "before":
                    raise Killed
            if ends and moment == "after":
                raise Killed

        monkeypatch.setattr(Database, "begin", begin)

    def __enter__(self) -> None:
        self._near = True

    def __exit__(self, *_: object) -> None:
        self._near = False


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_between_any_two_steps_loses_nothing_and_does_nothing_twice(
    journal: Journal, store: ModelStore, monkeypatch: pytest.MonkeyPatch, moment: str
):
    killer = Killer(monkeypatch, moment)
    for number in range(1, 20):
        killer.left = number
        living = sweeper(journal, store)
        sweep = begin(living, trials=3, promote="always")
        while not sweep.status.terminal:
            try:
                with killer:
                    living.step()
            except Killed:
                living = sweeper(journal, store)
            train(journal, store)
            sweep = living.sweeps.get(sweep.id)
        assert sweep.status is Status.SUCCEEDED, sweep
        assert [job.trial for job in jobs_of(sweep, journal)] == [1, 2, 3]
        assert sweep.result is not None
        assert store.aliases("digit")["live"] == sweep.result["version"]
        if killer.left > 0:
            break
    assert number > 4, "three trials and the end"


def test_two_sweepers_at_once_begin_each_trial_once(journal: Journal, store: ModelStore):
    one, other = sweeper(journal, store), sweeper(journal, store)
    sweep = begin(one)
    for _ in range(10):
        for sweeping in (one, other):
            sweeping.advance(sweep)
        train(journal, store)
        sweep = one.sweeps.get(sweep.id)
    assert [job.trial for job in jobs_of(sweep, journal)] == [1, 2, 3, 4]
    assert sweep.status is Status.SUCCEEDED
