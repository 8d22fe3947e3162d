"""Which runtime serves: what is demanded, what a machine has, and the reason that is told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.serving.runtimes.selection import SelectedRuntime, select_runtime, why_no_gpu
from app.settings import Settings


@pytest.fixture
def gpu(tmp_path: Path) -> Path:
    """The root of a machine on which the driver of an NVIDIA GPU runs."""
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidiactl").touch()
    return tmp_path


def chosen(root: Path, environment: dict[str, str] | None = None, **wishes: object) -> tuple[str, str]:
    runtime, reason = select_runtime(Settings(**wishes), root, environment or {})  # type: ignore[arg-type]
    return runtime.name, reason


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: TensorFlow is set up once."""
    chosen = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **environment}
    return subprocess.run([sys.executable, "-c", script], env=chosen, capture_output=True, text=True, check=False)


def test_without_a_gpu_onnx_runtime_serves(tmp_path: Path):
    assert chosen(tmp_path) == ("onnxruntime", "no NVIDIA GPU is visible")


@pytest.mark.parametrize("device", ["dev/nvidia0", "proc/driver/nvidia/gpus/0000:01:00.0"])
def test_a_gpu_is_seen_by_what_its_driver_leaves(tmp_path: Path, device: str):
    assert why_no_gpu(tmp_path, {})
    (tmp_path / device).mkdir(parents=True)
    assert why_no_gpu(tmp_path, {}) is None


@pytest.mark.parametrize(
    ("hidden", "expected"),
    [("", True), ("-1", True), ("-1,0", True), ("0", False), ("1,-1", False), ("GPU-8932", False)],
)
def test_a_hidden_gpu_is_not_there(gpu: Path, hidden: str, expected: bool):
    assert bool(why_no_gpu(gpu, {"CUDA_VISIBLE_DEVICES": hidden})) is expected


def test_what_is_demanded_is_not_questioned(gpu: Path):
    assert chosen(gpu, runtime="onnxruntime") == ("onnxruntime", "FITSERVE_RUNTIME names it")


def test_a_gpu_that_the_installed_tensorflow_does_not_know_is_named(gpu: Path, capfd: pytest.CaptureFixture[str]):
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        pytest.skip("elsewhere the extra `train` has no TensorFlow built for CPUs alone")
    name, reason = chosen(gpu)
    assert name == "onnxruntime"
    assert "an NVIDIA GPU is visible" in reason
    assert "tensorflow-cpu" in reason
    assert reason in capfd.readouterr().err


def test_before_it_is_opened_nothing_is_chosen():
    runtime = SelectedRuntime(Settings(runtime="onnxruntime"))
    with pytest.raises(RuntimeError, match="not open"):
        _ = runtime.name
    assert (runtime.open().name, runtime.fault) == ("onnxruntime", None)


WITHOUT_TENSORFLOW = "import sys; sys.modules['tensorflow'] = None\n"


def test_a_gpu_without_tensorflow_is_named(gpu: Path):
    script = (
        f"{WITHOUT_TENSORFLOW}from pathlib import Path; from app.serving.runtimes.selection import select_runtime\n"
        f"from app.settings import Settings; print(*select_runtime(Settings(), Path({str(gpu)!r}), {{}})[1:])"
    )
    assert "TensorFlow is not installed" in run(script).stdout


def test_the_service_does_not_start_without_the_tensorflow_that_was_demanded(tmp_path: Path):
    script = f"{WITHOUT_TENSORFLOW}from app.main import serve; serve()"
    done = run(script, FITSERVE_RUNTIME="tensorflow", FITSERVE_STORE=str(tmp_path / "store"))
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "FITSERVE_RUNTIME=tensorflow, but TensorFlow is not installed" in done.stderr
    assert not (tmp_path / "store").exists()


@pytest.mark.train
def test_a_gpu_that_tensorflow_cannot_use_is_named(gpu: Path, tmp_path: Path):
    record = tmp_path / "packages" / "tensorflow-9.dist-info"  # as if the build for GPUs were installed
    record.mkdir(parents=True)
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: tensorflow\nVersion: 9\n")
    script = (
        "from pathlib import Path; from app.settings import Settings\n"
        "from app.serving.runtimes.selection import select_runtime\n"
        f"runtime, reason = select_runtime(Settings(), Path({str(gpu)!r}), {{}}); print(runtime.name, reason)"
    )
    said = run(script, PYTHONPATH=str(record.parent), CUDA_VISIBLE_DEVICES="-1").stdout
    assert said.startswith("onnxruntime on the CPU, though an NVIDIA GPU is visible: TensorFlow lists none")


@pytest.mark.train
def test_tensorflow_is_set_up_once_for_the_whole_process():
    script = (
        "from app.serving.runtimes.selection import select_runtime; from app.settings import Settings; import sys\n"
        "print('tensorflow' in sys.modules)\n"
        "runtime, reason = select_runtime(Settings(runtime='tensorflow', predict_threads=3)); "
        "print(runtime.name, reason)\n"
        "import tensorflow as tf\n"
        "print(tf.config.threading.get_intra_op_parallelism_threads())\n"
        "print(tf.config.experimental.tensor_float_32_execution_enabled(), repr(tf.config.optimizer.get_jit()))\n"
    )
    before, name, threads, precision = run(script, CUDA_VISIBLE_DEVICES="-1").stdout.splitlines()
    assert before == "False"
    assert name == "tensorflow FITSERVE_RUNTIME names it; it runs on the CPU, as it finds no GPU"
    assert threads == "3"
    assert precision == "False ''"
