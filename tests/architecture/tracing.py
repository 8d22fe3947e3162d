"""Which functions of the service a request comes to, in their order."""

import re
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from starlette.testclient import TestClient

import app
from app.settings import STARTERS, Settings
from app.web.app import create_app
from tests.architecture.rooms import ROOT

SERVICE = Path(app.__file__).parent
PICTURE = (ROOT / "docs/pictures/seven.png").read_bytes()
REQUESTS: dict[str, dict[str, Any]] = {
    "/predict/digit": {"content": PICTURE, "headers": {"Content-Type": "image/png"}},
    "/train/digit": {"json": {"dataset": "sample"}},
}


class Journey:
    """The functions that were called, as `room/file.py:function`, and what each says of itself."""

    def __init__(self) -> None:
        self.functions: dict[str, str] = {}
        self.recording = False

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        """Python calls this at every call and every return."""
        code = frame.f_code
        if self.recording and event == "call" and code.co_filename.startswith(f"{SERVICE}/"):
            path = Path(code.co_filename).relative_to(SERVICE)
            name = code.co_qualname.rpartition("<locals>.")[2]
            self.functions.setdefault(f"{path}:{name}", _told(code.co_consts))

    @property
    def steps(self) -> dict[str, str]:
        """Of each file, in their order, the first function that others may call, and what it says of itself."""
        chosen: dict[str, str] = {}
        for function in sorted(self.functions, key=_is_private):
            chosen.setdefault(function.partition(":")[0], function)
        files = dict.fromkeys(function.partition(":")[0] for function in self.functions)
        return {chosen[file]: self.functions[chosen[file]] for file in files}


def _is_private(function: str) -> bool:
    names = function.partition(":")[2].split(".")
    return any(name.startswith(("_", "<")) and not name.endswith("__") for name in names)


def _told(constants: tuple[Any, ...]) -> str:
    """How a docstring begins, up to its first stop or semicolon; it is the first of a function's constants."""
    text = constants[0] if constants and isinstance(constants[0], str) else ""
    beginning = re.split(r";|\.\s|\.$", " ".join(text.split()))[0]
    return f"{beginning}." if beginning else ""


def trace(folder: Path) -> dict[str, dict[str, str]]:
    """The steps of each request on a service in a new folder, which has answered one like it before."""
    journey = Journey()
    threading.setprofile(journey)  # for every thread from now on
    try:
        settings = Settings(
            store=folder / "store",
            starters=STARTERS,
            data_dir=folder / "data",
            offline=True,
            run_supervisor=False,
            store_poll_seconds=60,
        )
        with TestClient(create_app(settings), "http://localhost", client=("127.0.0.1", 1)) as client:
            return {path: _steps(client, journey, path) for path in REQUESTS}
    finally:
        threading.setprofile(None)
        sys.setprofile(None)


def _steps(client: TestClient, journey: Journey, path: str) -> dict[str, str]:
    client.post(path, **REQUESTS[path]).raise_for_status()
    journey.functions.clear()
    journey.recording = True
    client.post(path, **REQUESTS[path]).raise_for_status()
    journey.recording = False
    return journey.steps


def split(steps: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What every request passes before it has a route, and the rest."""
    names = list(steps)
    begin = next(place for place, name in enumerate(names) if name.startswith(("web/routes/", "web/requests/")))
    return {name: steps[name] for name in names[:begin]}, {name: steps[name] for name in names[begin:]}
