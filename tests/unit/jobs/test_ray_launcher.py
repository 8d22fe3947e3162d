"""The Ray launcher against a Jobs API that is as Ray's, but runs nothing; tests/cluster has the real one."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.errors import InvalidRequest, Unavailable
from app.jobs.job import Job, Status, now
from app.jobs.launchers.node import SETTINGS, settings_here
from app.jobs.launchers.ray import RayLauncher, RayTrainerHandle, Resources
from app.jobs.launchers.ray_head import RayHead, address_in, token_in

JOB = Job(
    family="digit", model="digit", hyperparameters={}, id="3f9c2a7b1d40", status=Status.RUNNING, attempts=2,
    created=now(),
)  # fmt: skip
NAME = "fitserve-3f9c2a7b1d40-2"


class FakeRay:
    """The jobs it was given by name, with what it would say of each; `token` is what it asks for."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.stopped: list[str] = []
        self.token: str | None = None
        ray = self

        class Handler(BaseHTTPRequestHandler):
            def handle_request(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null")
                token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
                status, answer = (
                    (401, "no") if ray.token and token != ray.token else ray.answer(self.command, self.path, body)
                )
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_DELETE = handle_request  # noqa: N815  as http.server has it

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        name, _, what = path.removeprefix("/api/jobs/").partition("/")
        if not name:
            if body["submission_id"] in self.jobs:
                return 400, "Traceback\nValueError: Job with this submission_id already exists."
            self.jobs[body["submission_id"]] = {**body, "status": "PENDING", "message": "", "driver_exit_code": None}
            return 200, {}
        if name not in self.jobs:
            return 404, "does not exist"
        if method == "DELETE":
            del self.jobs[name]
        elif what == "stop":
            self.stopped.append(name)
        return 200, self.jobs.get(name, {})

    def say(self, status: str, **facts: Any) -> None:
        self.jobs[NAME] |= {"status": status, **facts}


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRay]:
    monkeypatch.setattr("app.jobs.launchers.ray.PollingRate.seconds", lambda *_: 0.0)
    monkeypatch.setattr("app.jobs.launchers.ray_head.SILENT_SECONDS", 0)
    fake = FakeRay()
    thread = threading.Thread(target=fake.server.serve_forever)
    thread.start()
    yield fake
    fake.server.shutdown()
    thread.join()
    fake.server.server_close()


def launcher(ray: FakeRay, tmp_path: Path, **resources: Any) -> RayLauncher:
    return RayLauncher(RayHead(ray.address), tmp_path, {"FITSERVE_STORE": "/store"}, Resources(**resources))


def launch(ray: FakeRay, tmp_path: Path) -> RayTrainerHandle:
    return launcher(ray, tmp_path).launch(JOB)


def test_a_job_is_queued_with_what_it_needs(ray: FakeRay, tmp_path: Path):
    trainer = launcher(ray, tmp_path, cpus=4, gpus=0.5, memory_bytes=10**9).launch(JOB)
    asked = ray.jobs[NAME]
    assert asked["entrypoint"].endswith("app.jobs.launchers.node 3f9c2a7b1d40 2")
    assert [asked[f"entrypoint_{what}"] for what in ("num_cpus", "num_gpus", "memory")] == [4, 0.5, 10**9]
    variables = asked["runtime_env"]["env_vars"]
    assert json.loads(variables[SETTINGS]) == {"FITSERVE_STORE": "/store", "FITSERVE_TRAINER_THREADS": "4"}
    assert trainer.waiting


@pytest.mark.parametrize(
    ("said", "words", "counts"),
    [
        ({"driver_exit_code": 0, "status": "SUCCEEDED"}, "ended with exit code 0", True),
        ({"driver_exit_code": -9}, "was ended by signal 9", True),
        ({"error_type": "JOB_SUPERVISOR_ACTOR_DIED", "message": "its node\n\thas died"},
         "was lost with its node: its node has died", True),
        ({"error_type": "RUNTIME_ENV_SETUP_FAILURE", "message": "no such thing"}, "failed: no such thing", True),
        ({"error_type": "JOB_SUPERVISOR_ACTOR_START_TIMEOUT"}, "found no room on Ray in time", False),
        ({"status": "STOPPED"}, "was stopped on Ray", False),
    ],
)  # fmt: skip
def test_how_a_trainer_ended_is_told_and_ray_keeps_nothing_of_it(
    ray: FakeRay, tmp_path: Path, said: dict[str, Any], words: str, counts: bool
):
    trainer = launch(ray, tmp_path)
    ray.say("RUNNING")
    assert trainer.poll() is None
    assert not trainer.waiting
    ray.say(**{"status": "FAILED", **said})
    for _ in range(2):
        ending = trainer.poll()
        assert ending
        assert (ending.reason, ending.counts) == (words, counts)
    assert ray.jobs == {}


