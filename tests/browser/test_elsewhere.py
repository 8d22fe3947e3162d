"""Pages of other sites, and sites whose name was made to lead here, before a service that serves every address."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from app.settings import STARTERS
from app.store.model_store import ModelStore
from tests.browser.attacking import EVIL, LAN, LOOKS, SUBMIT, attack, elsewhere
from tests.browser.conftest import PATIENCE_MS
from tests.second_version import publish_second_version
from tests.service import QUICK, Service


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with elsewhere() as origin:
        yield origin


@pytest.fixture(scope="module")
def opened(browser: Browser, site: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:  # noqa: ARG001
    """As docker-compose.yml starts it, and known by a name of the network besides; its jobs wait for ever."""
    store = tmp_path_factory.mktemp("store")
    publish_second_version(ModelStore(store))
    settings: dict[str, Any] = {"store": store, "starters": STARTERS, "offline": True, "run_supervisor": False}
    with Service(allow_unauthenticated=True, allowed_hosts=LAN, cors_origins="", **settings) as service:
        service.train(**QUICK, epochs=1)
        yield service


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def state(service: Service) -> list[Any]:
    """All that an attack could change."""
    jobs = [(job["id"], job["status"], job["control_request"]) for job in service.get("/jobs")]
    model = service.get("/models/digit")
    return [
        jobs,
        service.get("/sweeps"),
        model["serving"],
        model["aliases"],
        [one["version"] for one in model["versions"]],
    ]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", LAN])
def test_a_page_elsewhere_changes_nothing(opened: Service, site: str, page: Page, host: str):
    before = state(opened)
    page.goto(site)
    told = attack(opened.client, page, f"http://{host}:{opened.port}", before[0][0][0])
    assert {told[name] for name in ("delete", "promote", "train by JSON", "read")} == {"TypeError"}
    assert state(opened) == before


def test_a_name_that_was_made_to_lead_here_changes_and_reads_nothing(opened: Service, page: Page):
    before = state(opened)
    assert page.goto(f"http://{EVIL}:{opened.port}").status == 403  # type: ignore[union-attr]
    told = attack(opened.client, page, "", before[0][0][0])
    assert {status for name, status in told.items() if name != "beacon"} == {403}
    assert state(opened) == before
    assert page.evaluate("fetch('/health/live').then((answer) => answer.status)") == 200  # as a probe asks, by any name


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", LAN])
def test_a_page_elsewhere_shows_and_runs_nothing(opened: Service, site: str, page: Page, host: str):
    page.goto(site)
    told = page.evaluate(LOOKS, f"http://{host}:{opened.port}")
    assert len(told) == 6
    assert set(told.values()) == {"not shown"}


@pytest.mark.parametrize("host", ["localhost", LAN])
def test_a_form_elsewhere_is_refused_where_it_leads_to(opened: Service, site: str, page: Page, host: str):
    before = state(opened)
    page.goto(site)
    with page.expect_navigation() as led:
        page.evaluate(SUBMIT, f"http://{host}:{opened.port}/train/digit")
    assert led.value.status == 403
    assert state(opened) == before


def test_a_link_elsewhere_opens_the_page_and_the_page_works(opened: Service, site: str, page: Page):
    page.goto(site)
    page.set_content(f'<a href="http://localhost:{opened.port}/">Draw a digit</a>')
    page.get_by_role("link").click()
    page.wait_for_selector("nav a[aria-current]")
    assert page.evaluate("fetch('/jobs').then((answer) => answer.status)") == 200
    assert page.evaluate("fetch('/predict/digit', { method: 'POST' }).then((answer) => answer.status)") == 415


def test_a_page_of_an_allowed_origin_may(site: str, page: Page, tmp_path: Path):
    with Service(
        store=tmp_path, offline=True, allow_unauthenticated=True, run_supervisor=False, cors_origins=site
    ) as service:
        job = service.train(**QUICK, epochs=1)
        page.goto(site)
        ask = "(address) => fetch(address, { method: 'POST' }).then((answer) => answer.json())"
        assert page.evaluate(ask, f"http://localhost:{service.port}/jobs/{job}/cancel")["status"] == "cancelled"
