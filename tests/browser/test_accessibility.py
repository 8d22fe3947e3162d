"""No serious or critical violation of what axe-core knows about accessibility, in light and in dark."""

import pytest
from axe_core_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import visiting
from tests.browser.page_actions import PICTURES, SEVEN, draw
from tests.service import Service

GRAVE = ("serious", "critical")


def use(page: Page, name: str) -> None:
    """Bring about what a section shows when it is used."""
    part = page.locator(f"#{name.partition('/')[0]}")
    match name:
        case "digit":
            draw(page, SEVEN)
            expect(part.locator(".answer")).to_have_text("7")
        case "photo":
            part.locator("input[type=file]").set_input_files(PICTURES / "plane.jpg")
            expect(part.locator(".answer")).to_have_text("airplane")
        case "text":
            part.locator(".go").click()
            expect(part.locator(".state")).to_contain_text("Done")
            part.locator(".word").first.click()
        case "train":
            expect(part.locator("form [name=epochs]")).to_be_visible()
        case "models":
            digit = part.locator("#model-digit")
            digit.locator(".traffic > summary").click()
            digit.locator(".comparison > summary").click()
            digit.get_by_role("button", name="Details").last.click()
            expect(digit.locator(".comparison .confusion")).to_have_count(2)
            expect(digit.locator(".details .confusion")).to_have_count(1)
        case "health":
            expect(part.locator("table")).to_be_visible()
        case _:
            part.locator("summary", has_text="Log").click()
            expect(part.locator(".confusion")).to_be_visible()


def check(page: Page, where: str) -> None:
    found = [one for one in Axe().run(page)["violations"] if one["impact"] in GRAVE]
    assert not found, f"{where}: {[(one['id'], [node['html'] for node in one['nodes']]) for one in found]}"


@pytest.mark.train
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_the_page(browser: Browser, service: Service, trained: str, scheme: str):
    # axe-core is put into the page by the test itself, which the page's own policy rightly forbids
    with visiting(browser, service, color_scheme=scheme, bypass_csp=True) as visit:
        for name in ("digit", "photo", "text", "train", f"train/{trained}", "models", "health"):
            page = visit.open(name)
            use(page, name)
            check(page, f"{name}, {scheme}")
        page.evaluate("document.querySelector('#key').showModal()")
        check(page, f"the key, {scheme}")
