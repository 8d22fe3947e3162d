"""The database of a journal: what is refused, who migrates, and what PostgreSQL does while its server is away."""

import builtins
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from app.errors import InvalidRequest, Unavailable
from app.jobs.database import parsed
from app.jobs.job import ControlRequest, Job, NewJob
from app.jobs.journal import Journal
from app.jobs.migrate import upgrade
from app.jobs.tables import running, update_job
from tests.postgresql import PostgreSQL

NEW = NewJob(family="tiny", model="tiny", hyperparameters={})


@pytest.fixture
def on_postgresql(postgresql: PostgreSQL) -> Iterator[Journal]:
    with postgresql.database() as url:
        opened = Journal(url).open()
        yield opened
        opened.close()


def claimed(journal: Journal) -> Job:
    journal.submit(NEW, 9)
    job = journal.claim(60)
    assert job is not None
    return job


@pytest.mark.parametrize(
    "url",
    [
        "nonsense:secret",
        "postgresql+psycopg://me:secret@host:port/db",
        "mysql://me:secret@host/db",
        "postgresql+asyncpg://me:secret@host/db",
    ],
)
def test_a_url_that_cannot_be_one_is_refused_without_its_password(url: str):
    with pytest.raises(InvalidRequest, match="FITSERVE_JOURNAL") as refused:
        Journal(url).open()
    assert "secret" not in f"{refused.value!r}{refused.value.__cause__!r}"


@pytest.mark.parametrize("name", ["postgres", "postgresql", "postgresql+psycopg"])
def test_the_usual_names_of_postgresql_mean_the_same(name: str):
    assert parsed(f"{name}://me@host/db").drivername == "postgresql+psycopg"


def test_without_psycopg_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch):
    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.partition(".")[0] == "psycopg":
            raise ImportError("no psycopg here")
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(Unavailable, match=r"install fitserve\[cluster\].*no psycopg here"):
        Journal("postgresql+psycopg://me:secret@127.0.0.1:1/db").open()


def test_a_server_that_is_not_there_is_named_without_the_password():
    pytest.importorskip("psycopg")
    with pytest.raises(Unavailable, match="refused") as away:
        Journal("postgresql+psycopg://me:secret@127.0.0.1:1/db").open()
    assert "secret" not in str(away.value)


def test_a_file_that_cannot_be_had_is_named(tmp_path: Path):
    with pytest.raises(Unavailable, match="unable to open database file"):
        Journal(f"sqlite:///file:{tmp_path}/none.db?mode=ro&uri=true").open()


GARBAGE = {
    "a text": b"this is no database\n" * 300,
    "zeros": bytes(10_000),
    "a cut off head": b"SQLite format 3\0" + bytes(20),
    "a spoiled page": b"SQLite format 3\0" + b"\xff" * 8000,
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE)
def test_a_file_that_is_no_journal_is_named_with_what_to_do_and_left_as_it_is(tmp_path: Path, content: bytes):
    path = tmp_path / "journal.db"
    path.write_bytes(content)
    with pytest.raises(Unavailable) as refused:
        Journal(f"sqlite:///{path}").open()
    assert str(path) in str(refused.value)
    assert "move it away" in str(refused.value)
    assert path.read_bytes() == content


def test_a_database_of_something_else_is_no_journal(tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "journal.db")) as other:
        other.execute("CREATE TABLE jobs (title)")
        other.commit()
    with pytest.raises(Unavailable, match="table jobs already exists"):
        Journal(f"sqlite:///{tmp_path}/journal.db").open()


def test_a_journal_that_is_a_folder_or_below_a_file_is_said_to_be(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="it is a folder"):
        Journal(f"sqlite:///{tmp_path}/folder").open()
    with pytest.raises(Unavailable, match=r"cannot be in .*/file"):
        Journal(f"sqlite:///{tmp_path}/file/journal.db").open()


def test_a_journal_that_is_spoiled_behind_its_first_page_is_said_to_be(tmp_path: Path):
    journal = Journal(f"sqlite:///{tmp_path}/journal.db").open()
    claimed(journal)
    journal.close()
    path = tmp_path / "journal.db"
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * (path.stat().st_size - 4096))
    with pytest.raises(Unavailable, match="malformed"):
        Journal(f"sqlite:///{path}").open().latest()


def test_a_locked_journal_is_said_to_be_at_a_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.jobs.database.BUSY_SECONDS", 0)
    with closing(sqlite3.connect(tmp_path / "journal.db", isolation_level=None)) as locker:
        locker.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unavailable, match="locked"):
            Journal(f"sqlite:///{tmp_path}/journal.db").open()


def test_who_may_not_make_tables_on_postgresql_is_told(postgresql: PostgreSQL):
    with postgresql.database(empty=True) as url:
        name = url.rpartition("/")[2]
        postgresql.execute("CREATE ROLE guest LOGIN")
        postgresql.execute(f"REVOKE ALL ON DATABASE {name} FROM guest")
        try:
            with pytest.raises(Unavailable, match=r"cannot be the journal: permission denied"):
                Journal(url.replace("postgres@", "guest@")).open()
        finally:
            postgresql.execute("DROP ROLE guest")


