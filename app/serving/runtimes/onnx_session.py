"""An ONNX Runtime session for a version's folder, with the threads that serving gives it."""

from pathlib import Path

import onnxruntime

from app.store.version import ONNX


def open_session(folder: Path, threads: int, *, keep_memory: bool = True) -> onnxruntime.InferenceSession:
    """A session whose threads sleep, rather than spin, between requests; raises whatever ONNX Runtime raises.

    It keeps the memory of its largest run for the next ones, which is quicker, or gives it back after each.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = keep_memory
    options.log_severity_level = 4  # a fault is raised, and told once
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(folder / ONNX, options, providers=["CPUExecutionProvider"])
