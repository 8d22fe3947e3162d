"""The sweeper: carries sweeps on, trial by trial. All that it knows is in the journal, so a kill loses nothing."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from app.datasets.datasets import Datasets
from app.errors import Busy, FitserveError, Unavailable
from app.families.catalog import family_named
from app.jobs.job import ControlRequest, Status
from app.jobs.journal import Journal
from app.jobs.sweeps import Sweep, Sweeps
from app.logging import log
from app.store.model_store import ModelStore
from app.submission.training import submit
from app.sweeps.search_space import SPACE
from app.sweeps.trials import Trial, best_of, jobs_of, table
from app.versions.promotion import promote
from app.versions.retention import prune


class Sweeper:
    """Asks the engine what to try, queues it as a job, stops what is hopeless, and concludes.

    Any step may be done twice, or by two processes at once: a trial has its number as idempotency key.
    """

    def __init__(
        self,
        journal: Journal,
        store: ModelStore,
        datasets: Datasets,
        *,
        at_once: int,
        max_queued: int,
        max_models: int,
        keep_versions: int,
    ) -> None:
        self.sweeps = Sweeps(journal)
        self._journal = journal
        self._store = store
        self._datasets = datasets
        self._at_once = at_once
        self._max_queued = max_queued
        self._max_models = max_models
        self._keep_versions = keep_versions
        self._seen: dict[str, Any] = {}  # how a sweep stood when there was last something to do

    async def run(self, is_leader: Callable[[], bool], seconds: float) -> None:
        """Carry all sweeps on while this process leads, until cancelled."""
        while True:
            await asyncio.sleep(seconds)
            if is_leader():
                try:
                    await asyncio.to_thread(self.step)
                except Unavailable as fault:
                    log.error("no sweep can be carried on: %s; trying again", fault)
                except Exception:
                    log.exception("a sweep's step failed; trying again")

    def step(self) -> None:
        """Look once at every sweep."""
        running = self.sweeps.running()
        self._seen = {sweep.id: self._seen.get(sweep.id) for sweep in running}
        for sweep in running:
            self.advance(sweep)

    def advance(self, sweep: Sweep) -> None:
        """Do what is to be done for one sweep now, if anything has happened."""
        jobs = jobs_of(sweep, self._journal)
        state = sweep, [(job.id, job.status, job.control_request, job.phase, job.epoch) for job in jobs]
        if state == self._seen.get(sweep.id):
            return
        trials = table(sweep, jobs, self._journal)
        try:
            self._carry_on(sweep, trials)
        except (Unavailable, Busy):
            return  # nothing is lost: it is tried again
        except FitserveError as fault:
            self._cancel(trials, "the sweep failed")
            self.sweeps.finish(sweep.id, Status.FAILED, error=str(fault))
        self._seen[sweep.id] = state

    # ---- inside

    def _carry_on(self, sweep: Sweep, trials: list[Trial]) -> None:
        under_way = [trial for trial in trials if not trial.status.terminal]
        if sweep.control_request is ControlRequest.CANCEL:
            self._cancel(under_way, "the sweep was cancelled")
            if not under_way:
                best = best_of(sweep, trials)
                self.sweeps.finish(sweep.id, Status.CANCELLED, result=_best_trial_result(sweep, best) if best else None)
                self._prune(sweep)
            return
        if len(trials) == sweep.trials and not under_way:
            self._conclude(sweep, trials)
            return
        from app.sweeps import study  # noqa: PLC0415  Optuna, only where a sweep runs

        space = SPACE.validate_python(sweep.space)
        if sweep.stop_bad:
            self._cancel(study.should_prune(sweep, space, trials), "worse than the median of the others was by then")
        while len(trials) < sweep.trials and len(under_way) < self._at_once:
            trial = self._begin(sweep, len(trials) + 1, study.suggest(sweep, space, trials))
            trials.append(trial)
            under_way.append(trial)

    def _begin(self, sweep: Sweep, number: int, chosen: dict[str, Any]) -> Trial:
        (job,) = submit(
            family_named(sweep.family),
            sweep.hyperparameters | chosen,
            "never",
            sweep.priority,
            model=sweep.model,
            store=self._store,
            journal=self._journal,
            datasets=self._datasets,
            max_queued=self._max_queued,
            max_models=self._max_models,
            idempotency_key=f"\n{sweep.id}\n{number}",  # no client's: a header holds no line's end
            trial=(sweep.id, number),
        )
        log.info("sweep %s: trial %d of %d is job %s", sweep.id, number, sweep.trials, job.id)
        return Trial(trial=number, job=job.id, status=job.status, hyperparameters=chosen)

    def _cancel(self, trials: Sequence[Trial], reason: str) -> None:
        for trial in trials:
            if not trial.status.terminal and trial.control_request != ControlRequest.CANCEL:
                self._journal.cancel(trial.job, reason)

    def _conclude(self, sweep: Sweep, trials: Sequence[Trial]) -> None:
        """Promote the best if it should be; then nothing more is to be done."""
        best = best_of(sweep, trials)
        if best is None or best.version is None:
            reasons = [
                trial.reason for trial in trials if trial.reason and (trial.diverged or trial.status is Status.FAILED)
            ]
            what = (
                "all that ended diverged"
                if any(trial.diverged for trial in trials)
                else "no trial ended with a version"
            )
            why = f"{what}; the last said: {reasons[-1]}" if reasons else "no trial succeeded"
            self.sweeps.finish(sweep.id, Status.FAILED, error=why)
            return
        try:
            own = sweep.model not in family_named(sweep.family).built_in_models
            card = self._store.card(sweep.model, best.version)
            promoted, reason = promote(self._store, card, sweep.promote, own=own)
        except Unavailable:
            raise  # it is tried again
        except FitserveError as fault:  # somebody deleted it
            promoted, reason = False, str(fault)
        result = {**_best_trial_result(sweep, best), "promoted": promoted, "reason": reason}
        self.sweeps.finish(sweep.id, Status.SUCCEEDED, result=result)
        self._prune(sweep)

    def _prune(self, sweep: Sweep) -> None:
        """Delete the versions of its trials that are too many, now that it is known which is the best."""
        if self._keep_versions:
            prune(self._store, self._journal.database, sweep.model, self._keep_versions)


def _best_trial_result(sweep: Sweep, best: Trial) -> dict[str, Any]:
    """The best trial, as a sweep's result."""
    return {"model": sweep.model, **best.model_dump(include={"trial", "job", "version", "value", "hyperparameters"})}
