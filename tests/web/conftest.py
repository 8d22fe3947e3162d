"""One application for all tests that change nothing."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from app.settings import STARTERS, Settings
from app.web.app import create_app


@pytest.fixture(scope="session")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The whole application on the starters; whoever uses it leaves it as it was."""
    folder = tmp_path_factory.mktemp("unchanged")
    settings = Settings(store=folder / "store", starters=STARTERS, data_dir=folder / "data", offline=True)
    with TestClient(create_app(settings), raise_server_exceptions=False) as opened:
        yield opened
