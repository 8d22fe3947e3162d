"""Generating text: one `model.predict` a word against ours over HTTP, alone and for 32 clients at once.

    python -m bench.generate [--rounds 5] [--seconds 4]

Needs wrk (Debian: apt-get install wrk), and no data: an LSTM of 64 units learns 2,000 words of a made-up text, which
has no line end within 100 words. The baseline's network is of the same size; what it was trained on does not matter to
its speed. Prints a Markdown table.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import numpy as np

from bench.servers import load, started

BIN = Path(sys.executable).parent
PORT = 8713
WORDS, VOCABULARY, CLIENTS = 100, 2000, 32
POST = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [[{body}]]
"""
WISHES = {
    "greedy": {"temperature": 0},
    "drawn at temperature 1": {"temperature": 1, "seed": 1},
    "drawn, top_k 40": {"temperature": 1, "top_k": 40, "seed": 1},
}


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=int, default=4)
    chosen = options.parse_args()
    slow = 1 / predict_loop()
    print("| way | words/s, one request | to the loop | words/s, 32 requests | to one |\n|---|---|---|---|---|")
    print(f"| `model.predict` loop | {slow:.0f} | 1 | | |", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        environment = make_version(Path(folder))
        server = [str(BIN / "python"), "-m", "app.main"]
        with started(server, PORT, "/health/ready", **environment):
            for name, scenario in WISHES.items():
                script = write_script(Path(folder), scenario)
                url = f"http://127.0.0.1:{PORT}/generate"
                load(url, script, CLIENTS, 1)
                rounds = [
                    tuple(WORDS * load(url, script, clients, chosen.seconds)[0] for clients in (1, CLIENTS))
                    for _ in range(chosen.rounds)
                ]
                one, many = (median(pair[place] for pair in rounds) for place in (0, 1))
                ratio = median(pair[1] / pair[0] for pair in rounds)
                print(f"| ours, {name} | {one:.0f} | {one / slow:.0f} | {many:.0f} | {ratio:.1f} |", flush=True)


def predict_loop() -> float:
    """Seconds of a word by the plain script."""
    command = [sys.executable, "-m", "bench.text_script", "generate", str(VOCABULARY), str(WORDS)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.splitlines()[-1])


def make_version(folder: Path) -> dict[str, str]:
    """The environment of a service with an LSTM that knows the made-up words."""
    rng = np.random.default_rng(0)
    lines = [" ".join(f"w{word}" for word in rng.permutation(VOCABULARY - 2)) for _ in range(20)]
    (folder / "data").mkdir()
    (folder / "data" / "made.txt").write_text("\n".join(lines))
    environment = {
        "FITSERVE_STORE": f"{folder}/store",
        "FITSERVE_STARTERS": f"{folder}/none",
        "FITSERVE_DATA_DIR": f"{folder}/data",
        "FITSERVE_PORT": str(PORT),
    }
    options = ["--corpus", "made", "--vocabulary", "words", "--units", "64", "--epochs", "1"]
    command = [str(BIN / "fitserve"), "train", "text", *options]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **environment})
    return environment


def write_script(folder: Path, scenario: Mapping[str, float]) -> Path:
    """A script for wrk that asks for 100 words, once it was seen that 100 words come."""
    body = json.dumps({"seed_text": "w1 w2", "next_words": WORDS, **scenario})
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}/generate", body.encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        assert len(json.load(response)["words"]) == WORDS
    script = folder / "generate.lua"
    script.write_text(POST.format(body=body))
    return script


if __name__ == "__main__":
    main()
