"""Versions, changed and compared on the page."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from app.settings import STARTERS
from tests.browser.conftest import Visit
from tests.browser.page_actions import PICTURES, confirm
from tests.service import Service

LONG_MS = 60_000


@pytest.fixture
def restored(service: Service) -> Iterator[Service]:
    """The service, whose first version of digits is live again afterwards."""
    yield service
    service.client.delete("/models/digit/traffic")
    service.client.delete("/models/digit/aliases/shadow")
    service.client.put("/models/digit/aliases/live", json={"version": 1})


def row(page: Page, version: int) -> Locator:
    """The row of a version of digits."""
    heads = page.get_by_role("rowheader", name=str(version))
    return page.locator("#model-digit .versions > tbody > tr").filter(has=heads)


def test_a_version_is_promoted_and_rolled_back(visit: Visit, restored: Service):
    page = visit.open("models")
    model = page.locator("#model-digit")
    row(page, 2).get_by_role("button", name="Promote").click()
    confirm(page, "Promote version 2")
    expect(model.locator(".live th")).to_contain_text("2")
    assert restored.get("/models/digit")["serving"] == 2
    expect(page.locator("#call code")).to_contain_text("-X PUT")
    model.get_by_role("button", name="Roll back").click()
    confirm(page, "Cancel")
    assert restored.get("/models/digit")["serving"] == 2
    model.get_by_role("button", name="Roll back").click()
    confirm(page, "Roll back to version 1")
    expect(model.locator(".live th")).to_contain_text("1")
    assert restored.get("/models/digit")["serving"] == 1


def test_two_versions_share_the_requests_until_that_is_ended(visit: Visit, restored: Service):
    page = visit.open("models")
    traffic = page.locator("#model-digit .traffic")
    traffic.locator("summary").click()
    traffic.locator("select").select_option("2")
    traffic.locator("input[type=range]").fill("25")
    traffic.get_by_role("button", name="Split traffic").click()
    confirm(page, "Split traffic")
    expect(traffic.locator(".legend")).to_contain_text("version 2 25 %")
    assert restored.get("/models/digit")["traffic"] == {"1": 75, "2": 25}
    traffic.get_by_role("button", name="End the split").click()
    confirm(page, "End the split")
    expect(traffic.locator(".legend")).to_have_count(0)
    assert restored.get("/models/digit")["traffic"] == {"1": 100}


def test_a_version_stands_in_the_shadow_until_that_is_ended(visit: Visit, restored: Service):
    page = visit.open("models")
    traffic = page.locator("#model-digit .traffic")
    traffic.locator("summary").click()
    traffic.locator("select").select_option("2")
    traffic.get_by_role("button", name="Start shadowing").click()
    confirm(page, "Start shadowing with version 2")
    expect(traffic.locator(".shadow")).to_contain_text("Version 2 receives the same requests")
    expect(row(page, 2).locator(".alias")).to_contain_text(["shadow"])
    restored.client.post("/predict/digit", files={"file": (PICTURES / "seven.png").read_bytes()})
    page.reload()
    expect(traffic.locator(".shadow .legend")).to_contain_text("agreed 1")
    traffic.get_by_role("button", name="Stop shadowing").click()
    confirm(page, "Stop shadowing")
    expect(traffic.locator(".shadow")).to_have_count(0)
    assert restored.get("/models/digit")["shadow"] is None


def test_a_network_from_elsewhere_becomes_a_version_that_was_not_tested(visit: Visit, service: Service):
    page = visit.open("models")
    page.locator("#model-digit input[type=file]").set_input_files(STARTERS / "digit" / "1" / "model.onnx")
    expect(page.locator("#call code")).to_contain_text("/models/digit/import", timeout=LONG_MS)
    version = service.get("/models/digit")["versions"][-1]["version"]
    row(page, version).get_by_role("button", name="Details").click()
    details = page.locator("#model-digit .details:visible")
    expect(details).to_contain_text("has not been evaluated")
    comparison = page.locator("#model-digit .comparison")
    comparison.locator("summary").click()
    comparison.locator("select").nth(1).select_option(str(version))
    expect(comparison.locator(".bad")).to_contain_text(f"Version {version} was imported")
    details.get_by_role("button", name="Delete").click()
    confirm(page, f"Delete version {version}")
    expect(row(page, version)).to_have_count(0)


def test_two_versions_are_compared_on_the_same_test(visit: Visit):
    page = visit.open("models")
    comparison = page.locator("#model-digit .comparison")
    comparison.locator("summary").click()
    first, second = comparison.locator("select").all()
    first.select_option("2")
    second.select_option("3")
    legend = comparison.locator(".legend li")
    expect(legend).to_have_text(["both right 9", "only version 2 right 1", "only version 3 right 0", "both wrong 0"])
    expect(comparison).to_contain_text("The predictions differ on 1 of 10 examples.")
    expect(comparison.locator(".confusion")).to_have_count(2)
    second.select_option("4")
    expect(comparison).to_contain_text("no stored predictions")
    expect(comparison.locator(".confusion")).to_have_count(2)


def test_a_version_is_shown_in_detail_and_its_files_are_downloaded(visit: Visit):
    page = visit.open("models")
    row(page, 1).get_by_role("button", name="Details").click()
    details = page.locator("#model-digit .details:visible")
    expect(details.locator(".confusion .right")).to_have_count(10)
    expect(details).to_contain_text("fitserve train digit")
    with page.expect_download() as download:
        details.get_by_role("button", name="version.json").click()
    assert download.value.suggested_filename == "digit-1-version.json"
    assert json.loads(download.value.path().read_text())["version"] == 1
    expect(details.get_by_role("button", name="Delete")).to_have_count(0)  # it is live


def test_a_version_is_deleted_after_a_question(visit: Visit, service: Service):
    page = visit.open("models")
    row(page, 4).get_by_role("button", name="Details").click()
    page.locator("#model-digit .details:visible").get_by_role("button", name="Delete").click()
    confirm(page, "Delete version 4")
    expect(row(page, 4)).to_have_count(0)
    assert 4 not in [one["version"] for one in service.get("/models/digit")["versions"]]
