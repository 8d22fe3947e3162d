"""ONNX Runtime on the CPU: loads in milliseconds, runs without Python's lock, and needs no TensorFlow."""

from collections.abc import Mapping
from pathlib import Path

import onnxruntime

from app.errors import Damaged, Runaway, SystemFault
from app.families.contract import Array, Executable
from app.serving.runtimes.inference_process import InferenceProcess
from app.serving.runtimes.onnx_session import open_session
from app.store.version import ONNX, Card, read_card
from app.watchdog import Watchdog

RUN_SECONDS = 10.0
MEMORY_BYTES = 2_000_000_000


class OnnxExecutable:
    """One inference session, whose runs the watchdog ends."""

    def __init__(self, session: onnxruntime.InferenceSession, card: Card, watchdog: Watchdog) -> None:
        self._session = session
        self._outputs = [output.name for output in session.get_outputs()]
        self._card = card
        self._watchdog = watchdog
        self._options = onnxruntime.RunOptions()

    def __call__(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Named arrays in, named arrays out; raises Runaway when a run, this one or one before, took too long."""
        run = self._watchdog.begin(self._stop)
        try:
            return dict(zip(self._outputs, self._session.run(None, dict(inputs), self._options), strict=True))
        except Exception as fault:
            if self._options.terminate:
                raise Runaway(
                    f"version {self._card.version} of {self._card.model} is out of service: a run of its network took "
                    f"more than {self._watchdog.seconds:g} s"
                ) from fault
            raise
        finally:
            self._watchdog.end(run)

    def _stop(self) -> None:
        self._options.terminate = True  # for good: the session is not used again


class OnnxRuntime:
    """Sessions with a fixed number of threads; networks from elsewhere run in processes of their own."""

    name = "onnxruntime"
    fault = None

    def __init__(self, threads: int, run_seconds: float = RUN_SECONDS, memory: int = MEMORY_BYTES) -> None:
        self._threads = threads
        self._memory = memory
        self._watchdog = Watchdog(run_seconds)

    def platform(self, card: Card) -> str:  # noqa: ARG002  every version has this file
        """model.onnx, always."""
        return "onnxruntime_onnx"

    def load(self, folder: Path) -> Executable:
        """The session for `model.onnx` in the folder, which its card describes.

        Raises Damaged, Runaway or SystemFault.
        """
        card = read_card(folder)
        if card.imported:
            return InferenceProcess(folder, card, self._threads, self._memory, self._watchdog)
        try:
            with (folder / ONNX).open("rb"):  # ONNX Runtime's error would not tell why it cannot be read
                pass
            return OnnxExecutable(open_session(folder, self._threads), card, self._watchdog)
        except Exception as fault:  # ONNX Runtime raises a class of its own for every status
            raise SystemFault.of(fault) or Damaged(f"{ONNX} in {folder} cannot be loaded: {fault}") from fault
