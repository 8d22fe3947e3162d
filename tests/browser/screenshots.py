"""Takes the pictures of the page that the README shows: `make screenshots`."""

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from app.settings import STARTERS
from tests.browser.conftest import CHROMIUM, Visit, visiting
from tests.browser.page_actions import PICTURES, SEVEN, draw, start_training
from tests.service import Service

DESK = {"width": 1000, "height": 720}
PHONE = {"width": 390, "height": 780}
COLOURS = 128  # enough for a page, and half the bytes


def digit(visit: Visit) -> None:
    """A seven, drawn."""
    draw(visit.open("digit"), SEVEN)
    expect(visit.page.locator("#digit .answer")).to_have_text("7")
    expect(visit.page.locator("#digit .seen")).to_be_visible()


def train(visit: Visit) -> None:
    """A training, just ended."""
    start_training(visit.open("train"), 8)
    expect(visit.page.locator(".watch .status")).to_have_text("succeeded", timeout=120_000)
    visit.page.evaluate("scrollTo(0, 0)")


def text(visit: Visit) -> None:
    """A text, in Korean, and what else could have come."""
    page = visit.open("text")
    page.get_by_role("button", name="한국어").click()
    page.locator("#text [name=seed]").fill("11")
    page.locator("#text .go").click()
    expect(page.locator("#text .state")).to_contain_text("완료")
    page.locator("#text .word").nth(2).click()
    expect(page.locator("#text .others .bars")).to_be_in_viewport()


def photo(visit: Visit) -> None:
    """A photograph, recognised."""
    page = visit.open("photo")
    page.locator("#photo input[type=file]").set_input_files(PICTURES / "plane.jpg")
    expect(page.locator("#photo .answer")).to_have_text("airplane")
    expect(page.locator("#photo .pixels")).to_be_visible()


def shoot(page: Page, name: str) -> None:
    """What is on the screen, as a small PNG."""
    image = Image.open(io.BytesIO(page.screenshot()))
    image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(PICTURES / f"page-{name}.png", optimize=True)


VIEWS = (
    ("desktop-light", digit, "light", DESK),
    ("desktop-dark", train, "dark", DESK),
    ("phone-light", text, "light", PHONE),
    ("phone-dark", photo, "dark", PHONE),
)


def main() -> None:
    """All views of one service with a store of its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Service(store=Path(folder), starters=STARTERS, offline=True) as service,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, arrange, scheme, size in VIEWS:
            with visiting(browser, service, color_scheme=scheme, viewport=size) as visit:
                arrange(visit)
                shoot(visit.page, name)
        browser.close()


if __name__ == "__main__":
    main()
