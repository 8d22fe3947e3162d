"""ONNX Runtime on the CPU: loads in milliseconds, runs without Python's lock, and needs no TensorFlow."""

from collections.abc import Mapping
from pathlib import Path

import onnxruntime

from app.errors import Damaged
from app.families.contract import Array
from app.store.version import ONNX, Card


class OnnxExecutable:
    """One inference session."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._outputs = [output.name for output in session.get_outputs()]

    def __call__(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Named arrays in, named arrays out."""
        return dict(zip(self._outputs, self._session.run(None, dict(inputs)), strict=True))


class OnnxRuntime:
    """Sessions with a fixed number of threads that sleep, rather than spin, between requests."""

    name = "onnxruntime"
    fault = None

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def platform(self, card: Card) -> str:  # noqa: ARG002  every version has this file
        """model.onnx, always."""
        return "onnxruntime_onnx"

    def load(self, folder: Path) -> OnnxExecutable:
        """The session for `model.onnx` in the folder; raises Damaged."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            return OnnxExecutable(
                onnxruntime.InferenceSession(folder / ONNX, options, providers=["CPUExecutionProvider"])
            )
        except Exception as fault:  # ONNX Runtime raises a class of its own for every status
            raise Damaged(f"{ONNX} in {folder} cannot be loaded: {fault}") from fault
