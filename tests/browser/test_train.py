"""Trainings, asked for and watched on the page."""

import pytest
from playwright.sync_api import Route, expect

from tests.browser.conftest import Visit
from tests.browser.page_actions import confirm, section, start_training
from tests.service import Service

EPOCHS = 12
LONG_MS = 120_000


@pytest.mark.train
def test_a_training_is_watched_to_its_end_through_a_reload_and_a_lost_connection(visit: Visit):
    page = visit.open("train")
    asked: list[str | None] = []

    def cut_the_first(route: Route) -> None:
        asked.append(route.request.header_value("last-event-id"))
        queued = 'id: 1\nevent: queued\ndata: {"time": ""}\n\nid: 2\neve'
        route.continue_() if len(asked) > 1 else route.fulfill(content_type="text/event-stream", body=queued)

    page.route("**/events", cut_the_first)
    start_training(page, EPOCHS)
    watch = section(page, "train").locator(".watch")
    circles = watch.locator(".chart").first.locator("circle.validation")
    expect(circles.first).to_be_attached(timeout=LONG_MS)
    assert asked[:2] == [None, "1"]
    expect(watch.locator(".now")).to_contain_text(f"of {EPOCHS}")
    expect(page.locator("#call code")).to_contain_text(f'"epochs":{EPOCHS}')
    assert circles.count() < EPOCHS
    page.reload()
    expect(circles).to_have_count(EPOCHS, timeout=LONG_MS)
    expect(watch.locator(".status")).to_have_text("succeeded", timeout=LONG_MS)
    expect(watch.locator(".confusion .right")).to_have_count(10)
    expect(watch.locator(".evaluation h3")).to_contain_text("digit version")
    with page.expect_download() as download:
        watch.get_by_role("button", name="Metrics as CSV").click()
    assert len(download.value.path().read_text().splitlines()) == 1 + EPOCHS
    watch.locator("summary", has_text="Log").click()
    expect(watch.locator("pre")).not_to_be_empty()


@pytest.mark.train
def test_what_came_out_is_shown_with_its_worst_mistakes(visit: Visit, trained: str):
    page = visit.open(f"train/{trained}")
    watch = section(page, "train").locator(".watch")
    expect(watch.locator(".evaluation h3")).to_contain_text("not live")
    expect(watch.locator(".confusion .right")).to_have_count(10)
    sheet = watch.locator(".evaluation figure img")
    assert sheet.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    chart = watch.locator(".chart svg").first
    chart.hover()
    expect(watch.locator(".chart .epoch").first).to_have_text("Training 1")
    expect(section(page, "train").locator(".jobs a[aria-current]")).to_contain_text(trained)


@pytest.mark.train
def test_a_training_is_paused_resumed_and_cancelled(visit: Visit, service: Service):
    page = visit.open("train")
    start_training(page, 500)
    watch = section(page, "train").locator(".watch")
    watch.get_by_role("button", name="Pause").click()
    expect(watch.locator(".status")).to_have_text("paused", timeout=LONG_MS)
    watch.get_by_role("button", name="Resume").click()
    expect(watch.get_by_role("button", name="Pause")).to_be_visible(timeout=LONG_MS)
    watch.get_by_role("button", name="Cancel").click()
    confirm(page, f"Cancel job {page.url.rpartition('/')[2]}")
    expect(watch.locator(".status")).to_have_text("cancelled", timeout=LONG_MS)
    expect(watch.locator(".actions")).to_be_empty()
    assert service.get(f"/jobs/{page.url.rpartition('/')[2]}")["status"] == "cancelled"


def test_a_job_that_is_not_known_is_told(visit: Visit):
    page = visit.open("train/no-such-job")
    expect(section(page, "train").locator(".error-notice").first).to_contain_text("no-such-job")
    expect(section(page, "train").locator(".watch")).to_be_hidden()
    visit.expect_refusal(404)


def test_a_sentence_of_the_service_is_translated_and_back(visit: Visit):
    page = visit.open("train/no-such-job")
    trouble = section(page, "train").locator(".error-notice").first
    expect(trouble).to_contain_text("there is no job")
    page.get_by_role("button", name="한국어").click()
    expect(trouble).to_have_text("작업을 찾을 수 없습니다: 'no-such-job'")
    expect(trouble.locator("[data-sentence]")).to_have_attribute("lang", "ko")
    page.get_by_role("button", name="English").click()
    expect(trouble).to_contain_text("there is no job")
    visit.expect_refusal(404)


def test_what_is_wrong_with_a_field_is_said_in_korean_and_fields_are_named(visit: Visit):
    page = visit.open("train")
    train = section(page, "train")
    rate = train.locator("form [name=learning_rate]")
    rate.fill("0")
    train.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("button", name="한국어").click()
    expect(train.locator("form .error-notice")).to_have_text("요청이 올바르지 않습니다 · 학습률: 0보다 커야 합니다")
    expect(train.get_by_label("학습률 learning_rate")).to_be_visible()
    visit.expect_refusal(422)


def test_a_translation_fills_in_parts_and_leaves_alone_what_it_does_not_know(visit: Visit):
    translate = """async (text) => {
        const [script] = document.querySelectorAll("script[type=module]");
        const { Translation } = await import(script.src.replace("main", "translation"));
        const table = { "{what}: {why}": "{why} - {what}", "no {thing}": "{thing} 없음", "no text": "빈 글" };
        return new Translation(table).of(text);
    }"""
    page = visit.open("train")
    assert page.evaluate(translate, "no (job)?") == "(job)? 없음"
    assert page.evaluate(translate, "no text") == "빈 글"
    assert page.evaluate(translate, "a: no text") == "빈 글 - a"
    assert page.evaluate(translate, "something else") is None


def test_the_form_has_the_bounds_and_defaults_of_the_schema(visit: Visit, service: Service):
    page = visit.open("train")
    train = section(page, "train")
    for family in ("digit", "cifar", "text"):
        train.locator(".family").select_option(family)
        properties = service.get("/openapi.json")["components"]["schemas"][f"Train_{family}"]["properties"]
        for name, schema in properties.items():
            usual = schema.get("default", "")
            shown = "" if usual == [] else str(usual)
            expect(train.locator(f"form [name={name}]")).to_have_value(shown)
    expect(train.locator("form [name=file]")).to_be_visible()
    train.locator(".family").select_option("digit")
    epochs = train.locator("form [name=epochs]")
    assert epochs.get_attribute("min") == "1"
    epochs.fill("0")
    train.get_by_role("button", name="Start", exact=True).click()
    assert epochs.evaluate("input => input.validity.rangeUnderflow")


def test_a_training_that_is_refused_says_why_and_where(visit: Visit):
    page = visit.open("train")
    train = section(page, "train")
    train.get_by_role("button", name="Start", exact=True).click()
    expect(train.locator("form .error-notice")).to_contain_text("mnist.npz")
    visit.expect_refusal(409)
    rate = train.locator("form [name=learning_rate]")
    rate.fill("0")  # above 0, which an input's bounds cannot say
    train.get_by_role("button", name="Start", exact=True).click()
    expect(train.locator("form .error-notice")).to_contain_text("learning_rate")
    expect(rate).to_have_attribute("aria-invalid", "true")
    expect(rate).to_be_focused()
    visit.expect_refusal(422)
