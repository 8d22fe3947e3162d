"""Intake: a network from elsewhere is tried out in a process of its own; who asked for it makes it a version.

So a version is published by whoever answers for it, and by nobody after it was told that it failed.
"""

import asyncio
import json
import os
import sys
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from app.errors import Conflict, Damaged, FitserveError, InvalidRequest, NotFound, SystemFault, Unavailable
from app.settings import Settings
from app.store.model_store import ModelStore
from app.store.version import Card, read_card

UPLOADED = "uploaded"
KINDS: Mapping[str, type[FitserveError]] = {
    kind.__name__: kind for kind in (Conflict, Damaged, InvalidRequest, NotFound, SystemFault, Unavailable)
}


@dataclass(frozen=True)
class Candidate:
    """What could be a version: its card, without a number yet, and the staged folder that it lies in."""

    card: Card
    folder: Path

    def publish(self, store: ModelStore) -> Card:
        """Make it the next version."""
        return store.publish(
            self.folder, self.card.model, lambda number: self.card.model_copy(update={"version": number})
        )


@dataclass(frozen=True)
class ImportSession:
    """One import under way: whoever has the file puts it to `path`."""

    path: Path
    folder: Path

    async def try_out(self, settings: Settings, model: str, like: str) -> Candidate:
        """What the file makes beside the version `like`.

        Raises InvalidRequest for what is no such network or takes too long, NotFound, Conflict or Damaged for `like`.
        """
        try:
            async with asyncio.timeout(settings.import_timeout_seconds):
                await _import(settings.environment(), model, like, str(self.path), str(self.folder))
        except TimeoutError:
            raise InvalidRequest(
                f"the network could not be tested within {settings.import_timeout_seconds:g} s"
            ) from None
        return Candidate(await asyncio.to_thread(read_card, self.folder), self.folder)


@asynccontextmanager
async def import_session(store: ModelStore) -> AsyncIterator[ImportSession]:
    """An import; what was not published when it ends leaves nothing behind."""
    owner = f"import.{uuid.uuid4().hex}"
    try:
        yield await asyncio.to_thread(lambda: ImportSession(store.stage(owner) / UPLOADED, store.stage(owner)))
    finally:
        await asyncio.to_thread(store.discard, owner)


async def _import(environment: Mapping[str, str], *arguments: str) -> None:
    """Run the process that tries a file out; it ends when its standard input does, so at the latest with this one."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app.training.imports.main",
        *arguments,
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C on the terminal is for who answers for it
    )
    if process.stdout is None:  # never, as it is a pipe
        raise RuntimeError("the process has no output")
    try:
        output = await process.stdout.read()
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        result = json.loads(output.splitlines()[-1])
    except (IndexError, ValueError):
        raise InvalidRequest(
            f"the process that tested the network exited with {process.returncode}: the network exceeds the limit of "
            "memory or time, or cannot run"
        ) from None
    if "error" in result:
        raise KINDS.get(result["kind"], InvalidRequest)(result["error"])
