"""Which old versions go, where only so many are kept: none that a job or a sweep still needs."""

from sqlalchemy import or_, select

from app.jobs.database import Database
from app.jobs.job import TERMINAL, Status
from app.jobs.tables import jobs, sweeps
from app.store.model_store import ModelStore


def prune(store: ModelStore, database: Database, model: str, keep_versions: int) -> list[int]:
    """Delete all versions of a model but the newest `keep_versions`, those that an alias or a split names, those of
    jobs and sweeps that have not ended, and the best of each sweep; returns what went.
    """
    return store.prune(model, keep_versions, lambda: _needed(store, database, model))


def _needed(store: ModelStore, database: Database, model: str) -> set[int]:
    """The versions that jobs under way may still promote, that sweeps under way choose from, and that sweeps chose."""
    going_on = select(sweeps.c.id).where(sweeps.c.status == Status.RUNNING)
    unended = select(jobs.c.id).where(
        jobs.c.model == model, or_(jobs.c.status.not_in(TERMINAL), jobs.c.sweep.in_(going_on))
    )
    ended = select(sweeps.c.result).where(sweeps.c.model == model, sweeps.c.result.is_not(None))
    with database.read() as connection:
        needing = set(connection.execute(unended).scalars())
        best = {result["version"] for result in connection.execute(ended).scalars() if result}  # after the jobs
    return best | {card.version for card in store.versions(model) if card.job in needing}
