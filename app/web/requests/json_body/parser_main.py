"""The process that parses long JSON texts: it reads texts and writes their values until its input ends.

A value is pickled; arrays and long texts of tensors' requests follow it as they are, so that nobody copies them whole.
"""

import pickle
import signal
import struct
import sys
from typing import Any, BinaryIO

from app.confinement import lower_priority
from app.errors import InvalidRequest
from app.process_limits import return_freed_memory
from app.web.requests.json_body.parsing import parse

QUESTION = struct.Struct("<?Q")  # whether tensors are expected, and the length of the text
ANSWER = struct.Struct("<?Q")  # whether it was JSON, and how many buffers follow, each behind its length
LENGTH = struct.Struct("<Q")
NICENESS = 10  # short requests come first


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer each text, until there are no more."""
    while question := source.read(QUESTION.size):
        arrays, length = QUESTION.unpack(question)
        _answer(source.read(length), arrays, sink)
        sink.flush()


def _answer(text: bytes, arrays: bool, sink: BinaryIO) -> None:
    is_json, value = _parsed(text, arrays)
    buffers: list[pickle.PickleBuffer] = []
    pickled = pickle.dumps(value, pickle.HIGHEST_PROTOCOL, buffer_callback=buffers.append)
    sink.write(ANSWER.pack(is_json, 1 + len(buffers)))
    contents: list[bytes | memoryview] = [pickled, *(buffer.raw() for buffer in buffers)]
    for content in contents:
        sink.write(LENGTH.pack(len(content)))
        sink.write(content)


def _parsed(text: bytes, arrays: bool) -> tuple[bool, Any]:
    try:
        return True, parse(text, arrays=arrays)
    except InvalidRequest as fault:
        return False, str(fault)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the service ends this process
    lower_priority(NICENESS)
    return_freed_memory()
    serve(sys.stdin.buffer, sys.stdout.buffer)
