"""Long JSON is parsed in a process of its own: a thread would hold Python's lock, and the event loop with it."""

import asyncio
import os
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from typing import Any

from app.errors import FitserveError, InvalidRequest, Overloaded, Unavailable
from app.web.requests.json_body.parser_main import ANSWER, LENGTH, QUESTION

PARSER = "app.web.requests.json_body.parser_main"
MOST_WAITING = 64  # texts; each waits in memory
IDLE_SECONDS = 30.0  # after which the process ends, until it is needed again
PIPE_BYTES = 1 << 18
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # it only copies numbers


class ParserProcess:
    """Parses one text at a time, in the order of asking; started by the first. Belongs to one event loop."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._process: Process | None = None
        self._retirement: asyncio.TimerHandle | None = None

    async def parse(self, chunks: Sequence[bytes], *, arrays: bool) -> Any:
        """The value of the JSON text in these chunks, as `parse` gives it; raises InvalidRequest, Overloaded when many
        wait, and Unavailable when the process is lost.
        """
        if self._waiting >= MOST_WAITING:
            raise Overloaded("too many long JSON bodies wait to be parsed")
        self._waiting += 1
        try:
            async with self._turn:
                return await self._parsed(chunks, arrays)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """End the process, if there is one."""
        process = self._process
        self._forget()
        if process:
            await process.wait()

    async def _parsed(self, chunks: Sequence[bytes], arrays: bool) -> Any:
        process = await self._started()
        try:
            is_json, value = await _exchange(process, chunks, arrays)
        except (ConnectionError, asyncio.IncompleteReadError) as fault:
            self._forget()
            raise Unavailable(
                "the process that parses long JSON bodies ended unexpectedly; send the request again"
            ) from fault
        except BaseException:  # who is cancelled leaves an answer behind that is nobody's
            self._forget()
            raise
        self._retirement = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._forget)
        if not is_json:
            raise InvalidRequest(value)
        return value

    async def _started(self) -> Process:
        if self._retirement:
            self._retirement.cancel()
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                PARSER,
                env={**os.environ, **ONE_THREAD},
                stdin=PIPE,
                stdout=PIPE,
                limit=PIPE_BYTES,
            )
        return self._process

    def _forget(self) -> None:
        """Have the process end, and start another when one is needed."""
        if self._retirement:
            self._retirement.cancel()
        if self._process and self._process.returncode is None:
            self._process.kill()
        self._process = None


async def _exchange(process: Process, chunks: Sequence[bytes], arrays: bool) -> tuple[bool, Any]:
    """Whether a text is JSON, and its value or what is wrong with it."""
    source, sink = process.stdout, process.stdin
    if source is None or sink is None:
        raise FitserveError("the process that parses JSON has no pipes")
    sink.write(QUESTION.pack(arrays, sum(map(len, chunks))))
    for chunk in chunks:
        sink.write(chunk)
        await sink.drain()
    is_json, number = ANSWER.unpack(await source.readexactly(ANSWER.size))
    pickled, *buffers = [await _buffer(source) for _ in range(number)]
    return is_json, pickle.loads(pickled, buffers=buffers)


async def _buffer(source: asyncio.StreamReader) -> bytearray:
    """What comes next, copied piece by piece as it comes."""
    (length,) = LENGTH.unpack(await source.readexactly(LENGTH.size))
    buffer, filled = bytearray(length), 0
    while filled < length:
        piece = await source.read(min(PIPE_BYTES, length - filled))
        if not piece:
            raise asyncio.IncompleteReadError(b"", length - filled)
        buffer[filled : filled + len(piece)] = piece
        filled += len(piece)
    return buffer
