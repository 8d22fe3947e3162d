"""What every test may use."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.jobs.journal import Journal
from app.settings import STARTERS, Settings
from app.web.app import create_app
from tests.bucket_server import BucketServer, serving
from tests.postgresql import PostgreSQL, programs
from tests.store_fixtures import BucketStore, FolderStore, StoreFixture

DATA_DIR = os.environ.get("FITSERVE_DATA_DIR")
CONTAINERS = os.environ.get("FITSERVE_CONTAINERS")

for name in [name for name in os.environ if name.startswith("FITSERVE_")]:
    del os.environ[name]  # a test says itself what it sets
os.environ.pop("COLUMNS", None)  # set in xdist's workers; a console keeps the width that it finds first
os.environ["FITSERVE_ALLOW_UNAUTHENTICATED"] = "true"  # the test client has no address of this machine,
os.environ["FITSERVE_ALLOWED_HOSTS"] = "testserver"  # and asks for this name
os.environ["FITSERVE_TRAINER_NICE"] = "0"  # a test waits for its trainers


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line for each reason why tests were skipped, however many there are."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[-1]).removeprefix("Skipped: ") for report in skipped)
    for reason, tests in reasons.most_common():
        terminalreporter.write_line(f"SKIPPED [{tests}] {reason}")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def mnist() -> Path:
    """The real MNIST, where FITSERVE_DATA_DIR has it."""
    path = Path(DATA_DIR or "nowhere") / "mnist.npz"
    if not path.is_file():
        pytest.skip("needs mnist.npz in FITSERVE_DATA_DIR")
    return path


@pytest.fixture(scope="session")
def cifar10() -> Path:
    """The real CIFAR-10, where FITSERVE_DATA_DIR has it."""
    path = Path(DATA_DIR or "nowhere") / "cifar10.npz"
    if not path.is_file():
        pytest.skip("needs cifar10.npz in FITSERVE_DATA_DIR")
    return path


@pytest.fixture(scope="session")
def containers() -> None:
    """Docker with Compose, where FITSERVE_CONTAINERS says that it is at hand."""
    if not CONTAINERS:
        pytest.skip("needs FITSERVE_CONTAINERS=true")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A store of its own with the starter version of digits, and no data within reach."""
    few = tmp_path / "starters"
    few.mkdir()
    (few / "digit").symlink_to(STARTERS / "digit")
    return Settings(store=tmp_path / "store", starters=few, data_dir=tmp_path / "data", offline=True)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """The whole application, open, called in this process."""
    with TestClient(create_app(settings), raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server, where Debian's package and psycopg are installed."""
    with PostgreSQL(programs()) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def journal_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a new journal can be, on each database that there is."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/deep/journal.db"
    else:
        with request.getfixturevalue("postgresql").database() as url:
            yield url


@pytest.fixture
def journal(journal_url: str) -> Iterator[Journal]:
    """A new journal, open."""
    opened = Journal(journal_url).open()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def bucket_server() -> Iterator[BucketServer]:
    """A bucket on loopback, where what it takes is installed."""
    with serving() as server:
        yield server


@pytest.fixture(params=["folder", "bucket"])
def store_fixture(request: pytest.FixtureRequest, tmp_path: Path) -> StoreFixture:
    """An empty store of either kind."""
    if request.param == "folder":
        return FolderStore(tmp_path)
    return BucketStore(request.getfixturevalue("bucket_server"), tmp_path)
