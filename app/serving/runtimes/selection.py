"""Which runtime serves: the one that FITSERVE_RUNTIME names, or TensorFlow where it can use an NVIDIA GPU.

A GPU is looked for without TensorFlow, so that a machine that has none never imports it.
"""

import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from app.errors import Unavailable
from app.families.contract import Executable
from app.logging import log
from app.serving.runtimes.onnx import OnnxRuntime
from app.serving.runtimes.protocol import Runtime
from app.settings import Settings
from app.store.version import Card

ROOT = Path("/")
DEVICES = (
    "dev/nvidiactl",
    "dev/nvidia0",
    "proc/driver/nvidia/gpus/*",
)  # what the driver puts there, also in containers
CPU_ONLY_PACKAGE = "tensorflow-cpu"


class SelectedRuntime:
    """The runtime for these settings, chosen when it is opened; `reason` says why it is that one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._runtime: Runtime | None = None
        self.reason = "not chosen yet"

    def open(self) -> "SelectedRuntime":
        """Choose, which takes seconds where there is a GPU; raises Unavailable when what was demanded is not there."""
        self._runtime, self.reason = select_runtime(self._settings)
        return self

    @property
    def name(self) -> str:
        """The chosen one's."""
        return self._selected.name

    @property
    def fault(self) -> str | None:
        """The chosen one's."""
        return self._selected.fault

    def platform(self, card: Card) -> str:
        """The chosen one's."""
        return self._selected.platform(card)

    def load(self, folder: Path) -> Executable:
        """With the chosen one."""
        return self._selected.load(folder)

    @property
    def _selected(self) -> Runtime:
        if self._runtime is None:
            raise RuntimeError("the runtime is not open")
        return self._runtime


def select_runtime(
    settings: Settings, root: Path = ROOT, environment: Mapping[str, str] = os.environ
) -> tuple[Runtime, str]:
    """A runtime and the reason for it; raises Unavailable when TensorFlow is demanded and not to be had.

    `root` is where devices are looked for, `environment` says which of them this process may see.
    """
    onnx = OnnxRuntime(settings.predict_threads, settings.prediction_timeout_seconds, settings.max_import_memory_bytes)
    if settings.runtime == "onnxruntime":
        return onnx, "FITSERVE_RUNTIME names it"
    if settings.runtime == "tensorflow":
        if obstacle := why_not_installed():
            raise Unavailable(f"FITSERVE_RUNTIME=tensorflow, but {obstacle}")
        runtime, gpus = _tensorflow(settings)
        return runtime, f"FITSERVE_RUNTIME names it; it runs on {', '.join(gpus) or 'the CPU, as it finds no GPU'}"
    if absence := why_no_gpu(root, environment):
        return onnx, absence
    try:
        if obstacle := why_no_gpu_support():
            raise Unavailable(obstacle)
        runtime, gpus = _tensorflow(settings)
        if not gpus:
            raise Unavailable("TensorFlow lists none: its CUDA libraries are missing or do not fit the driver")
    except Unavailable as fault:
        reason = f"on the CPU, though an NVIDIA GPU is visible: {fault}"
        log.warning("predictions run %s", reason)
        return onnx, reason
    return runtime, f"TensorFlow can use {', '.join(gpus)}"


def why_no_gpu(root: Path, environment: Mapping[str, str]) -> str | None:
    """Why no NVIDIA GPU is visible to this process; None when one is."""
    if not any(any(root.glob(pattern)) for pattern in DEVICES):
        return "no NVIDIA GPU is visible"
    first, *_ = environment.get("CUDA_VISIBLE_DEVICES", "all").split(",")
    if first.strip() in ("", "-1"):  # CUDA takes the devices before the first number that is none
        return "CUDA_VISIBLE_DEVICES hides every GPU"
    return None


def why_not_installed() -> str | None:
    """What is lacking that TensorFlow could be imported; None when nothing is."""
    return None if find_spec("tensorflow") else "TensorFlow is not installed: it comes with the extra `train`"


def why_no_gpu_support() -> str | None:
    """Why TensorFlow can use no GPU, as far as that shows without importing it for seconds."""
    if why_not_installed() is None and _installed(CPU_ONLY_PACKAGE) and not _installed("tensorflow"):
        return f"{CPU_ONLY_PACKAGE} is installed, which knows no GPU: take tensorflow[and-cuda] in its place"
    return why_not_installed()


def _installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _tensorflow(settings: Settings) -> tuple[Runtime, list[str]]:
    """TensorFlow, set up for this process, and the GPUs that it can use."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        from app.serving.runtimes.tensorflow import TensorflowRuntime, prepare  # noqa: PLC0415  takes seconds
    except ImportError as fault:
        raise Unavailable(f"TensorFlow is installed but cannot be imported: {fault}") from fault
    runtime = TensorflowRuntime(settings.max_batch, settings.prediction_timeout_seconds)
    return runtime, prepare(settings.predict_threads, settings.gpu_memory_mb)
