"""Runs one network from elsewhere: `python -m app.serving.runtimes.inference_worker FOLDER THREADS BYTES OUTPUT ...`.

Arrays come on standard input, and go on standard output. The end of the input ends the process, whatever runs.
"""

import os
import queue
import sys
import threading
from pathlib import Path
from typing import BinaryIO

from app.confinement import limit_memory, lower_priority, prefer_oom_kill
from app.families.contract import Array
from app.serving.runtimes.onnx_session import open_session
from app.serving.runtimes.tensor_stream import read_arrays, write_arrays, write_error

NICENESS = 5  # networks made here come first
LONGEST = 500  # characters of a reason


def main(folder: str, threads: str, memory: str, *names: str) -> int:
    """Load `model.onnx` in the folder with so many threads and bytes of memory; answer with the outputs of these names
    until the input ends.
    """
    prefer_oom_kill()
    lower_priority(NICENESS)
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # whatever libraries print is no answer
        limit_memory(int(memory))
        try:
            session = open_session(Path(folder), int(threads), keep_memory=False)
        except Exception as fault:  # ONNX Runtime raises a class of its own for every status
            write_error(answers, str(fault)[:LONGEST])
            return 1
        write_arrays(answers, {})
        requests: queue.SimpleQueue[dict[str, Array]] = queue.SimpleQueue()
        threading.Thread(target=_listen, args=(sys.stdin.buffer, requests), daemon=True).start()
        while True:
            try:
                outputs = dict(zip(names, session.run(names, requests.get()), strict=True))
            except Exception as fault:
                write_error(answers, str(fault)[:LONGEST])
            else:
                write_arrays(answers, outputs)


def _listen(stream: BinaryIO, requests: queue.SimpleQueue[dict[str, Array]]) -> None:
    try:
        while True:
            requests.put(read_arrays(stream))
    except EOFError:
        os._exit(0)  # whoever started this is gone, and a run may go on for ever


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