def test_a_journal_of_a_newer_version_is_left_alone(journal: Journal, journal_url: str):
    with journal.database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Unavailable, match=r"newer version of Fitserve.*9999"):
        Journal(journal_url).open()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_several_processes_that_start_at_once_migrate_once(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
):
    if database == "sqlite":
        _start_together(f"sqlite:///{tmp_path}/journal.db")
    else:
        with request.getfixturevalue("postgresql").database(empty=True) as url:
            _start_together(url)


def _start_together(url: str) -> None:
    script = f"from app.jobs.journal import Journal; journal = Journal({url!r}).open(); print(journal.has_work())"
    starts = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) for _ in range(3)]
    assert [start.communicate(timeout=60)[0] for start in starts] == [b"False\n"] * 3


def test_numbers_do_not_run_out_on_postgresql(on_postgresql: Journal):
    job = claimed(on_postgresql)
    with on_postgresql.database.begin() as connection:
        connection.execute(
            text("SELECT setval('events_id_seq', 1::bigint << 40), setval('jobs_number_seq', 1::bigint << 40)")
        )
    on_postgresql.report(job, 60, "log")
    assert on_postgresql.events(job.id)[-1].id == (1 << 40) + 1
    claimed(on_postgresql)


def test_a_writer_of_a_job_waits_for_the_one_before(on_postgresql: Journal):
    job = claimed(on_postgresql)
    second = threading.Thread(target=on_postgresql.report, args=(job, 60, "log"), kwargs={"text": "second"})
    with on_postgresql.database.begin() as connection:
        update_job(connection, job.id, running(job.id), "log", {"text": "first"}, progress=0.1)
        second.start()
        second.join(0.3)
        assert second.is_alive()
        assert len(on_postgresql.events(job.id)) == 2, "nothing is seen before it is whole"
    second.join(10)
    assert [event.data.get("text") for event in on_postgresql.events(job.id)][2:] == ["first", "second"]


def test_a_job_that_is_being_changed_holds_no_other_up(on_postgresql: Journal):
    first, second = (on_postgresql.submit(NEW, 9)[0] for _ in range(2))
    with on_postgresql.database.begin() as connection:
        connection.execute(text("SELECT 1 FROM jobs WHERE id = :id FOR UPDATE"), {"id": first.id})
        claimed = on_postgresql.claim(60)
        assert claimed is not None
        assert claimed.id == second.id


def test_who_is_cut_off_within_a_transaction_holds_nobody_up_for_long(on_postgresql: Journal):
    with on_postgresql.database.read() as connection:
        settings = ("lock_timeout", "idle_in_transaction_session_timeout", "transaction_isolation")
        assert [connection.execute(text(f"SHOW {name}")).scalar() for name in settings] == [
            "15s",
            "5s",
            "read committed",
        ]


def test_while_the_server_is_away_that_is_said_and_afterwards_nothing_is_felt(postgresql: PostgreSQL):
    with postgresql.database() as url:
        journal = Journal(url).open()
        job = claimed(journal)
        postgresql.stop()
        try:
            for _ in range(2):
                with pytest.raises(Unavailable, match="the journal does not work now"):
                    journal.get(job.id)
            with pytest.raises(Unavailable):
                journal.report(job, 60, "log")
        finally:
            postgresql.start()
        journal.cancel(job.id)
        assert journal.report(job, 60) is ControlRequest.CANCEL
        journal.close()


def test_a_pool_that_is_used_up_is_said(postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.jobs.database.BUSY_SECONDS", 1)
    with postgresql.database() as url:
        journal = Journal(url, connections=1).open()
        with journal.database.read(), pytest.raises(Unavailable, match="connections are in use"):
            journal.has_work()
        journal.close()


def test_an_older_journal_is_brought_up_to_date_and_a_copy_of_its_file_kept(tmp_path: Path):
    _bring_up_to_date(f"sqlite:///{tmp_path}/journal.db")
    with closing(sqlite3.connect(tmp_path / "journal.db.0001")) as copy:
        assert copy.execute("SELECT cancel_requested FROM jobs WHERE id = 'running'").fetchone() == (1,)


def test_an_older_journal_on_postgresql_is_brought_up_to_date(postgresql: PostgreSQL):
    with postgresql.database(empty=True) as url:
        _bring_up_to_date(url)


def _bring_up_to_date(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        upgrade(connection, "0001")
        for status, wanted in (("running", True), ("succeeded", False)):
            connection.execute(
                text(
                    "INSERT INTO jobs (id, family, model, hyperparameters, promote, status, cancel_requested, attempts,"
                    " progress, metrics, created)"
                    " VALUES (:id, 'tiny', 'tiny', '{}', 'always', :id, :wanted, 1, 0, '{}', '2026-01-01 00:00:00')"
                ),
                {"id": status, "wanted": wanted},
            )
    engine.dispose()
    journal = Journal(url).open()
    assert journal.get("running").control_request is ControlRequest.CANCEL
    assert (journal.get("succeeded").control_request, journal.get("succeeded").priority) == (None, 0)
    claimed(journal)
    journal.close()
