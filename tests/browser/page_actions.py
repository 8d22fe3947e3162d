"""What people do on the page, in a line for a test."""

from pathlib import Path

from playwright.sync_api import Locator, Page

from app.settings import STARTERS

PICTURES: Path = STARTERS.parent / "docs" / "pictures"
SEVEN = [(70, 60), (210, 60), (130, 230)]  # on a sheet of 280 x 280


def section(page: Page, name: str) -> Locator:
    """A section of the page."""
    return page.locator(f"#{name}")


def sheet(page: Page, points: list[tuple[int, int]]) -> list[tuple[float, float]]:
    """Points of the sheet as points of the page."""
    box = page.locator("canvas").bounding_box()
    assert box
    scale = box["width"] / 280
    return [(box["x"] + x * scale, box["y"] + y * scale) for x, y in points]


def draw(page: Page, points: list[tuple[int, int]]) -> None:
    """A line with the mouse."""
    first, *rest = sheet(page, points)
    page.mouse.move(*first)
    page.mouse.down()
    for place in rest:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def start_training(page: Page, epochs: int) -> None:
    """A training of digits that needs no download."""
    form = section(page, "train")
    form.locator(".family").select_option("digit")
    form.get_by_role("button", name="Quick demo (offline)").click()
    form.locator("[name=epochs]").fill(str(epochs))
    form.get_by_role("button", name="Start", exact=True).click()


def confirm(page: Page, action: str) -> None:
    """Press the button of the question that is asked, by the name of the action."""
    page.locator("#confirm").get_by_role("button", name=action, exact=True).click()


def settle(page: Page) -> None:
    """Wait until the page has dealt with every answer that came before this moment."""
    page.evaluate("fetch('health/live').then((answer) => answer.text())")
