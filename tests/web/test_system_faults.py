"""What the operating system refuses is told with the reason, changes nothing, and is forgotten when it passes."""

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.errors import SystemFault, Unavailable
from app.serving.loading import ServingLimits
from app.serving.servables import Servables
from app.settings import STARTERS, Settings
from app.store.model_store import ModelStore
from app.store.version import CARD, ONNX
from app.web.app import create_app
from tests.fakes import TINY, TinyRuntime, publish_tiny
from tests.second_version import publish_second_version

REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EROFS: "read-only",
    errno.EDQUOT: "quota",
    errno.EACCES: "permission",
    errno.EMFILE: "too many files",
}
TEXT = "나는 오늘 산책을 했다\n너는 어제 책을 읽었다\n".encode()
REQUESTS: dict[str, Callable[[TestClient], Any]] = {
    "alias": lambda client: client.put("/models/digit/aliases/mine", json={"version": 1}),
    "promotion": lambda client: client.put("/models/digit/aliases/live", json={"version": 2}),
    "split": lambda client: client.put("/models/digit/traffic", json={"1": 1, "2": 1}),
    "text": lambda client: client.post("/train/text", json={"text": TEXT.decode()}),
    "upload": lambda client: client.post("/train/text", files={"file": TEXT}),
    "import": lambda client: client.post("/models/digit/import", files={"file": b"x"}),
    "deletion": lambda client: client.delete("/models/digit/versions/2"),
    "sweep": lambda client: client.post(
        "/sweeps",
        json={
            "family": "text",
            "space": {"units": {"choices": [8]}},
            "trials": 1,
            "hyperparameters": {"text": TEXT.decode()},
        },
    ),
}


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    publish_second_version(ModelStore(tmp := settings.local_folder))
    ModelStore(tmp).set_split("digit", {1: 90, 2: 10})
    quiet = settings.model_copy(update={"run_supervisor": False})
    with TestClient(create_app(quiet), raise_server_exceptions=False) as opened:
        yield opened


def forbid(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Nothing can be written any more, wherever it is tried first."""

    def refusing(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    real = Path.open

    def opening(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        return refusing() if set(mode) & set("wax+") else real(path, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", opening)
    for name in ("mkdir", "rename", "replace"):
        monkeypatch.setattr(os, name, refusing)


@pytest.mark.parametrize("ask", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("number", REASONS, ids=[errno.errorcode[number] for number in REASONS])
def test_what_cannot_be_written_is_unavailable_with_the_reason_and_undone(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, number: int, ask: Callable[[TestClient], Any]
):
    before = client.get("/models/digit").json()
    with monkeypatch.context() as patch:
        forbid(patch, number)
        refused = ask(client)
    assert refused.status_code == 503, refused.text
    assert refused.json()["type"] == "urn:fitserve:problem:unavailable"
    assert REASONS[number] in refused.json()["detail"]
    assert client.get("/models/digit").json() == before
    assert client.get("/jobs").json() == []


def test_a_promotion_for_which_there_is_no_room_leaves_the_split_too(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
):
    real = os.fsync
    left = [1]

    def full(descriptor: int) -> None:
        if "partial" in os.readlink(f"/proc/self/fd/{descriptor}"):
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, "full")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    for _ in range(3):
        left[0] = 0
        assert REQUESTS["promotion"](client).status_code == 503
        assert client.get("/models/digit").json()["traffic"] == {"1": 90, "2": 10}
    left[0] = 9
    assert REQUESTS["promotion"](client).status_code == 200
    assert client.get("/models/digit").json()["traffic"] == {"2": 100}


def test_a_start_on_a_store_that_cannot_be_written_says_so(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    forbid(monkeypatch, errno.EROFS)
    with pytest.raises(Unavailable, match=r"[Rr]ead-only"), TestClient(create_app(settings)):
        pass


@pytest.mark.parametrize("name", [CARD, ONNX])
@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES, errno.EIO, errno.ENOMEM])
@pytest.mark.anyio
async def test_a_version_that_could_not_be_read_for_a_moment_serves_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, name: str
):
    store = ModelStore(tmp_path)
    for content in ("0.25", "0.5"):
        publish_tiny(store, content)
    store.promote("tiny", 2)
    servables = Servables(store, {"tiny": TINY}, TinyRuntime(), ServingLimits())
    real = Path.open
    faulty = tmp_path / "tiny" / "2" / name

    def opening(path: Path, *rest: Any, **more: Any) -> Any:
        if path == faulty:
            raise OSError(number, os.strerror(number))
        return real(path, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", opening)
        await servables.open()
        assert servables.serving("tiny") == 1, "the next best answers meanwhile"
        assert list(servables.faults["tiny"]) == [2]
        with pytest.raises(SystemFault):
            await servables.get("tiny", "2")
    await servables.refresh("tiny")
    assert (servables.serving("tiny"), servables.faults["tiny"]) == (2, {})
    servables.close()


def test_a_machine_without_file_descriptors_damages_no_version(tmp_path: Path):
    """The real thing, in a process of its own."""
    store = ModelStore(tmp_path)
    store.seed(STARTERS)
    script = (
        "import resource, sys; from pathlib import Path; from app.store.model_store import ModelStore\n"
        "from app.errors import SystemFault; from app.serving.runtimes.onnx import OnnxRuntime\n"
        "store = ModelStore(Path(sys.argv[1])); card = store.card('digit', 1); runtime = OnnxRuntime(1)\n"
        "folder = store.folder('digit', 1); held = []\n"
        "try:\n"
        "    while True: held.append(open('/dev/null'))\n"
        "except OSError: pass\n"
        "for act in (lambda: store.card('digit', 1), lambda: store.verify(card), lambda: runtime.load(folder)):\n"
        "    try: act(); print('worked')\n"
        "    except SystemFault: print('SystemFault')\n"
        "    except OSError as fault: print(fault.errno)\n"
        "for file in held: file.close()\n"
        "store.verify(store.card('digit', 1)); runtime.load(folder); print('works again')\n"
    )
    few = (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, few),
    )
    assert done.stdout.split("\n")[-2] == "works again"
    assert "worked" not in done.stdout.split("\n")[:-2]
