"""Serving photographs: images a second of the whole service, beside the same ONNX model in a bare loop.

    python -m bench.serve_cifar [--rounds 5] [--seconds 5] [--connections 16] [--side 512]

The service gets a JPEG of `--side` pixels in a form at every request: it parses, decodes, reduces, batches, predicts
and answers. The bare loop only runs batches that are ready, as large as there are connections, with ONNX Runtime's own
choice of threads and with one thread. They take turns. Needs wrk (Debian: apt-get install wrk). Prints a table.
"""

import argparse
import io
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime
from PIL import Image

from app.settings import STARTERS
from bench.servers import load, started, write_script

BIN = Path(sys.executable).parent
PORT = 8713
PICTURE = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "plane.jpg"


def photograph(side: int) -> bytes:
    """A square JPEG."""
    content = io.BytesIO()
    Image.open(PICTURE).convert("RGB").resize((side, side)).save(content, "JPEG", quality=85)
    return content.getvalue()


def bare_loop(model: Path, threads: int, size: int, seconds: int) -> float:
    """Images a second of ready-made batches; 0 threads leaves the number to ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    batch = np.random.default_rng(0).random((size, 32, 32, 3), np.float32)
    session.run(None, {"image": batch})
    begun, images = time.monotonic(), 0
    while time.monotonic() - begun < seconds:
        session.run(None, {"image": batch})
        images += size
    return images / (time.monotonic() - begun)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=int, default=5)
    options.add_argument("--connections", type=int, default=16)
    options.add_argument("--side", type=int, default=512)
    chosen = options.parse_args()
    model = STARTERS / "cifar" / "1" / "model.onnx"
    with tempfile.TemporaryDirectory() as folder:
        content = photograph(chosen.side)
        script = write_script(Path(folder), content)
        environment = {
            "FITSERVE_PORT": str(PORT),
            "FITSERVE_STORE": f"{folder}/store",
            "FITSERVE_STARTERS": str(STARTERS),
        }
        fitserve = [str(BIN / "python"), "-m", "app.main"]
        rounds = []
        with started(fitserve, PORT, "/health/ready", **environment):
            url = f"http://127.0.0.1:{PORT}/predict/cifar"
            load(url, script, chosen.connections, 2)
            for _ in range(chosen.rounds):
                rate, tail = load(url, script, chosen.connections, chosen.seconds)
                several = bare_loop(model, 0, chosen.connections, chosen.seconds)
                one = bare_loop(model, 1, chosen.connections, chosen.seconds)
                rounds.append((rate, several, one, tail))
    service, several, one, tail = (median(column) for column in zip(*rounds, strict=True))
    print(f"JPEG of {chosen.side} x {chosen.side}, {len(content):,} bytes; {chosen.connections} connections\n")
    print("| | images/s | service to this |\n|---|---|---|")
    print(f"| `POST /predict/cifar`, p99 {tail:.0f} ms | {service:.0f} | 1 |")
    for name, rate, column in (("ONNX Runtime's choice of threads", several, 1), ("one thread", one, 2)):
        ratios = sorted(row[0] / row[column] for row in rounds)
        print(f"| bare loop, {name} | {rate:.0f} | {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) |")


if __name__ == "__main__":
    main()
