"""Bring a journal's tables to the shape that this version of Fitserve works with."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from app.errors import Unavailable

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Apply every migration up to a revision that the database has not seen, inside the caller's transaction.

    Raises Unavailable for a journal that only a newer version of Fitserve understands.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as fault:
        raise Unavailable(
            f"the journal was written by a newer version of Fitserve, upgrade this installation: {fault}"
        ) from fault
