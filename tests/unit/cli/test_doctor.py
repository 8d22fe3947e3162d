"""fitserve doctor: what is wrong is named, what is not is left alone."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.commands import commands
from app.jobs.job import NewJob
from app.jobs.journal import Journal
from app.keys import Scope, create_key
from app.settings import STARTERS
from app.store.model_store import ModelStore
from tests.service import Service

Doctor = Callable[..., tuple[int, list[tuple[str, str, str]]]]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    ModelStore(tmp_path / "store").seed(STARTERS)
    return tmp_path / "store"


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """Its exit code and its findings, with these settings."""
    monkeypatch.delenv("FITSERVE_ALLOW_UNAUTHENTICATED")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FITSERVE_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("FITSERVE_PORT", "0")

    def run(**settings: object) -> tuple[int, list[tuple[str, str, str]]]:
        environment = {f"FITSERVE_{name.upper()}": str(value) for name, value in settings.items()}
        done = CliRunner().invoke(commands, ["doctor", "--json"], env=environment)
        return done.exit_code, [(one["subject"], one["state"], one["text"]) for one in json.loads(done.stdout)]

    return run


def of(subject: str, findings: list[tuple[str, str, str]]) -> list[tuple[str, str]]:
    return [(state, text) for name, state, text in findings if name == subject]


def test_a_fresh_machine_is_well_and_is_left_as_it_was(doctor: Doctor, tmp_path: Path):
    code, findings = doctor()
    assert code == 0
    assert {subject for subject, _, _ in findings} >= {
        "versions",
        "runtime",
        "store",
        "journal",
        "data",
        "port",
        "keys",
    }
    assert of("store", findings) == [
        ("note", f"{tmp_path / 'store'} is made at the first start, with the starter versions")
    ]
    assert list(tmp_path.iterdir()) == []


def test_one_screen_for_people(doctor: Doctor, store: Path):
    code, _ = doctor()
    text = CliRunner().invoke(commands, ["doctor"], env={"COLUMNS": "120", "FITSERVE_KEP": "3"}).stdout
    assert code == 0
    assert len(text.splitlines()) <= 24
    assert f"✓ store      {store}: sound versions: 1 of cifar" in text
    assert "no setting has the name FITSERVE_KEP" in text


def test_a_version_that_was_altered_is_named(doctor: Doctor, store: Path):
    (store / "digit" / "1" / "model.onnx").write_bytes(b"x")
    code, findings = doctor()
    assert code == 1
    (wrong, sound) = of("store", findings)
    assert wrong == (
        "wrong",
        "digit 1: model.onnx of version 1 of digit is corrupt: its checksum differs from the card's",
    )
    assert sound[0] == "good"
    assert "of digit" not in sound[1]


def test_the_journal_is_read(doctor: Doctor, store: Path):
    journal = Journal(f"sqlite:///{store}/.journal.db").open()
    journal.submit(NewJob(family="digit", model="digit", hyperparameters={}), 10)
    journal.close()
    assert of("journal", doctor()[1])[0][1].endswith("jobs: 1 queued")


def test_a_journal_that_is_none_is_wrong(doctor: Doctor, store: Path):
    (store / ".journal.db").write_text("no database")
    code, findings = doctor()
    assert [state for state, _ in of("journal", findings)] == ["wrong"]
    assert code == 1


def test_a_password_of_the_journal_is_not_told(doctor: Doctor):
    _, findings = doctor(journal="sqlite://user:secret@host/x.db")
    assert "secret" not in str(findings)


def test_data_is_found_and_looked_into(doctor: Doctor, tmp_path: Path):
    folder = tmp_path / "data"
    assert ("wrong", f"FITSERVE_DATA_DIR={folder} is no folder") in of("data", doctor(data_dir=folder)[1])
    folder.mkdir()
    (folder / "mnist.npz").touch()
    (folder / "vgg16_imagenet_notop.h5").write_text("no weights")
    code, findings = doctor(data_dir=folder, offline=True)
    told = of("data", findings)
    assert code == 1
    assert ("good", f"mnist.npz: {folder / 'mnist.npz'}") in told
    assert next(text for state, text in told if state == "wrong").startswith(
        f"{folder / 'vgg16_imagenet_notop.h5'} is not"
    )
    assert any("resnet50" in text and "FITSERVE_OFFLINE" in text for _, text in told)


def test_a_port_that_somebody_else_has_is_wrong(doctor: Doctor):
    with socket.create_server(("127.0.0.1", 0)) as other:
        number = other.getsockname()[1]
        code, findings = doctor(port=number)
    assert code == 1
    assert "no Fitserve answers there" in of("port", findings)[0][1]
    assert of("port", doctor(port=number)[1])[0][0] == "good"


def test_a_running_service_is_recognised(doctor: Doctor, store: Path):
    with Service(store=store) as service:
        code, findings = doctor(port=service.port)
    assert code == 0
    state, text = of("port", findings)[0]
    assert state == "good"
    assert "a Fitserve answers with" in text
    assert "digit 1" in text


def test_keys_are_counted_and_their_lack_is_told(doctor: Doctor, tmp_path: Path):
    file = tmp_path / "keys"
    assert of("keys", doctor(api_keys_file=file)[1])[0][0] == "wrong"
    create_key(file, Scope.TRAIN, "phone")
    assert of("keys", doctor(api_keys_file=file)[1]) == [("good", f"{file}: 0 predict, 1 train, 0 admin")]
    file.chmod(0o644)
    assert [state for state, _ in of("keys", doctor(api_keys_file=file)[1])] == ["good", "note"]
    assert of("keys", doctor(host="0.0.0.0")[1])[0][0] == "wrong"
    assert of("keys", doctor(host="0.0.0.0", allow_unauthenticated=True)[1])[0][0] == "note"


def test_where_traces_go_is_told(doctor: Doctor, monkeypatch: pytest.MonkeyPatch):
    assert of("traces", doctor()[1]) == []
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")
    assert of("traces", doctor()[1]) == [("good", "sent to http://collector:4318")]


def test_limits_beyond_the_machine_are_told(doctor: Doctor):
    code, findings = doctor(max_connections=10**9, max_pixels=10**12)
    assert code == 1
    assert of("open files", findings)[0][0] == "wrong"
    assert "FITSERVE_MAX_CONNECTIONS=" in of("open files", findings)[0][1]
    assert of("memory", findings)[0][0] == "note"


def test_settings_that_do_not_fit_are_all_that_is_told(doctor: Doctor):
    code, findings = doctor(max_batch="many", store_poll_seconds=-1)
    assert code == 1
    assert [subject for subject, _, _ in findings] == ["settings", "settings"]
    assert "FITSERVE_MAX_BATCH=many" in findings[0][2]


def test_the_runtime_and_the_reason_are_told(doctor: Doctor):
    assert of("runtime", doctor(runtime="onnxruntime")[1]) == [("good", "onnxruntime: FITSERVE_RUNTIME names it")]
    assert of("runtime", doctor()[1])[0][0] in ("good", "note")


def test_tensorflow_is_not_imported(tmp_path: Path):
    script = "import sys; from app.cli.doctor import check_all; list(check_all()); print('tensorflow' in sys.modules)"
    environment = {**os.environ, "FITSERVE_STORE": str(tmp_path / "none"), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
