"""POST /predict/digit: pictures in every form and format, answered by the starter version."""

import base64
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.families.digit.stroke_rendering import cover_of
from app.families.imaging import png
from tests.drawing import draw_digit, on_paper

SEVEN = draw_digit(7, 200, thickness=16)


@pytest.fixture
def client(unchanged: TestClient) -> TestClient:
    return unchanged


def encoded(picture: Image.Image, form: str, **options: object) -> bytes:
    target = io.BytesIO()
    picture.save(target, form, **options)
    return target.getvalue()


def label(response) -> str:
    assert response.status_code == 200, response.text
    return str(response.json()["label"])


def test_an_answer_has_labels_with_probabilities_most_likely_first(client: TestClient):
    answer = client.post("/predict/digit", files={"file": png(SEVEN)}).json()
    assert (answer["model"], answer["version"], answer["label"]) == ("digit", 1, "7")
    shares = list(answer["probabilities"].values())
    assert sorted(answer["probabilities"]) == list("0123456789")
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == answer["confidence"]
    assert sum(shares) == pytest.approx(1, abs=1e-5)


def test_form_body_and_json_give_the_same_answer(client: TestClient):
    content = png(SEVEN)
    text = base64.b64encode(content).decode()
    answers = [
        client.post("/predict/digit", files={"file": ("seven.png", content, "image/png")}),
        client.post("/predict/digit", content=content, headers={"content-type": "image/png"}),
        client.post("/predict/digit", content=content, headers={"content-type": "application/octet-stream"}),
        client.post("/predict/digit", json={"image": text}),
        client.post("/predict/digit", json={"image": f"data:image/png;base64,{text}"}),
    ]
    assert label(answers[0]) == "7"
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_every_usual_format_is_read(client: TestClient, form: str):
    assert label(client.post("/predict/digit", files={"file": encoded(Image.fromarray(SEVEN), form)})) == "7"


@pytest.mark.parametrize("digit", range(10))
@pytest.mark.parametrize("thickness", [6, 14, 28])
def test_drawn_digits_are_recognised(client: TestClient, digit: int, thickness: int):
    assert label(client.post("/predict/digit", files={"file": png(draw_digit(digit, 280, thickness))})) == str(digit)


@pytest.mark.parametrize("digit", range(10))
def test_photographed_digits_are_recognised(client: TestClient, digit: int):
    photo = encoded(Image.fromarray(on_paper(cover_of(digit, (400, 300), 12))), "JPEG", quality=85)
    assert label(client.post("/predict/digit", files={"file": photo})) == str(digit)


def test_top_k_limits_the_labels(client: TestClient):
    answer = client.post("/predict/digit?top_k=3", files={"file": png(SEVEN)}).json()
    assert len(answer["probabilities"]) == 3
    assert client.post("/predict/digit?top_k=0", files={"file": png(SEVEN)}).status_code == 422


@pytest.mark.parametrize("version", ["1", "live"])
def test_a_version_can_be_named(client: TestClient, version: str):
    answer = client.post("/predict/digit", params={"version": version}, files={"file": png(SEVEN)}).json()
    assert answer["version"] == 1


def test_an_alias_can_be_named_but_not_beside_a_version(client: TestClient):
    client.put("/models/digit/aliases/candidate", json={"version": 1})

    def asked(query: str):
        return client.post(f"/predict/digit?{query}", files={"file": png(SEVEN)})

    assert asked("alias=candidate").json()["version"] == asked("version=candidate").json()["version"] == 1
    assert asked("alias=nobody").status_code == 404
    for query in ("alias=candidate&version=1", "alias=1"):
        assert asked(query).status_code == 422, query


def test_debug_shows_what_the_network_saw(client: TestClient):
    response = client.post("/predict/digit?debug=input", files={"file": png(SEVEN)})
    assert response.headers["content-type"] == "image/png"
    seen = Image.open(io.BytesIO(response.content))
    assert (seen.size, seen.mode) == ((28, 28), "L")
    pixels = np.asarray(seen)
    assert pixels[0].max() == 0
    assert pixels.max() > 200, "bright ink on black"


@pytest.mark.parametrize(
    "picture", [np.full((100, 100), 255, np.uint8), np.zeros((100, 100), np.uint8), np.full((28, 28), 128, np.uint8)]
)
def test_an_empty_picture_is_no_confident_digit(client: TestClient, picture: np.ndarray):
    response = client.post("/predict/digit", files={"file": png(picture)})
    assert response.status_code == 422
    assert "no digit" in response.json()["detail"]


def test_a_batch_answers_in_order_with_a_problem_in_its_place(client: TestClient):
    files = [("files", png(draw_digit(digit, 100, 8))) for digit in (3, 1)]
    files.insert(1, ("files", b"not a picture"))
    response = client.post("/predict/digit/batch?top_k=1", files=files)
    assert response.status_code == 200
    first, refused, last = response.json()
    assert (first["label"], last["label"]) == ("3", "1")
    assert refused["status"] == 422


def test_many_at_once_are_all_answered_with_their_own_digit(client: TestClient):
    pictures = [(digit, png(draw_digit(digit, 64, 6))) for digit in range(10)] * 10
    with ThreadPoolExecutor(16) as threads:
        labels = list(threads.map(lambda pair: label(client.post("/predict/digit", files={"file": pair[1]})), pictures))
    assert labels == [str(digit) for digit, _ in pictures]
