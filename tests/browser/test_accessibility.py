"""No serious or critical violation of what axe-core knows about accessibility, in light and in dark."""

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.browser.conftest import visiting
from tests.browser.test_page import SEVEN, draw
from tests.service import Service


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_the_page(browser: Browser, service: Service, scheme: str):
    # axe-core is put into the page by the test itself, which the page's own policy rightly forbids
    with visiting(browser, service, color_scheme=scheme, bypass_csp=True) as visit:
        for name in ("digit", "photo", "text", "train", "models", "health"):
            page = visit.open(name)
            page.wait_for_load_state("networkidle")
            if name == "digit":
                draw(page, SEVEN)
                expect(page.locator("#digit .answer")).to_have_text("7")
            found = Axe().run(page)["violations"]
            grave = [
                (one["id"], [node["html"] for node in one["nodes"]])
                for one in found
                if one["impact"] in ("serious", "critical")
            ]
            assert grave == [], f"{name}, {scheme}"
