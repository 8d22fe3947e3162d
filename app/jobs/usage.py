"""What jobs and sweeps use, models and uploads: asked in the transaction that decides."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, String, cast, literal, select, union_all

from app.errors import Conflict
from app.jobs.database import QUEUE, Database
from app.jobs.job import TERMINAL, Status
from app.jobs.tables import jobs, sweeps


@dataclass(frozen=True)
class Work:
    """A job or a sweep that has not ended."""

    kind: str
    id: str
    family: str

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


def check_family(connection: Connection, model: str, family: str) -> None:
    """Raise Conflict when a job or a sweep of another family is at work on this model."""
    for work in _at_work(connection, model):
        if work.family != family:
            raise Conflict(f"{model} is the model of {work}, which trains {work.family}: choose another name")


def unless_at_work(database: Database, model: str, do: Callable[[], None]) -> None:
    """Do something while no job and no sweep is at work on a model, nor can be queued; raises Conflict otherwise."""
    with database.begin(QUEUE) as connection:
        if work := _at_work(connection, model):
            raise Conflict(f"{work[0]} is at work on {model}: cancel it, or wait until it has ended")
        do()


def _at_work(connection: Connection, model: str) -> list[Work]:
    training = select(literal("job"), jobs.c.id, jobs.c.family).where(
        jobs.c.model == model, jobs.c.status.not_in(TERMINAL)
    )
    searching = select(literal("sweep"), sweeps.c.id, sweeps.c.family).where(
        sweeps.c.model == model, sweeps.c.status == Status.RUNNING
    )
    return [Work(*row) for row in connection.execute(union_all(training, searching))]


def unless_used(database: Database, name: str, do: Callable[[], None]) -> bool:
    """Do something unless a hyperparameter of a job or a sweep, ended ones included, names `name`; returns whether.

    Nothing is queued meanwhile.
    """
    columns = (jobs.c.hyperparameters, sweeps.c.hyperparameters, sweeps.c.space)
    uses = union_all(*(select(literal(1)).where(cast(column, String).contains(name)) for column in columns))
    with database.begin(QUEUE) as connection:
        used = connection.execute(uses.limit(1)).first() is not None
        if not used:
            do()
    return not used
