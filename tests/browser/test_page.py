"""The page as a whole: languages, keys, what is missing, what is said of the service, and what is told to copy."""

import re
import subprocess
import sys

from playwright.sync_api import Browser, Page, expect

from app.keys import Scope
from tests.browser.conftest import Guarded, Visit, visiting
from tests.browser.page_actions import PICTURES, section
from tests.service import Service

FRONT_END = PICTURES.parent / "front-end.md"
SECTIONS = ("digit", "photo", "text", "train", "models", "health")


def test_the_page_speaks_korean_and_english(visit: Visit):
    page = visit.open("digit")
    page.get_by_role("button", name="한국어").click()
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    expect(page.get_by_role("heading", name="숫자")).to_be_visible()
    expect(page).to_have_title("숫자 · Fitserve")
    page.reload()
    expect(page.get_by_role("heading", name="숫자")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Digit")).to_be_visible()


def test_a_browser_in_korean_gets_korean_and_no_text_is_missing(browser: Browser, service: Service):
    with visiting(browser, service, locale="ko-KR") as visit:
        for name in SECTIONS:
            page = visit.open(name)
            page.wait_for_load_state("networkidle")
            assert page.locator("html").get_attribute("lang") == "ko"
            # a key that no table has is shown as it is
            assert (
                page.locator("[data-t]").evaluate_all(
                    "all => all.filter((one) => one.textContent === one.dataset.t).map((one) => one.dataset.t)"
                )
                == []
            )


def test_a_key_is_asked_for_and_kept_in_this_tab_only(browser: Browser, guarded: Guarded):
    key = guarded.keys[Scope.PREDICT]
    with visiting(browser, guarded.service) as visit:
        page = visit.page
        page.goto(f"{visit.origin}/#models")
        dialog = page.locator("#key")
        expect(dialog).to_be_visible()
        dialog.locator("input").fill("no such key")
        dialog.get_by_role("button", name="Use this key").click()
        expect(dialog.locator(".refused")).to_contain_text("not known")
        dialog.locator("input").fill(key)
        dialog.get_by_role("button", name="Use this key").click()
        expect(page.locator("#model-digit")).to_be_visible()
        assert key not in str(page.evaluate("[{...localStorage}, {...sessionStorage}, document.cookie]"))
        page.reload()
        expect(dialog).to_be_visible()
        dialog.get_by_role("button", name="Cancel").click()
        expect(section(page, "models").locator(".error-notice")).to_contain_text("an API key is required")
        visit.expect_refusal(401)


def test_where_a_key_may_not_do_something_another_can_be_given(browser: Browser, guarded: Guarded):
    with visiting(browser, guarded.service) as visit:
        page = visit.page
        page.goto(f"{visit.origin}/#train")
        dialog = page.locator("#key")
        dialog.locator("input").fill(guarded.keys[Scope.PREDICT])
        dialog.get_by_role("button", name="Use this key").click()
        trouble = section(page, "train").locator(".error-notice").first
        expect(trouble).to_contain_text("scope")
        trouble.get_by_role("button", name="Use another key").click()
        dialog.locator("input").fill(guarded.keys[Scope.TRAIN])
        dialog.get_by_role("button", name="Use this key").click()
        section(page, "train").get_by_role("button", name="Start", exact=True).click()
        expect(section(page, "train").locator("form .error-notice")).to_contain_text("mnist.npz")
        for status in (401, 403, 409):
            visit.expect_refusal(status)


def test_a_model_without_a_version_says_so_and_where_to_train_one(browser: Browser, guarded: Guarded):
    with visiting(browser, guarded.service) as visit:
        page = visit.page
        page.goto(f"{visit.origin}/#digit")
        page.locator("#key input").fill(guarded.keys[Scope.TRAIN])
        page.locator("#key").get_by_role("button", name="Use this key").click()
        expect(section(page, "digit").locator(".missing")).to_contain_text("digit has no version yet.")
        page.get_by_role("link", name="Train digit").click()
        expect(section(page, "train")).to_be_visible()
        page.get_by_role("link", name="Models").click()
        expect(page.locator("#model-gru")).to_contain_text("gru has no version yet.")
        page.get_by_role("link", name="Health").click()
        expect(section(page, "health").locator("table")).to_contain_text("cifar has no version yet.")
        visit.expect_refusal(401)


def test_the_health_of_the_service_is_told_and_kept_up_to_date(visit: Visit, service: Service):
    page = visit.open("health")
    health = section(page, "health")
    expect(health).to_contain_text("ready")
    expect(health).to_contain_text("onnxruntime")
    expect(health).to_contain_text("GPU")
    digit = health.get_by_role("row").filter(has=page.get_by_role("rowheader", name="digit"))
    expect(digit).to_contain_text("version 1")
    service.client.post("/predict/digit?version=2", files={"file": (PICTURES / "seven.png").read_bytes()})
    expect(digit.locator("td").nth(1)).to_contain_text("2")


def test_the_page_of_the_api_needs_no_other_origin(visit: Visit):
    page = visit.page
    page.goto(f"{visit.origin}/docs")
    operation = page.locator("#operations-predict-predict_digit")
    expect(operation).to_be_visible()
    operation.locator(".opblock-summary").click()
    expect(operation.get_by_role("button", name="Execute")).to_be_visible()


def test_the_front_end_of_the_documents_works(visit: Visit):
    (example,) = re.findall(r"^```html\n(.*?)^```", FRONT_END.read_text(), flags=re.MULTILINE | re.DOTALL)
    page = visit.page
    page.route("**/yours.html", lambda route: route.fulfill(content_type="text/html", body=example))
    page.goto(f"{visit.origin}/yours.html")
    page.locator("input").set_input_files(PICTURES / "seven.png")
    expect(page.locator("output")).to_contain_text("7 (")


def test_nothing_is_wider_than_a_phone(browser: Browser, service: Service):
    with visiting(browser, service, viewport={"width": 360, "height": 740}) as visit:
        for name in SECTIONS:
            page = visit.open(name)
            page.wait_for_load_state("networkidle")
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, name


def test_the_page_can_be_used_by_keyboard(visit: Visit):
    page = visit.open("digit")
    page.locator("nav a").first.focus()
    for _ in SECTIONS[1:]:
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(section(page, "health")).to_be_visible()


def told(page: Page, language: str) -> str:
    """The call that the page tells, in a language."""
    page.locator("#call").get_by_role("button", name=language, exact=True).click()
    return page.locator("#call code").inner_text()


def test_the_calls_that_are_told_do_what_one_did(browser: Browser, service: Service):
    with visiting(browser, service, bypass_csp=True) as visit:  # the test puts a script into the page itself
        page = visit.open("photo")
        section(page, "photo").locator("input[type=file]").set_input_files(PICTURES / "plane.jpg")
        expect(section(page, "photo").locator(".answer")).to_have_text("airplane")
        for command in (["bash", "-c", told(page, "curl")], [sys.executable, "-c", told(page, "Python")]):
            said = subprocess.run(command, cwd=PICTURES, capture_output=True, text=True, check=True).stdout
            assert '"label":"airplane"' in said
        page.goto("about:blank")
        page.goto(f"{visit.origin}/#text")
        section(page, "text").get_by_role("button", name="Generate").click()
        expect(section(page, "text").locator(".state")).to_contain_text("Done")
        for command in (["bash", "-c", told(page, "curl")], [sys.executable, "-c", told(page, "Python")]):
            said = subprocess.run(command, cwd=PICTURES, capture_output=True, text=True, check=True).stdout
            assert '"model":"lstm"' in said
        with page.expect_console_message() as message:
            page.add_script_tag(type="module", content=told(page, "JavaScript"))
        assert message.value.args[0].json_value()["model"] == "lstm"