def test_a_head_that_is_away_or_unwell_says_nothing_about_a_trainer(ray: FakeRay, tmp_path: Path):
    trainer = launch(ray, tmp_path)
    ray.say("RUNNING")
    ray.token = "asked for now"
    assert trainer.poll() is None
    ray.token = None
    ray.server.socket.close()
    assert trainer.poll() is None
    with pytest.raises(Unavailable, match="does not answer"):
        launch(ray, tmp_path)


def test_a_trainer_that_a_new_head_does_not_know_is_lost(ray: FakeRay, tmp_path: Path):
    trainer = launch(ray, tmp_path)
    ray.jobs.clear()
    ending = trainer.poll()
    assert ending
    assert not ending.counts, "it had not even begun"


def test_one_that_another_process_launches_may_not_have_got_there_yet(ray: FakeRay, tmp_path: Path):
    found = launcher(ray, tmp_path).find(JOB)
    assert found.poll() is None
    launch(ray, tmp_path)
    assert found.poll() is None
    assert found.waiting


def test_an_attempt_that_is_there_already_is_taken_as_it_is(ray: FakeRay, tmp_path: Path):
    launch(ray, tmp_path)
    ray.say("RUNNING", marked=True)
    trainer = launch(ray, tmp_path)
    assert trainer.poll() is None
    assert ray.jobs[NAME]["marked"]


def test_the_number_of_an_attempt_that_did_not_count_comes_again(ray: FakeRay, tmp_path: Path):
    launch(ray, tmp_path)
    ray.say("STOPPED")
    launch(ray, tmp_path)
    assert ray.jobs[NAME]["status"] == "PENDING"


def test_a_trainer_that_waits_for_room_is_over_once_it_is_stopped(ray: FakeRay, tmp_path: Path):
    trainer = launch(ray, tmp_path)
    trainer.stop()
    ending = trainer.poll()
    assert ending
    assert not ending.counts
    assert ray.stopped == [NAME]


def test_its_last_words_are_the_end_of_its_log_or_what_ray_says(ray: FakeRay, tmp_path: Path):
    trainer = launch(ray, tmp_path)
    ray.say("FAILED", message="No module named app", driver_exit_code=1)
    assert trainer.poll()
    assert trainer.log_tail() == "No module named app"
    (tmp_path / JOB.id).mkdir()
    (tmp_path / JOB.id / "log.txt").write_text("the last line\n")
    assert trainer.log_tail() == "the last line"


def test_the_more_trainers_there_are_the_less_often_each_is_looked_at(tmp_path: Path):
    launching = RayLauncher(RayHead("http://127.0.0.1:1"), tmp_path, {}, Resources())
    trainers = [launching.find(JOB.model_copy(update={"id": f"{number:012}"})) for number in range(200)]
    seconds = [launching.pace.seconds(trainer) for trainer in trainers]
    assert (seconds[0], seconds[-1]) == (2, 4), "fifty looks a second at most"


def test_a_cluster_may_ask_for_a_token(ray: FakeRay, tmp_path: Path):
    ray.token = "secret"
    with pytest.raises(Unavailable, match="401"):
        RayHead(ray.address).look(NAME)
    path = tmp_path / "token"
    path.write_text("secret\n")
    for environment in ({"RAY_AUTH_TOKEN": "secret"}, {"RAY_AUTH_TOKEN_PATH": str(path)}):
        assert RayHead(ray.address, token_in(environment)).look(NAME) is None


def test_the_address_is_that_of_the_ray_head():
    assert address_in({}) == "http://127.0.0.1:8265"
    assert address_in({"RAY_ADDRESS": "http://head:8265"}) == "http://head:8265"
    assert address_in({"RAY_ADDRESS": "head:6379", "RAY_API_SERVER_ADDRESS": "https://head"}) == "https://head"
    with pytest.raises(InvalidRequest, match="http://head:8265"):
        address_in({"RAY_ADDRESS": "head:6379"})


def test_a_node_keeps_its_own_data_and_features():
    service = {"FITSERVE_STORE": "/store", "FITSERVE_DATA_DIR": "/data"}
    node = {SETTINGS: json.dumps(service), "FITSERVE_STORE": "/elsewhere"}
    assert settings_here(node)["FITSERVE_STORE"] == "/store"
    assert settings_here(node)["FITSERVE_DATA_DIR"] == "/data"
    assert settings_here(node)["FITSERVE_FEATURE_CACHE"].startswith("/")
    assert settings_here({**node, "FITSERVE_DATA_DIR": "/mine"})["FITSERVE_DATA_DIR"] == "/mine"
