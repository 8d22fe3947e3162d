"""The application in two replicas behind Ray Serve's proxy: promotions and a killed replica fail no request."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import Settings
from app.store.opening import open_store
from tests.cluster.cluster import RayCluster
from tests.cluster.replicas import SEVEN, Replicas, deployed
from tests.hostile.wire import Wire, head
from tests.second_version import publish_second_version
from tests.service import Caller

pytestmark = pytest.mark.alone

CALLERS = 4
PROMOTIONS = 10
WATCHED_SECONDS = 2  # within which every replica follows a promotion


@pytest.fixture(scope="module")
def replicas(cluster: RayCluster, places: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    """Two of them over a store with two versions of digit."""
    publish_second_version(open_store(places))
    with deployed(cluster, places, tmp_path_factory.mktemp("serve"), replicas=2) as running:
        yield running


def test_two_replicas_answer_through_ten_promotions_and_the_kill_of_one(replicas: Replicas):
    callers = [Caller(replicas, SEVEN) for _ in range(CALLERS)]  # type: ignore[arg-type]
    threads = [threading.Thread(target=caller) for caller in callers]
    for thread in threads:
        thread.start()
    seconds = []
    try:
        for number in range(PROMOTIONS):
            seconds.append(replicas.promote(2 - number % 2))
            if number == PROMOTIONS // 2:
                replicas.kill_one()
    finally:
        for caller in callers:
            caller.stop()
        for thread in threads:
            thread.join()
    assert max(seconds) < WATCHED_SECONDS
    assert [failure for caller in callers for failure in caller.failures] == []
    answers = [answer for caller in callers for answer in caller.answers]
    assert {answer["version"] for answer in answers} == {1, 2}
    assert len(answers) > 100
    assert {answer["label"] for answer in answers} == {"7"}


def test_texts_come_word_by_word_through_the_proxy(replicas: Replicas):
    wish = {"seed_text": "나는 오늘", "next_words": 5, "stream": True}
    with replicas.client.stream("POST", "/generate", json=wish) as answer:
        kinds = re.findall(r"^event: (\w+)", "\n".join(answer.iter_lines()), flags=re.MULTILINE)
    assert kinds == ["word"] * 5 + ["done"]


REPLICA = """
import uvicorn
from app.ray_serve import application
built = application()
config = uvicorn.Config(lambda: built, factory=True, lifespan="off", log_config=None)  # as Ray does it
config.load()
print(config.http_protocol_class.limits.head_bytes)
"""


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs Ray: pip install fitserve[cluster]")
def test_the_server_of_a_replica_takes_the_protocol_with_the_limits_of_the_settings(tmp_path: Path):
    chosen = {
        "FITSERVE_MAX_HEADER_BYTES": "1000",
        "FITSERVE_STORE": str(tmp_path),
        "FITSERVE_ALLOW_UNAUTHENTICATED": "true",
    }
    command = [sys.executable, "-c", REPLICA]
    done = subprocess.run(command, env={**os.environ, **chosen}, capture_output=True, text=True, check=True)
    assert done.stdout == "1000\n"


def test_replicas_read_what_is_sent_with_an_offer_of_another_protocol_and_bound_heads(replicas: Replicas):
    offer = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__")
    ports = list(replicas.running().values())
    for port in (*ports, replicas.port):
        with Wire(port) as wire:
            wire.send(head("POST", "/predict/digit", b"Content-Type: image/png", *offer, length=len(SEVEN)), SEVEN)
            answer = wire.answer()
            assert (answer.status, json.loads(answer.body)["label"]) == (200, "7")
    for port in ports:
        with Wire(port) as wire:
            wire.send(head("GET", "/health/live", b"X: " + b"a" * 70_000))
            assert wire.answer().status == 431
