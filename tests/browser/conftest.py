"""A real headless Chromium before a real service; skipped, with the reason, where there is none."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from app.settings import STARTERS
from tests.service import Service

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
KEY = "a-secret-key"


@dataclass
class Visit:
    """A page of the service, and what it did that it must not."""

    page: Page
    origin: str
    complaints: list[str] = field(default_factory=list)

    def open(self, section: str = "digit") -> Page:
        """The page at a section, ready to be used."""
        self.page.goto(f"{self.origin}/#{section}")
        self.page.wait_for_selector("nav a[aria-current]")
        return self.page


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    if CHROMIUM is None:
        pytest.skip("needs a Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *camera])
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def service(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:  # noqa: ARG001  skips
    """One service for all tests."""
    store = tmp_path_factory.mktemp("store")
    with Service(store=store, starters=STARTERS, offline=True, trainer_nice=0) as started:
        yield started


@contextmanager
def visiting(browser: Browser, service: Service, **wishes: object) -> Iterator[Visit]:
    """A fresh visit; at its end the page must not have complained, nor have asked anybody else."""
    context = browser.new_context(locale="en-GB", reduced_motion="reduce", **wishes)  # type: ignore[arg-type]
    context.set_default_timeout(15_000)
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
    assert visit.complaints == []


@pytest.fixture
def visit(browser: Browser, service: Service) -> Iterator[Visit]:
    """A visit on a desk."""
    with visiting(browser, service) as one:
        yield one


def ask_for_a_key(page: Page) -> None:
    """Have the service refuse, from now on, everything of its API that comes without the key."""

    def guard(route: Route) -> None:
        if route.request.header_value("authorization") == f"Bearer {KEY}":
            route.continue_()
        else:
            problem = '{"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": "a key is needed"}'
            route.fulfill(status=401, content_type="application/problem+json", body=problem)

    page.route(re.compile(r"^http://[^/]+/(predict|generate|train|jobs|models)\b"), guard)


@pytest.fixture(scope="package")
def pictures() -> Path:
    return STARTERS.parent / "docs" / "pictures"
