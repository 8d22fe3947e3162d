"""What a page of somebody else tries on a service that its visitor's browser can reach."""

import base64
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
from playwright.sync_api import Page

from app.settings import STARTERS
from tests.waiting import until

EVIL, LAN = "evil.test", "lan.test"  # names that lead to this machine, as whoever owns a name can make them
NAMES = f"--host-resolver-rules=MAP {EVIL} 127.0.0.1, MAP {LAN} 127.0.0.1"
NETWORK = base64.b64encode((STARTERS / "digit" / "1" / "model.onnx").read_bytes()).decode()
POSTS = 11  # of the attempts below, those that a browser sends without asking first

CHANGES = """async ({base, job, network}) => {
    const file = new File([Uint8Array.from(atob(network), (one) => one.charCodeAt(0))], "model.onnx");
    const form = (fields) => Object.entries(fields).reduce((made, [name, value]) => (made.append(name, value), made), new FormData());
    const text = new File(["나는 오늘 책을 읽었다\\n".repeat(50)], "text.txt");
    const plain = (value) => new Blob([JSON.stringify(value)], { type: "text/plain" });
    const training = { dataset: "sample", epochs: 1, promote: "always" };
    const post = (path, body) => fetch(base + path, { method: "POST", mode: "no-cors", body });
    const posts = {
        "train by a form": () => post("/train/text", form({ file: text, cell: "gru", epochs: 1 })),
        "train by plain text": () => post("/train/digit", plain(training)),
        "train by nothing": () => post("/train/digit"),
        "sweep": () => post("/sweeps", plain({ family: "digit", space: { epochs: { choices: [1, 2] } }, hyperparameters: { dataset: "sample" } })),
        "import": () => post("/models/digit/import", form({ file })),
        "cancel": () => post(`/jobs/${job}/cancel`),
        "pause": () => post(`/jobs/${job}/pause`),
        "rollback": () => post("/models/digit/rollback"),
        "reproduce": () => post("/models/digit/versions/1/reproduce"),
        "predict": () => post("/predict/digit", form({ file })),
    };
    const others = {
        "delete": () => fetch(base + "/models/digit/versions/2", { method: "DELETE" }),
        "promote": () => fetch(base + "/models/digit/aliases/live", { method: "PUT", headers: { "Content-Type": "application/json" }, body: '{"version": 2}' }),
        "train by JSON": () => fetch(base + "/train/digit", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(training) }),
        "read": () => fetch(base + "/jobs"),
    };
    const told = {};
    for (const [name, attempt] of Object.entries({ ...posts, ...others }))
        told[name] = await attempt().then((answer) => answer.status || answer.type, (fault) => fault.name);
    told["beacon"] = navigator.sendBeacon(`${base}/jobs/${job}/cancel`, plain({}));
    return told;
}"""  # noqa: E501

LOOKS = """async (base) => {
    const shown = (tag, path) => new Promise((resolve) => {
        const element = document.createElement(tag);
        element.onload = () => resolve("shown");
        element.onerror = () => resolve("not shown");
        element.src = base + path;
        document.head.append(element);
    });
    const told = {};
    for (const path of ["/jobs", "/health/live", "/metrics", "/static/icon.svg"]) told["picture " + path] = await shown("img", path);
    for (const path of ["/static/fitserve.js", "/health/ready"]) told["script " + path] = await shown("script", path);
    return told;
}"""  # noqa: E501

SUBMIT = """(address) => {
    const form = Object.assign(document.createElement("form"), { method: "post", action: address, enctype: "multipart/form-data" });
    document.body.append(form);
    form.submit();
}"""  # noqa: E501


class _Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content = b"<!doctype html><title>A page</title><body></body>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def elsewhere() -> Iterator[str]:
    """Another site, by a name of its own; yields its origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Blank)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{EVIL}:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answered(client: httpx2.Client) -> Counter[tuple[str, int]]:
    """How often the service has answered to which method with which status."""
    rows = re.findall(
        r'^fitserve_requests_total{method="(\w+)",.*status="(\d+)"} (\S+)$', client.get("/metrics").text, re.M
    )
    counted: Counter[tuple[str, int]] = Counter()
    for method, status, number in rows:
        counted[method, int(status)] += round(float(number))
    return counted


def attack(client: httpx2.Client, page: Page, base: str, job: str) -> dict[str, Any]:
    """All that would change something, one by one, and every one is refused; returns what the page was told."""
    before = answered(client)
    told: dict[str, Any] = page.evaluate(CHANGES, {"base": base, "job": job, "network": NETWORK})

    def posted() -> dict[int, int]:
        return {status: number for (method, status), number in (answered(client) - before).items() if method == "POST"}

    until(lambda: sum(posted().values()) >= POSTS, 10, "all that is sent without asking has come")
    assert list(posted()) == [403]
    return told
