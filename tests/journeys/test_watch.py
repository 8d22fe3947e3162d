"""Watching and pausing a real training over HTTP."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.corpora import THREE_LINES
from tests.service import QUICK, Service
from tests.waiting import until

pytestmark = pytest.mark.train


def read(service: Service, job: str, after: int = 0, most: int | None = None) -> list[dict[str, Any]]:
    """The events of a stream, to its end or until the client leaves after `most` of them."""
    found: list[dict[str, Any]] = []
    with service.client.stream("GET", f"/jobs/{job}/events", headers={"Last-Event-ID": str(after)}) as stream:
        event: dict[str, Any] = {}
        for line in stream.iter_lines():
            name, _, value = line.partition(": ")
            if name in ("id", "event", "data"):
                event[name] = value
            elif not line and event:
                found.append({"id": int(event["id"]), "kind": event["event"], **json.loads(event["data"])})
                event = {}
                if len(found) == most:
                    break
    return found


def test_a_training_that_is_stopped_early_publishes_its_best_epoch(tmp_path: Path):
    with Service(store=tmp_path / "store", starters=tmp_path, offline=True) as service:
        job = service.train(**QUICK, epochs=200)
        while not service.get(f"/jobs/{job}/history"):
            assert service.get(f"/jobs/{job}")["status"] in ("queued", "running")
            time.sleep(0.1)
        assert "attempt begins" in service.client.get(f"/jobs/{job}/log").text
        service.client.post(f"/jobs/{job}/cancel", json={"stop_early": True})
        ended = service.wait(job)
        assert ended["status"] == "succeeded", ended
        curves = service.get("/models/digit/versions/1")["curves"]
        assert 1 <= len(curves) < 200
        assert max(row["val_accuracy"] for row in curves) == curves[-1]["val_accuracy"]


def test_a_training_is_watched_paused_resumed_and_drawn(tmp_path: Path):
    with Service(store=tmp_path / "store", starters=tmp_path, offline=True, tensorboard=True) as service:
        job = service.train(dataset="sample", epochs=6)
        seen = read(service, job, most=6)
        while not any(event["kind"] == "epoch" for event in seen):
            assert service.get(f"/jobs/{job}")["status"] == "running"
            seen += read(service, job, after=seen[-1]["id"], most=3)
        assert service.client.get(f"/jobs/{job}/plot.svg").text.startswith("<?xml")
        service.client.post(f"/jobs/{job}/pause")
        deadline = time.monotonic() + 20
        while service.get(f"/jobs/{job}")["status"] != "paused" and time.monotonic() < deadline:
            time.sleep(0.05)
        paused = service.get(f"/jobs/{job}")
        assert (paused["status"], paused["control_request"]) == ("paused", None)
        assert service.client.post(f"/jobs/{job}/resume").json()["status"] == "queued"

        seen += read(service, job, after=seen[-1]["id"])
        ended = service.get(f"/jobs/{job}")
        assert (ended["status"], ended["attempts"]) == ("succeeded", 1)
        ids = [event["id"] for event in seen]
        assert ids == sorted(set(ids)), "every event once"
        assert seen == read(service, job), "and none is missing"
        rows = service.get(f"/jobs/{job}/history")
        assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5, 6]
        assert rows == service.get("/models/digit/versions/1")["curves"]
        assert service.client.get(f"/jobs/{job}/plot.png").content.startswith(b"\x89PNG")
        assert service.client.get(f"/jobs/{job}/log?follow=true").status_code == 200
        assert list((tmp_path / "store" / ".jobs" / job / "tensorboard").glob("events.out.tfevents.*"))


@pytest.mark.parametrize("encoding", ["cp949", "utf-16"])
def test_a_text_from_korean_windows_is_learned_and_the_job_says_its_encoding(tmp_path: Path, encoding: str):
    with Service(store=tmp_path / "store", starters=tmp_path, offline=True) as service:
        wishes = {"cell": "gru", "units": "16", "epochs": "2"}
        file = {"file": ("lines.txt", THREE_LINES.encode(encoding))}
        job = service.client.post("/train/text", data=wishes, files=file).json()["id"]
        assert service.wait(job)["status"] == "succeeded"
        assert [event["encoding"] for event in read(service, job) if "encoding" in event] == [encoding]
        assert encoding in service.client.get(f"/jobs/{job}/log").text
        asked = {"seed_text": THREE_LINES, "model": "gru"}
        until(lambda: service.client.post("/generate", json=asked).status_code == 200, 30, "it serves")
        assert service.client.post("/generate", json=asked).json()["ignored_words"] == []
