"""`docker compose up`, for real: predict, train, be killed, come back, and keep the versions.

Runs where FITSERVE_CONTAINERS=true says that Docker with Compose is at hand.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import sync_playwright

from tests.browser.attacking import EVIL, LOOKS, NAMES, attack, elsewhere
from tests.browser.conftest import CHROMIUM
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "fitserve-test"
PORT = 18080
BUILD_SECONDS, UP_SECONDS, TRAIN_SECONDS = 400, 90, 120

pytestmark = pytest.mark.timeout(BUILD_SECONDS + 200)


def docker(*arguments: str, seconds: float = 60, **variables: object) -> str:
    """What a docker command says; fails with what it said when it fails."""
    environment = {**os.environ, "FITSERVE_PORT": str(PORT), **{name: str(value) for name, value in variables.items()}}
    done = subprocess.run(
        [os.environ.get("DOCKER", "docker"), *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds,
    )  # fmt: skip
    assert done.returncode == 0, f"docker {' '.join(arguments)}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout.strip()


def compose(*arguments: str, seconds: float = 60, **variables: object) -> str:
    return docker("compose", "--project-name", PROJECT, *arguments, seconds=seconds, **variables)


def up(**variables: object) -> float:
    """Seconds until the service is healthy."""
    begun = time.monotonic()
    compose("up", "--detach", "--no-build", "--wait", seconds=UP_SECONDS, **variables)
    return time.monotonic() - begun


@pytest.fixture(scope="module")
def client(containers: None) -> Iterator[httpx2.Client]:  # noqa: ARG001
    """Talks to the service: both targets are built and `full` is up with an empty volume; in the end all is removed."""
    for target in ("full", "serve"):
        compose("build", seconds=BUILD_SECONDS, FITSERVE_TARGET=target)
    try:
        print(f"healthy after {up():.1f} s")  # noqa: T201  -s shows it
        with httpx2.Client(base_url=f"http://127.0.0.1:{PORT}", timeout=30) as opened:
            yield opened
    finally:
        compose("down", "--volumes", "--timeout", "20")


def predicted(client: httpx2.Client) -> dict[str, object]:
    """What the service says of a seven."""
    answer = client.post("/predict/digit", files={"file": (ROOT / "docs/pictures/seven.png").read_bytes()})
    assert answer.status_code == 200, answer.text
    body: dict[str, object] = answer.json()
    assert body["label"] == "7"
    return body


def test_what_was_trained_outlives_a_kill_and_a_new_container(client: httpx2.Client):
    assert predicted(client)["version"] == 1
    job = client.post("/train/digit", json={"dataset": "sample", "epochs": 2, "promote": "always"}).json()["id"]
    deadline = time.monotonic() + TRAIN_SECONDS
    while (seen := client.get(f"/jobs/{job}").json())["status"] in ("queued", "running"):
        assert predicted(client)  # while it trains
        assert time.monotonic() < deadline, seen
        time.sleep(0.5)
    assert seen["status"] == "succeeded", seen

    docker("kill", "--signal", "KILL", compose("ps", "--quiet", "fitserve"))
    up()
    assert predicted(client)["version"] == 2

    compose("down", "--timeout", "20")
    up()
    assert predicted(client)["version"] == 2
    assert client.get(f"/jobs/{job}").json()["status"] == "succeeded"


@pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium: apt-get install chromium")
def test_pages_elsewhere_and_rebound_names_reach_nothing_in_it(client: httpx2.Client):
    job = client.post("/train/digit", json={"dataset": "sample", "epochs": 50}).json()["id"]
    client.post(f"/jobs/{job}/pause")
    until(lambda: client.get(f"/jobs/{job}").json()["status"] == "paused", 60, "it is set aside")
    before = [client.get(path).json() for path in ("/jobs", "/sweeps", "/models/digit")]
    with sync_playwright() as playwright, elsewhere() as site:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", NAMES])
        page = browser.new_page()
        page.goto(site)
        told = attack(client, page, f"http://localhost:{PORT}", job)
        assert {told[name] for name in ("delete", "promote", "train by JSON", "read")} == {"TypeError"}
        assert set(page.evaluate(LOOKS, f"http://localhost:{PORT}").values()) == {"not shown"}
        assert page.goto(f"http://{EVIL}:{PORT}").status == 403  # type: ignore[union-attr]
        told = attack(client, page, "", job)
        assert {status for name, status in told.items() if name != "beacon"} == {403}
        assert page.goto(f"http://localhost:{PORT}").status == 200  # type: ignore[union-attr]
        browser.close()
    assert [client.get(path).json() for path in ("/jobs", "/sweeps", "/models/digit")] == before
    client.post(f"/jobs/{job}/cancel")


def test_the_container_is_nobody_and_writes_only_where_it_should(client: httpx2.Client):  # noqa: ARG001
    inside = ("exec", "-T", "fitserve")
    assert compose(*inside, "id", "--user") == "10001"
    tries = "touch /x /opt/x || touch /store/.try /tmp/try && rm /store/.try; command -v gcc cc make || true"
    assert compose(*inside, "sh", "-c", tries) == ""


def test_what_only_serves_is_a_third_of_the_size_and_has_no_tensorflow(client: httpx2.Client):  # noqa: ARG001
    sizes = [
        int(docker("image", "inspect", "--format", "{{.Size}}", f"fitserve:{target}")) for target in ("full", "serve")
    ]
    assert sizes[1] <= sizes[0] / 3
    find = "from importlib.util import find_spec; print(find_spec('tensorflow'), find_spec('onnxruntime') is not None)"
    said = docker("run", "--rm", "--read-only", "--network", "none", "fitserve:serve", "python", "-c", find)
    assert said == "None True"


def test_a_node_of_a_cluster_starts_from_its_image(containers: None):  # noqa: ARG001
    files = ("--file", "docker-compose.yml", "--file", "docker-compose.cluster.yml", "--profile", "cluster")
    services = json.loads(compose(*files, "config", "--format", "json"))["services"]
    assert {"fitserve", "postgres", "bucket", "ray-head", "ray-worker"} <= set(services)
    assert services["fitserve"]["environment"]["FITSERVE_LAUNCHER"] == "ray"
    compose(*files, "build", "fitserve", seconds=BUILD_SECONDS)
    try:
        compose(*files, "up", "--detach", "--no-build", "--wait", "ray-head", seconds=UP_SECONDS)
    finally:
        compose(*files, "down", "--timeout", "20")
