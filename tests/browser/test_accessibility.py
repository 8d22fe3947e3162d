"""No serious or critical violation of what axe-core knows about accessibility, in light and in dark."""

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import visiting
from tests.browser.test_page import SEVEN, draw
from tests.service import Service

GRAVE = ("serious", "critical")


def check(page: Page, where: str) -> None:
    found = [one for one in Axe().run(page)["violations"] if one["impact"] in GRAVE]
    assert not found, f"{where}: {[(one['id'], [node['html'] for node in one['nodes']]) for one in found]}"


@pytest.mark.train
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_the_page(browser: Browser, service: Service, scheme: str):
    job = service.train(dataset="sample", epochs=1, promote="never")
    service.wait(job)
    # axe-core is put into the page by the test itself, which the page's own policy rightly forbids
    with visiting(browser, service, color_scheme=scheme, bypass_csp=True) as visit:
        for name in ("digit", "photo", "text", "train", f"train/{job}", "models", "health"):
            page = visit.open(name)
            page.wait_for_load_state("networkidle")
            if name == "digit":
                draw(page, SEVEN)
                expect(page.locator("#digit .answer")).to_have_text("7")
            if name == "models":
                page.locator("#model-digit summary").click()
            if "/" in name:
                expect(page.locator(".confusion")).to_be_visible()
            check(page, f"{name}, {scheme}")
        page.evaluate("document.querySelector('#key').showModal()")
        check(page, f"the key, {scheme}")
