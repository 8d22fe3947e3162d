"""Versions that take turns under load: nobody waits, nothing fails, and every answer is of one version."""

import asyncio
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.families.imaging import png
from app.settings import STARTERS
from app.store.model_store import ModelStore
from tests.drawing import draw_digit
from tests.second_version import publish_second_version
from tests.service import Service

pytestmark = [pytest.mark.anyio, pytest.mark.alone]

SEVEN = png(draw_digit(7, 28, 2.5))
CONNECTIONS = 32
SWAPS = 50
SETTLED = 5  # swaps after which memory must not grow by more than a tenth


@dataclass
class Turns:
    """Moves `live` to and fro between versions 1 and 2; remembers from when until when each may have answered."""

    service: Service
    client: httpx2.AsyncClient
    memory: list[int] = field(default_factory=list)
    begun: list[float] = field(default_factory=lambda: [0.0])
    ended: list[float] = field(default_factory=list)
    over: bool = False

    async def take(self) -> None:
        for number in range(SWAPS):
            self.begun.append(time.monotonic())
            if number % 2:
                response = await self.client.post("/models/digit/rollback")
            else:
                response = await self.client.put("/models/digit/aliases/live", json={"version": 2})
            self.ended.append(time.monotonic())
            assert response.json()["serving"] == 2 - number % 2
            self.memory.append(resident(self.service))
        self.over = True

    def was_live(self, version: int, begun: float, ended: float) -> bool:
        """Whether a version was live, or on its way in or out, at some moment between the two."""
        return any(
            turn % 2 + 1 == version and since <= ended and begun <= until
            for turn, (since, until) in enumerate(zip(self.begun, [*self.ended, float("inf")], strict=True))
        )


def resident(service: Service) -> int:
    """Resident memory in kB."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{service.process.pid}/status").read_text())
    assert found
    return int(found[1])


async def asked(client: httpx2.AsyncClient, version: str | None = None) -> dict[str, Any]:
    params = {"version": version} if version else None
    response = await client.post("/predict/digit", params=params, files={"file": SEVEN})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_fifty_swaps_at_thirty_two_connections_fail_and_mix_nothing(tmp_path: Path):
    publish_second_version(ModelStore(tmp_path))
    answers: list[tuple[dict[str, Any], float, float]] = []
    with Service(store=tmp_path, starters=STARTERS, offline=True) as service:
        limits = httpx2.Limits(max_connections=CONNECTIONS + 1)
        url = f"http://127.0.0.1:{service.port}"
        async with httpx2.AsyncClient(base_url=url, timeout=30, limits=limits) as client:
            turns = Turns(service, client)
            sure = {version: (await asked(client, str(version)))["confidence"] for version in (1, 2)}

            async def connection() -> None:
                while not turns.over:
                    begun = time.monotonic()
                    answer = await asked(client)
                    answers.append((answer, begun, time.monotonic()))

            async with asyncio.TaskGroup() as tasks:
                for _ in range(CONNECTIONS):
                    tasks.create_task(connection())
                tasks.create_task(turns.take())

    assert sure[1] != sure[2]
    assert {answer["version"] for answer, *_ in answers} == {1, 2}
    for answer, begun, ended in answers:
        assert answer["confidence"] == pytest.approx(sure[answer["version"]], abs=1e-5), "computed by another version"
        assert turns.was_live(answer["version"], begun, ended), answer
    assert turns.memory[-1] < 1.1 * turns.memory[SETTLED - 1]
