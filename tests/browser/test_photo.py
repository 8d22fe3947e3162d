"""Photographs on the page."""

from playwright.sync_api import FilePayload, expect

from tests.browser.conftest import Visit
from tests.browser.page_actions import PICTURES, section

NO_CAMERA = """() => {
    navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "NotAllowedError"); };
}"""


def test_uploaded_photographs_are_classified(visit: Visit):
    page = visit.open("photo")
    photo = section(page, "photo")
    photo.locator("input[type=file]").set_input_files([PICTURES / "plane.jpg", PICTURES / "three.jpg"])
    cards = photo.locator(".photos > li")
    expect(cards).to_have_count(2)
    plane = cards.filter(has=page.get_by_alt_text("plane.jpg"))
    expect(plane.locator(".answer")).to_have_text("airplane")
    expect(plane.locator(".bars li")).to_have_count(3)
    expect(plane.locator(".pixels")).to_be_visible()
    assert plane.locator(".pixels").evaluate("image => image.decode().then(() => image.naturalWidth)") == 32
    photo.get_by_role("button", name="Remove all").click()
    expect(cards).to_have_count(0)


def test_a_picture_that_cannot_be_read_leaves_the_others_alone(visit: Visit):
    page = visit.open("photo")
    photo = section(page, "photo")
    broken = FilePayload(name="broken.png", mimeType="image/png", buffer=b"no picture")
    photo.locator("input[type=file]").set_input_files([broken])
    expect(photo.locator(".photos .bad")).to_contain_text("not a picture")
    photo.locator("input[type=file]").set_input_files([PICTURES / "plane.jpg"])
    expect(photo.locator(".photos .answer")).to_have_text("airplane")
    visit.expect_refusal(422)


def test_the_camera_takes_a_photograph_and_does_not_outlast_the_section(visit: Visit):
    page = visit.open("photo")
    photo = section(page, "photo")
    photo.get_by_role("button", name="Camera").click()
    expect(photo.locator("video")).to_be_visible()
    photo.get_by_role("button", name="Take picture").click()
    expect(photo.locator(".photos > li .answer")).to_have_count(1)
    page.get_by_role("link", name="Text", exact=True).click()
    expect(section(page, "text")).to_be_visible()
    assert photo.locator("video").evaluate("video => video.srcObject") is None
    page.get_by_role("link", name="Photo").click()
    expect(photo.get_by_role("button", name="Camera", exact=True)).to_be_visible()


def test_a_camera_that_is_refused_is_told(visit: Visit):
    page = visit.open("photo")
    page.evaluate(NO_CAMERA)
    section(page, "photo").get_by_role("button", name="Camera").click()
    expect(section(page, "photo").locator(".error-notice")).to_contain_text("blocks camera access")
