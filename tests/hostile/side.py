"""A side client: predicts one picture after the other while others attack, and remembers how long each took."""

import threading
import time

import httpx2

from tests.service import Service


class SideClient:
    """Runs in a thread from entry to exit; `seconds` are those of its answers, all of which were 200."""

    def __init__(self, service: Service, picture: bytes) -> None:
        self._url = f"http://127.0.0.1:{service.port}/predict/digit"
        self._picture = picture
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.seconds: list[float] = []
        self.failures: list[str] = []

    def __enter__(self) -> "SideClient":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with httpx2.Client(timeout=60) as client:
            while not self._stop.wait(0.005):
                begun = time.perf_counter()
                answer = client.post(self._url, content=self._picture, headers={"content-type": "image/png"})
                self.seconds.append(time.perf_counter() - begun)
                if answer.status_code != 200:
                    self.failures.append(answer.text)
