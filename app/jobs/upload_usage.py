"""What jobs and sweeps use: asked, and acted upon, while nobody queues anything."""

from collections.abc import Callable

from sqlalchemy import String, cast, literal, select, union_all

from app.jobs.database import QUEUE, Database
from app.jobs.tables import jobs, sweeps


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
