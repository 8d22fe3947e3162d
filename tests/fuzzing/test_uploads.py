"""Mutated pictures and forms: nothing fails inside, and nothing of them stays. FUZZING=long tries 5,000."""

import base64
import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import STARTERS
from bench.servers import memory
from tests.fuzzing.mutation import FORM, form, mutated, pictures
from tests.fuzzing.untrained import UntrainedService
from tests.service import Service

CASES = 5000 if os.environ.get("FUZZING") == "long" else 300
WARM_UP = CASES // 5
GROWTH = 1.1
CORPUS = "나는 오늘 학교에 갔다\n너는 집에 있었다\n".encode() * 20


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("fuzzing")
    settings = {"store": folder / "store", "starters": STARTERS, "data_dir": folder, "offline": True}
    with UntrainedService(max_queued=10_000, **settings) as started:
        yield started


def requests(dice: random.Random) -> Iterator[tuple[str, str, bytes]]:
    """Path, content type and body: pictures bare, in forms and in JSON, whole ones in broken forms, and texts."""
    seeds = pictures()
    while True:
        picture, model = dice.choice(seeds), dice.choice(("digit", "digit", "digit", "cifar"))
        bad = mutated(dice, picture)
        yield f"/predict/{model}", "image/png", bad
        yield f"/predict/{model}", FORM, form(b"file", bad)
        yield f"/predict/{model}", FORM, mutated(dice, form(b"file", picture))
        yield f"/predict/{model}/batch", FORM, mutated(dice, form(b"files", picture, bad, picture))
        yield f"/predict/{model}", "application/json", json.dumps({"image": base64.b64encode(bad).decode()}).encode()
        yield f"/v2/models/{model}/infer", "application/octet-stream", bad
        yield "/train/text", FORM, mutated(dice, form(b"file", CORPUS))


@pytest.mark.timeout(300 + CASES // 2)
def test_broken_pictures_and_forms_are_refused_and_leave_nothing(service: Service):
    seen: Counter[int] = Counter()
    for number, (path, media, body) in enumerate(requests(random.Random(20)), start=1):
        headers = {"Content-Type": media} | ({"Inference-Header-Content-Length": "0"} if "/v2/" in path else {})
        response = service.client.post(path, content=body, headers=headers)
        assert response.status_code < 500, f"request {number} to {path}: {response.text}"
        seen[response.status_code] += 1
        if number == WARM_UP:
            before = memory(service.process)
        if number == CASES:
            break
    assert memory(service.process) <= GROWTH * before
    assert set(seen) <= {200, 202, 400, 409, 413, 415, 422}
    assert seen[422] > CASES // 4
    assert seen[200] > CASES // 20  # some are read all the same
    assert service.client.get("/health/ready").status_code == 200
