"""Intake: a network from elsewhere becomes a version in a process of its own, which takes nothing down with it."""

import asyncio
import json
import os
import sys
import uuid
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from app.errors import Conflict, Damaged, FitserveError, InvalidRequest, NotFound
from app.store.model_store import ModelStore

UPLOADED = "uploaded"
KINDS: Mapping[str, type[FitserveError]] = {
    kind.__name__: kind for kind in (Conflict, Damaged, InvalidRequest, NotFound)
}


async def take_in(
    store: ModelStore,
    environment: Mapping[str, str],
    model: str,
    like: str,
    write: Callable[[Path], Awaitable[None]],
) -> int:
    """The number of the version that a .keras or .onnx file becomes, beside the version `like`.

    `write` puts the file where it is told. Whoever is cancelled before the version is published leaves nothing
    behind. Raises InvalidRequest for what is no such network, NotFound, Conflict or Damaged for `like`.
    """
    owner = f"import.{uuid.uuid4().hex}"
    try:
        path = store.stage(owner) / UPLOADED
        await write(path)
        return await _imported(environment, owner, model, like, str(path))
    finally:
        await asyncio.to_thread(store.discard, owner)


async def _imported(environment: Mapping[str, str], *arguments: str) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app.training.importing",
        *arguments,
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        said = json.loads(told.splitlines()[-1])
    except (IndexError, ValueError):
        raise InvalidRequest(f"the process that read the file ended with {process.returncode}") from None
    if "error" in said:
        raise KINDS.get(said["kind"], InvalidRequest)(said["error"])
    return int(said["version"])
