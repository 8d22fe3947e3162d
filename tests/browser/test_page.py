"""What people do on the page, done by a browser."""

import base64
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browser.conftest import KEY, Visit, ask_for_a_key, visiting
from tests.service import Service

SEVEN = [(70, 60), (210, 60), (130, 230)]

SLOWLY = """
const fetched = window.fetch;
window.fetch = async (...wish) => {
  const answer = await fetched(...wish);
  const slow = new TransformStream({
    async transform(bytes, out) {
      for (let place = 0; place < bytes.length; place += 100) {
        out.enqueue(bytes.slice(place, place + 100));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
  });
  return String(wish[0]).endsWith("/generate") ? new Response(answer.body.pipeThrough(slow), answer) : answer;
};
"""


def draw(page: Page, points: list[tuple[int, int]]) -> None:
    box = page.locator("canvas").bounding_box()
    assert box
    scale = box["width"] / 280
    places = [(box["x"] + x * scale, box["y"] + y * scale) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def section(page: Page, name: str) -> Locator:
    return page.locator(f"#{name}")


def start_training(page: Page, epochs: int) -> None:
    form = section(page, "train")
    form.locator(".family").select_option("digit")
    form.get_by_role("button", name="Seconds, and no download").click()
    form.locator("[name=epochs]").fill(str(epochs))
    form.get_by_role("button", name="Start", exact=True).click()


def test_a_drawn_seven_is_a_seven(visit: Visit):
    page = visit.open("digit")
    draw(page, SEVEN)
    digit = section(page, "digit")
    expect(digit.locator(".answer")).to_have_text("7")
    expect(digit.locator(".bars li")).to_have_count(10)
    seen = digit.locator(".seen")
    expect(seen).to_be_visible()
    assert seen.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [28, 28]
    expect(page.locator("#call [data-language=curl] code")).to_contain_text("/predict/digit")
    digit.get_by_role("button", name="Clear").click()
    expect(digit.locator(".answer")).to_have_text("–")


def test_a_seven_can_be_drawn_with_the_keyboard_alone(visit: Visit):
    page = visit.open("digit")
    page.locator("canvas").focus()
    for key, times in (("ArrowLeft", 8), (" ", 1), ("ArrowRight", 15), ("ArrowDown", 20)):
        for _ in range(times):
            page.keyboard.press(key)
    expect(section(page, "digit").locator(".answer")).to_have_text("7")


def test_an_answer_to_an_older_drawing_is_dropped(visit: Visit):
    page = visit.open("digit")
    late: list[Route] = []

    def keep_the_first(route: Route) -> None:
        late.append(route) if not late else route.continue_()

    page.route(re.compile("/predict/digit$"), keep_the_first)
    draw(page, [(140, 50), (140, 230)])
    page.wait_for_timeout(300)
    section(page, "digit").get_by_role("button", name="Clear").click()
    draw(page, SEVEN)
    expect(section(page, "digit").locator(".answer")).to_have_text("7")
    answer = '{"model": "digit", "version": 1, "label": "1", "confidence": 1, "probabilities": {"1": 1}}'
    late[0].fulfill(status=200, content_type="application/json", body=answer)
    page.wait_for_timeout(200)
    expect(section(page, "digit").locator(".answer")).to_have_text("7")


def test_uploaded_photographs_are_classified(visit: Visit, pictures: Path):
    page = visit.open("photo")
    photo = section(page, "photo")
    photo.locator("input[type=file]").set_input_files([pictures / "plane.jpg", pictures / "three.jpg"])
    cards = photo.locator(".photos > li")
    expect(cards).to_have_count(2)
    plane = cards.filter(has=page.get_by_alt_text("plane.jpg"))
    expect(plane.locator(".answer")).to_have_text("airplane")
    expect(plane.locator(".bars li")).to_have_count(3)
    expect(plane.locator(".pixels")).to_be_visible()
    assert plane.locator(".pixels").evaluate("image => image.naturalWidth") == 32


def test_a_picture_can_be_dropped_or_pasted(visit: Visit, pictures: Path):
    page = visit.open("digit")
    content = base64.b64encode((pictures / "three.jpg").read_bytes()).decode()
    give = """([content, kind]) => {
        const bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
        const given = new DataTransfer();
        given.items.add(new File([bytes], "three.jpg", { type: "image/jpeg" }));
        const wish = { bubbles: true, cancelable: true };
        const target = kind === "drop" ? document.querySelector("canvas") : document;
        target.dispatchEvent(
          kind === "drop"
            ? new DragEvent("drop", { ...wish, dataTransfer: given })
            : new ClipboardEvent("paste", { ...wish, clipboardData: given }),
        );
    }"""
    for kind in ("drop", "paste"):
        page.evaluate(give, [content, kind])
        expect(section(page, "digit").locator(".answer")).to_have_text("3")
        section(page, "digit").get_by_role("button", name="Clear").click()


def test_the_camera_takes_a_photograph(visit: Visit):
    page = visit.open("photo")
    photo = section(page, "photo")
    photo.get_by_role("button", name="Camera").click()
    expect(photo.locator("video")).to_be_visible()
    photo.get_by_role("button", name="Take the picture").click()
    expect(photo.locator(".photos > li .answer")).to_have_count(1)
    photo.get_by_role("button", name="Camera").click()
    expect(photo.locator("video")).to_be_hidden()


def test_a_text_comes_word_by_word_and_tells_what_else_could_have_come(visit: Visit):
    page = visit.open("text")
    text = section(page, "text")
    text.locator("[name=next_words]").fill("5")
    text.locator("[name=seed]").fill("3")
    text.get_by_role("button", name="Go on writing").click()
    expect(text.locator(".state")).to_contain_text("Done")
    assert 1 <= text.locator(".word").count() <= 5
    text.locator(".word").first.click()
    expect(text.locator(".others .bars li")).not_to_have_count(0)


def test_a_text_stops_when_told(visit: Visit):
    visit.page.add_init_script(SLOWLY)
    page = visit.open("text")
    text = section(page, "text")
    text.locator("[name=next_words]").fill("1000")
    text.locator("[name=seed_text]").fill("모든 국민은")
    text.locator("[name=temperature]").fill("1.5")
    text.locator("[name=seed]").fill("5")
    text.get_by_role("button", name="Go on writing").click()
    expect(text.locator(".word").first).to_be_visible()
    text.get_by_role("button", name="Stop").click()
    expect(text.locator(".state")).to_have_text("Stopped.")
    written = text.locator(".word").count()
    page.wait_for_timeout(300)
    assert text.locator(".word").count() == written
    expect(text.get_by_role("button", name="Go on writing")).to_be_visible()


@pytest.mark.train
def test_a_training_is_watched_to_its_end_through_a_reload_and_a_lost_connection(visit: Visit):
    page = visit.open("train")
    asked: list[str | None] = []

    def cut_the_first(route: Route) -> None:
        asked.append(route.request.header_value("last-event-id"))
        queued = 'id: 1\nevent: queued\ndata: {"time": ""}\n\nid: 2\neve'
        route.continue_() if len(asked) > 1 else route.fulfill(content_type="text/event-stream", body=queued)

    page.route("**/events", cut_the_first)
    start_training(page, 6)
    watch = section(page, "train").locator(".watch")
    circles = watch.locator(".chart").first.locator("circle.validation")
    expect(circles.first).to_be_attached(timeout=60_000)
    before = circles.count()
    assert asked[:2] == [None, "1"]
    page.reload()
    expect(watch).to_be_visible()
    expect(circles).to_have_count(6, timeout=60_000)
    assert before <= 6
    expect(watch.locator(".status")).to_have_text("succeeded", timeout=60_000)
    expect(watch.locator(".confusion .right")).to_have_count(10)
    expect(watch.locator(".evaluation h3")).to_contain_text("digit version")
    watch.locator("summary", has_text="Log").click()


@pytest.mark.train
def test_a_version_is_promoted_and_rolled_back(visit: Visit, service: Service):
    job = service.wait(service.train(dataset="sample", epochs=1, promote="never"))
    version = job["result"]["version"]
    page = visit.open("models")
    model = page.locator("#model-digit")
    model.get_by_role("row").filter(has=page.get_by_role("rowheader", name=str(version), exact=True)).get_by_role(
        "button", name="Promote"
    ).click()
    page.get_by_role("button", name="Yes").click()
    expect(model.locator(".live th")).to_contain_text(str(version))
    assert service.get("/models/digit")["serving"] == version
    model.get_by_role("button", name="Roll back").click()
    page.locator("#confirm").get_by_role("button", name="No").click()
    assert service.get("/models/digit")["serving"] == version
    model.get_by_role("button", name="Roll back").click()
    page.get_by_role("button", name="Yes").click()
    expect(model.locator(".live th")).to_contain_text("1")
    assert service.get("/models/digit")["serving"] == 1
    model.locator("summary", has_text="Compare").click()
    expect(model.locator("details table")).to_contain_text("test_accuracy")


def test_a_file_of_a_version_is_downloaded(visit: Visit):
    page = visit.open("models")
    model = page.locator("#model-digit")
    model.locator(".live").get_by_role("button", name="Download").click()
    with page.expect_download() as download:
        model.locator(".live").get_by_role("button", name="version.json").click()
    assert download.value.suggested_filename == "digit-1-version.json"


def test_a_training_that_is_refused_says_why(visit: Visit):
    page = visit.open("train")
    section(page, "train").locator(".family").select_option("digit")
    section(page, "train").get_by_role("button", name="Start", exact=True).click()
    expect(section(page, "train").locator(".trouble")).to_contain_text("mnist.npz")
    visit.complaints[:] = [said for said in visit.complaints if "409" not in said]  # the browser tells of every refusal


def test_the_page_speaks_korean_and_english(visit: Visit):
    page = visit.open("digit")
    page.get_by_role("button", name="한국어").click()
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    expect(page.get_by_role("heading", name="숫자")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="숫자")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Digit")).to_be_visible()


def test_a_key_is_asked_for_and_kept_in_this_tab_only(visit: Visit):
    page = visit.page
    ask_for_a_key(page)
    page.goto(f"{visit.origin}/#models")
    dialog = page.locator("#key")
    expect(dialog).to_be_visible()
    dialog.locator("input").fill(KEY)
    dialog.get_by_role("button", name="Use it").click()
    expect(page.locator("#model-digit")).to_be_visible()
    assert KEY not in str(page.evaluate("[{...localStorage}, {...sessionStorage}, document.cookie]"))
    page.reload()
    expect(dialog).to_be_visible()
    visit.complaints[:] = [said for said in visit.complaints if "401" not in said]


def test_a_model_without_a_version_says_so_and_where_to_train_one(visit: Visit):
    page = visit.page
    nothing = '[{"model": "digit", "family": "digit", "serving": null, "aliases": {}, "versions": [], "faults": {}}]'
    page.route("**/models", lambda route: route.fulfill(status=200, content_type="application/json", body=nothing))
    visit.open("digit")
    expect(section(page, "digit").locator(".missing")).to_contain_text("digit has no version yet.")
    page.get_by_role("link", name="Train one: digit").click()
    expect(section(page, "train")).to_be_visible()


def test_the_health_of_the_service_is_told(visit: Visit):
    page = visit.open("health")
    expect(section(page, "health")).to_contain_text("ready")
    expect(section(page, "health")).to_contain_text("onnxruntime")


def test_nothing_is_wider_than_a_phone(browser: Browser, service: Service):
    with visiting(browser, service, viewport={"width": 360, "height": 740}) as visit:
        for name in ("digit", "photo", "text", "train", "models", "health"):
            page = visit.open(name)
            page.wait_for_load_state("networkidle")
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, name
