"""A real headless Chromium before a real service; skipped, with the reason, where there is none."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from app.keys import Scope, create_key
from app.settings import STARTERS
from app.store.model_store import ModelStore
from app.store.version import CARD, PREDICTIONS, Card, checksums
from tests.browser.attacking import NAMES
from tests.second_version import publish_second_version
from tests.service import QUICK, Service

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE_MS = 30_000  # other work may share the machine
RIGHT, ONE_WRONG = tuple(range(10)), (0, 1, 2, 3, 4, 5, 6, 1, 8, 9)
expect.set_options(timeout=PATIENCE_MS)


def keep_predictions(store: ModelStore, card: Card, guessed: Sequence[int] | None) -> None:
    """Have it that a version was tested on the ten digits, and guessed these, or that nobody knows any more."""
    folder = store.folder(card.model, card.version)
    if guessed is None:
        (folder / PREDICTIONS).unlink()
    else:
        np.save(folder / PREDICTIONS, np.array([RIGHT, guessed], np.uint8))
    (folder / CARD).write_text(card.model_copy(update={"files": checksums(folder)}).model_dump_json())


@dataclass
class Visit:
    """A page of the service, and what it did that it must not."""

    page: Page
    origin: str
    complaints: list[str] = field(default_factory=list)
    forgiven: set[str] = field(default_factory=set)

    def open(self, section: str = "digit") -> Page:
        """The page at a section, ready to be used."""
        self.page.goto(f"{self.origin}/#{section}")
        self.page.wait_for_selector("nav a[aria-current]")
        return self.page

    def expect_refusal(self, status: int) -> None:
        """A refusal was meant; the browser tells of each, whoever asked for it."""
        self.forgiven.add(f"status of {status}")


@dataclass(frozen=True)
class Guarded:
    """A service that asks for keys, and has no version of anything."""

    service: Service
    keys: dict[Scope, str]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    if CHROMIUM is None:
        pytest.skip("needs a Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", NAMES, *camera])
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:  # noqa: ARG001  skips
    """One service for all tests; of digits it has four versions: the first live, the others with their guesses."""
    store = tmp_path_factory.mktemp("store")
    for guessed in (RIGHT, ONE_WRONG, None):
        keep_predictions(ModelStore(store), publish_second_version(ModelStore(store)), guessed)
    with Service(store=store, starters=STARTERS, offline=True, trainer_nice=0) as started:
        yield started


@pytest.fixture(scope="package")
def trained(service: Service) -> str:
    """A job that has ended, with a version of digits that is not live."""
    job = service.train(**QUICK, epochs=1, promote="never")
    assert service.wait(job)["status"] == "succeeded"
    return job


@pytest.fixture(scope="package")
def guarded(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:  # noqa: ARG001  skips
    """One service that asks for keys."""
    folder = tmp_path_factory.mktemp("guarded")
    file = folder / "keys"
    keys = {scope: create_key(file, scope, scope.value) for scope in (Scope.PREDICT, Scope.TRAIN)}
    (folder / "starters").mkdir()
    with Service(store=folder / "store", starters=folder / "starters", api_keys_file=file, offline=True) as started:
        yield Guarded(started, keys)


@contextmanager
def visiting(browser: Browser, service: Service, **wishes: object) -> Iterator[Visit]:
    """A fresh visit; at its end the page must not have complained, nor have asked anybody else."""
    context = browser.new_context(**{"locale": "en-GB", "reduced_motion": "reduce", **wishes})  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    visit = Visit(context.new_page(), f"http://127.0.0.1:{service.port}")
    complain = visit.complaints.append
    visit.page.on("pageerror", lambda error: complain(str(error)))
    visit.page.on("console", lambda said: complain(said.text) if said.type in ("error", "warning") else None)
    visit.page.on(
        "request",
        lambda request: complain(request.url) if not request.url.startswith((visit.origin, "blob:", "data:")) else None,
    )
    yield visit
    context.close()
    assert [said for said in visit.complaints if not any(words in said for words in visit.forgiven)] == []


@pytest.fixture
def visit(browser: Browser, service: Service) -> Iterator[Visit]:
    """A visit on a desk."""
    with visiting(browser, service) as one:
        yield one
