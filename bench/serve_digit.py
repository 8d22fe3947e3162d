"""Serving digits: requests a second, cold start and memory, beside a FastAPI endpoint that only reads the upload; and
what the log of every request costs.

    python -m bench.serve_digit [--rounds 5] [--seconds 5] [--connections 32]

Needs wrk (Debian: apt-get install wrk). The servers are up at once and take turns under the same load, so that the
machine's mood is the same for both. Prints Markdown tables.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image, ImageDraw

from app.families.digit.normalise import normalise
from app.families.imaging import png
from app.settings import STARTERS
from bench.servers import load, memory, started, write_script

BIN = Path(sys.executable).parent
PORTS = {"ours": 8711, "baseline": 8712, "silent": 8714}


def picture() -> bytes:
    """A 28 x 28 PNG of a seven, laid out as MNIST's are."""
    drawing = Image.new("L", (200, 200))
    ImageDraw.Draw(drawing).line([(50, 40), (150, 40), (90, 170)], fill=255, width=24, joint="curve")
    return png((normalise(np.asarray(drawing)) * 255).astype(np.uint8))


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=int, default=5)
    options.add_argument("--connections", type=int, default=32)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        script = write_script(Path(folder), picture())
        environment = {
            "FITSERVE_PORT": str(PORTS["ours"]),
            "FITSERVE_STORE": f"{folder}/store",
            "FITSERVE_STARTERS": str(STARTERS),
        }
        fitserve = [str(BIN / "python"), "-m", "app.main"]
        baseline = [str(BIN / "uvicorn"), "bench.baseline_app:app", "--port", str(PORTS["baseline"]), "--no-access-log"]
        cold = []
        for _ in range(chosen.rounds + 1):
            with started(fitserve, PORTS["ours"], "/health/ready", **environment) as (_process, seconds):
                cold.append(seconds)
        silent = {"FITSERVE_PORT": str(PORTS["silent"]), "FITSERVE_LOG_LEVEL": "WARNING"}
        with (
            started(fitserve, PORTS["ours"], "/health/ready", log=f"{folder}/log", **environment) as (process, _),
            started(fitserve, PORTS["silent"], "/health/ready", **environment | silent),
            started(baseline, PORTS["baseline"], "/docs"),
        ):
            idle = memory(process)
            urls = {
                "baseline": f"http://127.0.0.1:{PORTS['baseline']}/size",
                "ours": f"http://127.0.0.1:{PORTS['ours']}/predict/digit",
                "silent": f"http://127.0.0.1:{PORTS['silent']}/predict/digit",
            }
            for url in urls.values():
                load(url, script, chosen.connections, 1)
            rounds = [
                {name: load(url, script, chosen.connections, chosen.seconds) for name, url in urls.items()}
                for _ in range(chosen.rounds)
            ]
            loaded = memory(process)
    print("| endpoint | requests/s | p99 |\n|---|---|---|")
    for name in urls:
        rate, tail = (median(one[name][figure] for one in rounds) for figure in (0, 1))
        print(f"| {name} | {rate:.0f} | {tail:.1f} ms |")
    for other, meaning in (("baseline", "ours / baseline"), ("silent", "ours / ours without a log of requests")):
        ratios = sorted(one["ours"][0] / one[other][0] for one in rounds)
        print(f"\n{meaning}: {median(ratios):.2f} (median of {len(ratios)}; {ratios[0]:.2f} to {ratios[-1]:.2f})")
    print(f"cold start to ready: {median(cold[1:]):.2f} s (median of {len(cold) - 1}; the very first {cold[0]:.2f} s)")
    print(f"memory of the web process: {idle:.0f} MB idle, {loaded:.0f} MB after the load")


if __name__ == "__main__":
    main()
