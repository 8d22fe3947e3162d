"""The page's files: what is sent, how long it may be kept, and what it may not do."""

import json
import re

import pytest
from starlette.testclient import TestClient

from app.web.routes.page import STATIC

MOST_BYTES = 180_000  # a sixth of it Korean translations of the service's sentences


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_has_nothing_inline_and_nothing_from_elsewhere(client: TestClient, path: str):
    page = client.get(path).text
    assert not re.search(r"<style|style=|<script(?!( type=\"module\")? src)| on\w+=|https?:|//", page)
    for address in re.findall(r'(?:src|href)="([^"#]+)"', page):
        assert client.get(f"/{address}").status_code == 200, address


def test_what_shows_the_api_is_kept_until_it_changes(client: TestClient):
    bundle = client.get("/docs/swagger-ui-bundle.js", headers={"Accept-Encoding": "gzip"})
    assert bundle.headers["content-encoding"] == "gzip"
    assert "SwaggerUIBundle" in bundle.text
    again = client.get("/docs/swagger-ui-bundle.js", headers={"If-None-Match": bundle.headers["etag"]})
    assert again.status_code == 304
    assert client.get("/docs/__init__.py").status_code == 404


def test_a_file_under_its_digest_is_kept_for_ever_and_the_page_is_asked_for_again(client: TestClient):
    page = client.get("/")
    assert page.headers["cache-control"] == "no-cache"
    assert client.get("/", headers={"If-None-Match": page.headers["etag"]}).status_code == 304
    (script,) = re.findall(r'src="(static/[0-9a-f]+/main\.js)"', page.text)
    answer = client.get(f"/{script}")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")
    assert client.get("/static/main.js").headers["cache-control"] == "no-cache"


def test_a_file_comes_packed_or_plain_as_the_browser_likes(client: TestClient):
    packed = client.get("/static/style.css", headers={"Accept-Encoding": "gzip"})
    plain = client.get("/static/style.css", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text == (STATIC / "style.css").read_text()


def test_each_encoding_of_a_file_has_a_tag_of_its_own(client: TestClient):
    packed = client.get("/static/style.css", headers={"Accept-Encoding": "gzip"}).headers["etag"]
    plain = client.get("/static/style.css", headers={"Accept-Encoding": "identity"}).headers["etag"]
    assert packed != plain

    def status(accepted: str, tags: str) -> int:
        headers = {"Accept-Encoding": accepted, "If-None-Match": tags}
        return client.get("/static/style.css", headers=headers).status_code

    for accepted, own, other in (("gzip", packed, plain), ("identity", plain, packed)):
        assert status(accepted, own) == status(accepted, f'"another", W/{own}') == status(accepted, "*") == 304
        assert status(accepted, other) == 200


def test_a_file_that_the_browser_has_is_not_sent_but_may_be_kept_on(client: TestClient):
    sent = client.get("/static/style.css")
    again = client.get("/static/style.css", headers={"If-None-Match": sent.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for name in ("etag", "cache-control", "vary"):
        assert again.headers[name] == sent.headers[name]


def test_only_the_files_of_the_page_are_there(client: TestClient):
    for name in ("nothing.js", "../page.py", "%2e%2e/page.py", ""):
        assert client.get(f"/static/{name}").status_code == 404


def test_the_whole_page_is_small():
    assert sum(path.stat().st_size for path in STATIC.iterdir()) < MOST_BYTES


def test_both_languages_say_everything_that_the_page_asks_for():
    english, korean = (json.loads((STATIC / f"{name}.json").read_text()) for name in ("en", "ko"))
    described = {name for name in korean if name.startswith("hp.")}  # in English the service itself describes them
    assert english.keys() == korean.keys() - described
    page = (STATIC / "index.html").read_text()
    scripts = "".join(path.read_text() for path in STATIC.glob("*.js"))
    named = set(re.findall(r'data-t(?:-label|-placeholder)?="([^"]+)"', page))
    groups = "|".join({name.partition(".")[0] for name in english if "." in name})
    named |= set(re.findall(rf'"((?:{groups})\.\w+)"', scripts)) | set(re.findall(r'words\("(\w+)"', scripts))
    named = {name for name in named if not name.endswith((".js", ".json", ".jpg", ".png"))}
    assert named <= english.keys()
    made = tuple(re.findall(rf"`((?:{groups})\.(?:\w+\.)?)\$", scripts))  # keys whose end is a name of the API's
    assert all(name.startswith(made) for name in english.keys() - named)
    fills = re.compile(r"\{\w+\}")
    assert all(sorted(fills.findall(text)) == sorted(fills.findall(korean[key])) for key, text in english.items())


def test_every_hyperparameter_is_described_in_korean(client: TestClient):
    korean = json.loads((STATIC / "ko.json").read_text())
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    families = {name.removeprefix("Train_"): schema for name, schema in schemas.items() if name.startswith("Train_")}
    wanted = {f"hp.{family}.{name}" for family, schema in families.items() for name in schema["properties"]}
    wanted |= {f"hp.{name}" for schema in families.values() for name in schema["properties"]}
    assert {name for name in korean if name.startswith("hp.")} == wanted
