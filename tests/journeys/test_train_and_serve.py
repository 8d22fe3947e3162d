"""The whole journey, with real processes: train in the background while predictions go on."""

import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from app.families.imaging import png
from app.settings import STARTERS
from tests.drawing import draw_digit
from tests.service import FITSERVE, QUICK, Caller, Service

pytestmark = pytest.mark.train

SEVEN = png(draw_digit(7, 28, 2.5))


def settings(tmp_path: Path, **more: object) -> dict[str, object]:
    return {"store": tmp_path / "store", "starters": STARTERS, "offline": True, **more}


def test_predictions_never_stop_while_a_model_trains_and_takes_over(tmp_path: Path):
    with Service(**settings(tmp_path)) as service:
        caller = Caller(service, SEVEN)
        thread = threading.Thread(target=caller)
        thread.start()
        job = service.train(dataset="sample", epochs=8, promote="always")
        ended = service.wait(job)
        deadline = time.monotonic() + 10
        while service.get("/models/digit")["serving"] != 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.3)
        caller.stop()
        thread.join()

        assert ended["status"] == "succeeded", ended
        assert ended["result"]["version"] == 2
        assert ended["result"]["promoted"]
        assert ended["progress"] == 1
        assert caller.failures == []
        versions = [answer["version"] for answer in caller.answers]
        assert versions == sorted(versions), "once the new version answers, the old one does no more"
        assert set(versions) == {1, 2}

        card = service.get("/models/digit/versions/2")
        assert card["job"] == job
        assert card["command"] == "fitserve train digit --dataset sample --epochs 8"
        assert [row["epoch"] for row in card["curves"]] == list(range(1, 9))
        assert card["metrics"]["test_accuracy"] > 0.5
        assert "saved_model.pb" not in card["files"], "nobody wished for it"
        assert service.client.post("/models/digit/rollback").json()["serving"] == 1


def test_a_reproduced_version_has_the_same_metrics(tmp_path: Path):
    with Service(**settings(tmp_path)) as service:
        first = service.wait(service.train(**QUICK, epochs=2, promote="never"))["result"]["version"]
        asked = service.client.post(f"/models/digit/versions/{first}/reproduce")
        again = service.wait(asked.json()["id"])["result"]["version"]
        cards = [service.get(f"/models/digit/versions/{version}") for version in (first, again)]
    curves = [[{**row, "seconds": None} for row in card["curves"]] for card in cards]
    assert curves[0] == curves[1]
    assert cards[0]["metrics"] == cards[1]["metrics"]
    assert cards[0]["job"] != cards[1]["job"]


def test_a_worse_version_is_published_but_not_promoted(tmp_path: Path):
    with Service(**settings(tmp_path)) as service:
        ended = service.wait(service.train(**QUICK, epochs=1))
        assert ended["result"]["promoted"] is False
        assert "is no better than" in ended["result"]["reason"]
        assert ended["result"]["reason"].endswith("`fitserve models promote digit 2` makes it live")
        assert service.get("/models/digit")["aliases"] == {"live": 1}


def test_a_running_job_is_cancelled_within_seconds_and_leaves_nothing(tmp_path: Path):
    with Service(**settings(tmp_path)) as service:
        job = service.train(**QUICK, epochs=1000)
        deadline = time.monotonic() + 60
        while service.get(f"/jobs/{job}")["progress"] == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        asked = time.monotonic()
        service.client.post(f"/jobs/{job}/cancel")
        ended = service.wait(job, 15)
        assert time.monotonic() - asked < 10
        assert ended["status"] == "cancelled"
        assert len(service.get("/models/digit")["versions"]) == 1
        time.sleep(0.5)
    assert list((tmp_path / "store" / ".staging").glob("*")) == []


def test_the_command_line_trains_predicts_and_lists_without_a_server(tmp_path: Path):
    chosen = {f"FITSERVE_{name.upper()}": str(value) for name, value in settings(tmp_path).items()}
    picture = tmp_path / "seven.png"
    picture.write_bytes(SEVEN)

    def fitserve(*words: str) -> str:
        environment = {"PATH": "/usr/bin:/bin", "COLUMNS": "200", **chosen}
        return subprocess.run([FITSERVE, *words], env=environment, check=True, capture_output=True, text=True).stdout

    wishes = ("--promote", "never", "--formats", "savedmodel")
    trained = fitserve("train", "digit", "--dataset", "sample", "--epochs", "2", *wishes)
    assert "epoch   2" in trained
    assert "digit 2" in trained
    predicted = fitserve("predict", "digit", str(picture))
    assert "seven.png" in predicted
    assert "7" in predicted
    assert "succeeded" in fitserve("jobs")
    assert "--dataset sample --epochs 2 --formats savedmodel" in fitserve("models")
    tried = ("--try", "learning_rate=0.001..0.01:log", "--try", "batch_size=64,128", "--trials", "1")
    swept = fitserve("sweep", "digit", *tried, "--set", "dataset=sample", "--set", "epochs=1", "--promote", "always")
    assert "succeeded: promote is 'always'" in swept
    assert re.search(r"learning_rate=0\.00\d+ batch_size=(64|128)", swept)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        fitserve("sweep", "digit", "--try", "epochs=3..1")
    assert "space.epochs.range: Value error, `low` must be less than `high`" in refused.value.stderr


def test_the_web_process_never_imports_tensorflow_nor_on_a_folder_what_a_bucket_takes(tmp_path: Path):
    heavy = ["tensorflow", "keras", "tf2onnx", "onnx", "matplotlib", "s3fs", "fsspec", "botocore", "aiohttp"]
    script = (
        "import sys, asyncio, app.main, app.cli\n"
        "from app.bootstrap import build, open_services\n"
        "from app.settings import Settings\n"
        "async def main():\n"
        f"    async with open_services(build(Settings(store={str(tmp_path)!r}))) as services:\n"
        "        print(services.servables.serving('digit'))\n"
        "asyncio.run(main())\n"
        f"print([name for name in {heavy} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["1", "[]"]
