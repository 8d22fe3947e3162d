"""Leadership: of the processes on one journal, one looks after the jobs, as long as it keeps a lease."""

import os
import secrets
import socket
import time

from sqlalchemy import ColumnElement, func, or_, select, update

from app.jobs.database import Database
from app.jobs.tables import SUPERVISOR, DatabaseClock, leases

RENEWALS = 3  # in the time of a lease


class Leadership:
    """Whether this process leads. Its name says where it runs and tells it from all others."""

    def __init__(self, database: Database, seconds: float) -> None:
        self._database = database
        self._seconds = seconds
        self._until = self._renew = 0.0
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"

    @property
    def holds_lease(self) -> bool:
        """Whether the lease was kept and cannot have ended yet, by this machine's own count of the seconds."""
        return time.monotonic() < self._until

    def keep(self) -> bool:
        """Take the lead when nobody has it, renew it when that is due; returns whether it is held."""
        if self.holds_lease and time.monotonic() < self._renew:
            return True
        if not self.holds_lease and self.leader() not in (None, self.name):
            self._cut()
            return False
        begun = time.monotonic()  # before the database counts
        if self._taken():
            self._until, self._renew = begun + self._seconds, begun + self._seconds / RENEWALS
        else:
            self._until = 0.0
        return self.holds_lease

    def leader(self) -> str | None:
        """The name of the process that leads."""
        query = select(leases.c.holder).where(leases.c.name == SUPERVISOR, leases.c.until > DatabaseClock())
        with self._database.read() as connection:
            holder: str | None = connection.execute(query).scalar()
        return holder

    def resign(self) -> None:
        """Let the next one lead at once."""
        if self.holds_lease:
            self._until = 0.0
            with self._database.begin() as connection:
                connection.execute(update(leases).where(is_leader(self.name)).values(holder=None, until=None))

    def _cut(self) -> None:
        """A lease that ends later than its length allows was taken before the clock was set back: cut it to its length,
        so that who leads can renew it, and who is dead is followed.
        """
        whole = DatabaseClock(func.coalesce(leases.c.seconds, self._seconds))
        late = leases.c.name == SUPERVISOR, leases.c.until > whole
        with self._database.read() as connection:
            found = connection.execute(select(leases.c.name).where(*late)).first()
        if found:
            with self._database.begin() as connection:
                connection.execute(update(leases).where(*late).values(until=whole))

    def _taken(self) -> bool:
        free = or_(leases.c.holder.is_(None), leases.c.holder == self.name, leases.c.until < DatabaseClock())
        values = {"holder": self.name, "until": DatabaseClock(self._seconds), "seconds": self._seconds}
        with self._database.begin() as connection:
            found = connection.execute(update(leases).where(leases.c.name == SUPERVISOR, free).values(**values))
        return found.rowcount == 1


def is_leader(name: str) -> ColumnElement[bool]:
    """Whether this process leads, asked within a statement."""
    return (
        select(leases.c.name)
        .where(leases.c.name == SUPERVISOR, leases.c.holder == name, leases.c.until > DatabaseClock())
        .exists()
    )
