"""Digits, drawn or given, on the page."""

import base64
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import Visit, visiting
from tests.browser.page_actions import PICTURES, SEVEN, draw, section, settle, sheet
from tests.service import Service

PREDICTION = re.compile("/predict/digit$")
GIVE = """([content, name, type, kind]) => {
    const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
    const given = new DataTransfer();
    given.items.add(new File([bytes], name, { type }));
    const wish = { bubbles: true, cancelable: true };
    if (kind === "drop") {
      document.querySelector("canvas").dispatchEvent(new DragEvent("drop", { ...wish, dataTransfer: given }));
    } else {
      document.dispatchEvent(new ClipboardEvent("paste", { ...wish, clipboardData: given }));
    }
}"""


def test_a_drawn_seven_is_a_seven(visit: Visit):
    page = visit.open("digit")
    draw(page, SEVEN)
    digit = section(page, "digit")
    expect(digit.locator(".answer")).to_have_text("7")
    expect(digit.locator(".from")).to_contain_text("version 1")
    expect(digit.locator(".bars li")).to_have_count(10)
    expect(digit.locator(".bars .chosen .label")).to_have_text("7")
    seen = digit.locator(".seen")
    expect(seen).to_be_visible()
    assert seen.evaluate("image => image.decode().then(() => [image.naturalWidth, image.naturalHeight])") == [28, 28]
    digit.get_by_role("button", name="Clear").click()
    expect(digit.locator(".answer")).to_have_text("–")
    expect(seen).to_be_hidden()


def with_a_finger(page: Page, places: list[tuple[float, float]]) -> None:
    session = page.context.new_cdp_session(page)
    for kind, (x, y) in zip(("touchStart", "touchMove", "touchMove"), places, strict=True):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def with_a_pen(page: Page, places: list[tuple[float, float]]) -> None:
    session = page.context.new_cdp_session(page)
    pen = {"pointerType": "pen", "button": "left", "buttons": 1, "clickCount": 1}
    for kind, (x, y) in zip(
        ("mousePressed", "mouseMoved", "mouseMoved", "mouseReleased"), [*places, places[-1]], strict=True
    ):
        session.send("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, **pen})


@pytest.mark.parametrize("drawn", [with_a_finger, with_a_pen])
def test_a_seven_can_be_drawn_with_a_finger_or_a_pen(
    browser: Browser, service: Service, drawn: Callable[[Page, list[tuple[float, float]]], None]
):
    with visiting(browser, service, has_touch=True, viewport={"width": 390, "height": 844}) as visit:
        page = visit.open("digit")
        page.locator("canvas").scroll_into_view_if_needed()
        drawn(page, sheet(page, SEVEN))
        expect(section(page, "digit").locator(".answer")).to_have_text("7")


def test_a_seven_can_be_drawn_with_the_keyboard_alone(visit: Visit):
    page = visit.open("digit")
    page.locator("canvas").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".nib")).to_be_visible()
    for key, times in (("ArrowLeft", 7), (" ", 1), ("ArrowRight", 15), ("ArrowDown", 20)):
        for _ in range(times):
            page.keyboard.press(key)
    expect(section(page, "digit").locator(".answer")).to_have_text("7")


def test_the_network_answers_while_one_draws(visit: Visit):
    page = visit.open("digit")
    first, *rest = sheet(page, SEVEN)
    page.mouse.move(*first)
    page.mouse.down()
    for place in rest:
        with page.expect_response(PREDICTION):
            page.mouse.move(*place, steps=8)
    expect(section(page, "digit").locator(".answer")).to_have_text("7")
    page.mouse.up()


def test_a_pen_that_only_rests_on_the_sheet_asks_for_nothing(visit: Visit):
    page = visit.open("digit")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    first, *rest = sheet(page, SEVEN)
    page.mouse.move(*first)
    page.mouse.down()
    page.wait_for_timeout(300)  # the page would have asked after 100
    assert not [url for url in asked if PREDICTION.search(url)]
    for place in rest:
        page.mouse.move(*place, steps=8)
    page.mouse.up()
    expect(section(page, "digit").locator(".answer")).to_have_text("7")


def test_an_answer_to_an_older_drawing_is_dropped(visit: Visit):
    page = visit.open("digit")
    late: list[Route] = []

    def keep_the_first(route: Route) -> None:
        late.append(route) if not late else route.continue_()

    page.route(PREDICTION, keep_the_first)
    with page.expect_request(PREDICTION):
        draw(page, [(140, 50), (140, 230)])
    answer = section(page, "digit").locator(".answer")
    section(page, "digit").get_by_role("button", name="Clear").click()
    draw(page, SEVEN)
    expect(answer).to_have_text("7")
    one = '{"model": "digit", "version": 1, "label": "1", "confidence": 1, "probabilities": {"1": 1}}'
    with page.expect_event("requestfinished", lambda request: request == late[0].request):
        late[0].fulfill(status=200, content_type="application/json", body=one)
    settle(page)
    expect(answer).to_have_text("7")


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_can_be_dropped_or_pasted(visit: Visit, kind: str):
    page = visit.open("digit")
    content = base64.b64encode((PICTURES / "three.jpg").read_bytes()).decode()
    page.evaluate(GIVE, [content, "three.jpg", "image/jpeg", kind])
    expect(section(page, "digit").locator(".answer")).to_have_text("3")
    expect(page.locator("#call code")).to_contain_text("file=@three.jpg")


def test_what_is_no_picture_is_refused_with_a_reason(visit: Visit):
    page = visit.open("digit")
    page.evaluate(GIVE, ["bm8=", "no.txt", "text/plain", "drop"])
    expect(section(page, "digit").locator(".error-notice")).to_contain_text("Only picture files")
    page.evaluate(GIVE, ["bm8=", "no.png", "image/png", "drop"])
    expect(section(page, "digit").locator(".error-notice")).to_contain_text("not a picture")
    visit.expect_refusal(422)


def test_a_service_that_is_gone_is_told(visit: Visit):
    page = visit.open("digit")
    page.route(PREDICTION, lambda route: route.abort())
    draw(page, SEVEN)
    expect(section(page, "digit").locator(".error-notice")).to_contain_text("Cannot connect")
    page.unroute(PREDICTION)
    draw(page, [(140, 60), (140, 200)])
    expect(section(page, "digit").locator(".error-notice")).to_be_hidden()
    visit.forgiven.add("ERR_FAILED")
