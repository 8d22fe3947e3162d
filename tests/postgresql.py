"""A PostgreSQL server of the tests' own: Debian's package, a temporary folder, a free port of loopback."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from app.jobs.journal import Journal

EMPTY_JOURNAL = "empty_journal"
START_SECONDS = 30
USER = "postgres"  # as root the server refuses to run
PRIVATE = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=60")
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")  # it may lose what it has


class PostgreSQL:
    """Started on entry, stopped on exit; dies with the thread that started it, however that ends."""

    def __init__(self, programs: Path, settings: Sequence[str] = (*QUICK, *PRIVATE)) -> None:
        self._programs = programs
        self._settings = settings
        self._numbers = count()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]

    def __enter__(self) -> "PostgreSQL":
        self._folder = Path(tempfile.mkdtemp(prefix="fitserve-postgresql-"))
        if os.geteuid() == 0:
            shutil.chown(self._folder, USER)
        self._run("initdb", "--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", f"--username={USER}")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        program = [
            *self._as_user(),
            str(self._programs / "postgres"),
            "-D",
            f"{self._folder}/data",
            "-p",
            str(self._port),
        ]
        options = [word for setting in self._settings for word in ("-c", setting)]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen([*program, *options], stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        ready = [str(self._programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        while subprocess.run(ready, check=False).returncode:
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._folder / "log").read_text())
            time.sleep(0.02)

    def stop(self) -> None:
        """End the server and all connections."""
        self._run("pg_ctl", "stop", "--mode=fast", "--silent")
        self._server.wait()

    def url(self, database: str = USER) -> str:
        """Where a database is, as FITSERVE_JOURNAL says it."""
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self._port}/{database}"

    @property
    def pid(self) -> int:
        """The process that all of the server's are children of."""
        return self._server.pid

    @contextmanager
    def database(self, *, empty: bool = False) -> Iterator[str]:
        """The URL of a new database: a new journal, or empty."""
        number = next(self._numbers)
        if number == 0:
            self.execute(f"CREATE DATABASE {EMPTY_JOURNAL}")
            Journal(self.url(EMPTY_JOURNAL)).open().close()
        name, template = f"test_{number}", "template1" if empty else EMPTY_JOURNAL
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Run one statement as the server's owner."""
        import psycopg  # noqa: PLC0415  of the extra `cluster`, which may be missing

        with psycopg.connect(self.url().replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statement)

    def _run(self, program: str, *options: str) -> None:
        command = [*self._as_user(), str(self._programs / program), "-D", f"{self._folder}/data", *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self._folder)

    def _as_user(self) -> list[str]:
        user = [f"--reuid={USER}", f"--regid={USER}", "--init-groups"] if os.geteuid() == 0 else []
        return ["setpriv", *user, "--pdeathsig=QUIT"]


def programs() -> Path:
    """Where the server's programs are; skips the test where they or psycopg are missing."""
    pytest.importorskip("psycopg", reason="needs the extra `cluster`", exc_type=ImportError)
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        pytest.skip("needs PostgreSQL (apt-get install postgresql)")
    return found[-1].parent
