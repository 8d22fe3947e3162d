"""The database behind the journal, SQLite or PostgreSQL: connecting, transactions, and all in which the two differ."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app import request_context
from app.disk import make_folder
from app.errors import InvalidRequest, Unavailable

HEAD = "0007"  # the newest migration; a test compares it with the folder
BUSY_SECONDS = 15  # how long a lock is waited for
IDLE_SECONDS = 5  # after which PostgreSQL ends a transaction whose process was stopped or cut off in the midst of it
CONNECT_SECONDS = 5
SILENT_MILLISECONDS = 10_000  # after which a server that acknowledges nothing is given up
SQLITE, POSTGRESQL = "sqlite", "postgresql+psycopg"
EXPECTED = "expected sqlite:///PATH or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"
QUEUE, MIGRATION = 0x466974_01, 0x466974_02  # names of PostgreSQL's advisory locks
NUMBER = "float"  # the only key of an object that stands for a number which JSON has no word for:
NON_FINITE = ("nan", "inf", "-inf")


class Database:
    """One database, its tables brought up to date when it is opened; at most `connections` at once."""

    def __init__(self, url: str, connections: int) -> None:
        self._url = url
        self._connections = connections
        self._engine: Engine | None = None

    def open(self) -> None:
        """Connect, and bring the tables up to date; raises InvalidRequest for the URL, Unavailable for the rest."""
        url = parsed(self._url)
        if url.drivername == SQLITE and url.database and "uri" not in url.query:
            _make_folder(Path(url.database))
        self._engine = _engine(url, self._connections)
        try:
            if self._revision() != HEAD:
                self._upgrade(url)
        except DBAPIError as fault:
            self.close()
            raise Unavailable(f"{_display_name(url)} cannot be the journal: {fault.orig}") from fault
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Disconnect."""
        if self._engine:
            self._engine.dispose()
            self._engine = None

    @contextmanager
    def begin(self, lock: int | None = None) -> Iterator[Connection]:
        """A transaction; with a lock, while no other process has one with the same. On SQLite there is one at a time.

        It is on the disk when this ends. Nothing is done for a request that was answered with an error meanwhile.

        Raises Unavailable, or TimedOut for such a request.
        """
        with _explained(), self._opened.begin() as connection:
            if lock is not None and connection.dialect.name != SQLITE:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
            yield connection
            request_context.commit()

    @contextmanager
    def begin_unsynced(self) -> Iterator[Connection]:
        """A transaction that SQLite does not wait for the disk with: where the power fails, the last of these may be
        undone, but for those before one of the others.
        """
        with _explained(), self._opened.execution_options(unsynced=True).begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for single statements that only read, so that no writer waits for them; raises Unavailable."""
        with _explained(), self._opened.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            yield connection

    # ---- inside

    def _revision(self) -> str | None:
        with self.read() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()

    def _upgrade(self, url: URL) -> None:
        """One process migrates; those that start beside it wait, and find nothing left to do."""
        from app.jobs.migrate import upgrade  # noqa: PLC0415  Alembic takes a third of a second to import

        if url.drivername == SQLITE and (revision := self._revision()):
            self._keep_copy(Path(f"{url.database}.{revision}"))
        with self.begin(MIGRATION) as connection:
            upgrade(connection)

    def _keep_copy(self, copy: Path) -> None:
        """A copy of an older SQLite journal beside it, named by its revision, before it is changed."""
        if not copy.exists():
            with self.read() as connection:
                connection.execute(text("VACUUM INTO :copy"), {"copy": str(copy)})

    @property
    def _opened(self) -> Engine:
        if self._engine is None:
            raise RuntimeError("the journal is not open")
        return self._engine


def parsed(url: str) -> URL:
    """The URL of a database that a journal can be on; raises InvalidRequest, and never tells the password."""
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):  # their messages hold the whole URL
        raise InvalidRequest(f"FITSERVE_JOURNAL is not a database URL: {EXPECTED}") from None
    if found.drivername in ("postgresql", "postgres"):
        found = found.set(drivername=POSTGRESQL)
    if found.drivername not in (SQLITE, POSTGRESQL):
        raise InvalidRequest(f"FITSERVE_JOURNAL cannot be on {found.drivername}: {EXPECTED}")
    return found


def _make_folder(path: Path) -> None:
    """The folder of an SQLite file; raises Unavailable where there cannot be one."""
    try:
        make_folder(path.parent)
    except OSError as fault:
        raise Unavailable(f"the journal cannot be in {path.parent}: {fault.strerror}") from fault
    if path.is_dir():
        raise Unavailable(f"the journal cannot be {path}: it is a folder, expected a file")


def _display_name(url: URL) -> str:
    return str(url.database) if url.drivername == SQLITE else url.render_as_string(hide_password=True)


def _engine(url: URL, connections: int) -> Engine:
    options: dict[str, Any] = {"json_serializer": _write_json, "json_deserializer": _read_json}
    if url.drivername == SQLITE:
        engine = create_engine(url, **options)
        _make_sqlite_transactional(engine)
    else:
        engine = _postgresql(url, connections, options)
    event.listen(engine, "handle_error", _explain)
    return engine


def _postgresql(url: URL, connections: int, options: dict[str, Any]) -> Engine:
    """A pool that tries a connection before it lends it, so that a restart of the server is not felt afterwards."""
    limits = {"connect_timeout": CONNECT_SECONDS, "tcp_user_timeout": SILENT_MILLISECONDS}
    try:
        engine = create_engine(
            url,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=BUSY_SECONDS,
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",
            connect_args={name: value for name, value in limits.items() if name not in url.query},
            **options,
        )
    except ImportError as fault:
        raise Unavailable(f"a journal on PostgreSQL needs psycopg: install fitserve[cluster] ({fault})") from fault

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.autocommit = True
        connection.execute(f"SET lock_timeout = '{BUSY_SECONDS}s'")
        connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'")
        connection.autocommit = False

    return engine


def _make_sqlite_transactional(engine: Engine) -> None:
    """WAL, and transactions that take the write lock when they begin, so that none fails half-way with 'locked'."""

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late
        for pragma in ("journal_mode=WAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if options.get('unsynced') else 'FULL'}")
            connection.exec_driver_sql("BEGIN IMMEDIATE")


def _explain(context: ExceptionContext) -> None:
    """A database that is locked, read-only, full, damaged or away is no fault of the program."""
    fault = context.sqlalchemy_exception
    if type(fault) is DatabaseError:  # SQLite's, of a file that is none
        path = context.engine and context.engine.url.database
        raise Unavailable(
            f"the journal {path} is damaged or not a journal: {context.original_exception}; put a copy in its place, "
            "or move it away, and the next start begins a new one"
        )
    away = isinstance(fault, (OperationalError, InterfaceError, InternalError))
    if away and not context.is_pre_ping:  # a connection that did not answer is replaced by another
        raise Unavailable(f"the journal does not work now: {context.original_exception}")


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except PoolTimeout:
        raise Unavailable("the journal does not work now: all of this process's connections are in use") from None


def _write_json(value: Any) -> str:
    """As JSON; PostgreSQL insists on it, and JSON has no word for what a training gone astray counts."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(_encode_non_finite(value))


def _encode_non_finite(value: Any) -> Any:
    """Numbers that JSON lacks as objects: as texts they would be taken for texts, or these for numbers."""
    match value:
        case float() if not math.isfinite(value):
            return {NUMBER: str(value)}
        case dict():
            return {name: _encode_non_finite(one) for name, one in value.items()}
        case list() | tuple():
            return [_encode_non_finite(one) for one in value]
    return value


def _read_json(content: str | bytes) -> Any:
    return json.loads(content, object_hook=_number)


def _number(value: dict[str, Any]) -> Any:
    return float(value[NUMBER]) if value.keys() == {NUMBER} and value[NUMBER] in NON_FINITE else value
