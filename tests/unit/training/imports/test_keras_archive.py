"""A .keras file is looked through before Keras sees it."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from app.errors import InvalidRequest
from app.settings import STARTERS
from app.training.imports.keras_archive import check_archive


def archive(path: Path, config: Any, **members: bytes) -> Path:
    """A .keras file around a configuration, weights like those of the starter."""
    with zipfile.ZipFile(STARTERS / "digit" / "1" / "model.keras") as sound, zipfile.ZipFile(path, "w") as made:
        made.writestr("config.json", config if isinstance(config, bytes) else json.dumps(config))
        made.writestr("metadata.json", sound.read("metadata.json"))
        made.writestr("model.weights.h5", sound.read("model.weights.h5"))
        for name, content in members.items():
            made.writestr(name, content, zipfile.ZIP_DEFLATED)
    return path


def sequential(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"module": "keras", "class_name": "Sequential", "registered_name": None, "config": {"layers": list(layers)}}


@pytest.mark.parametrize("model", ["digit", "cifar", "rnn", "lstm", "gru"])
def test_networks_of_every_family_pass(model: str):
    check_archive(STARTERS / model / "1" / "model.keras")


@pytest.mark.parametrize(
    "named",
    [
        {"module": "keras.layers", "class_name": "Lambda", "config": {"function": {"class_name": "__lambda__"}}},
        {"module": "keras.config", "class_name": "function", "registered_name": "enable_unsafe_deserialization"},
        {"module": "builtins", "class_name": "function", "config": "exec", "registered_name": "function"},
        {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {"module": "gASVJA=="}},
        {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/tmp/elsewhere"}},
        {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}},
        {"module": "keras.src.ops.core", "class_name": "Switch", "config": {}},
        {"module": "keras.utils", "class_name": "get_file", "config": {"origin": "http://127.0.0.1"}},
        {"module": "keras.layers", "class_name": "Dense", "registered_name": "mine>Dense", "config": {}},
        {"module": "os", "class_name": "Dense", "config": {}},
        {"module": None, "class_name": "Dense", "config": {}},
        {"module": "keras.layers", "class_name": ["Dense"], "config": {}},
    ],
)
def test_what_could_run_code_is_refused(tmp_path: Path, named: dict[str, Any]):
    with pytest.raises(InvalidRequest, match="could run code"):
        check_archive(archive(tmp_path / "x", sequential(named)))
    hidden = {"module": "keras.layers", "class_name": "Dense", "config": {"kwargs": [{"deep": named}]}}
    with pytest.raises(InvalidRequest, match="could run code"):
        check_archive(archive(tmp_path / "x", sequential(hidden)))


def test_files_beside_those_of_a_network_are_refused(tmp_path: Path):
    with pytest.raises(InvalidRequest, match=r"\.\./escaped"):
        check_archive(archive(tmp_path / "x", sequential(), **{"../escaped": b"x"}))


def test_two_configurations_in_one_file_are_refused(tmp_path: Path):
    path = archive(tmp_path / "x", sequential())
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as made:
        made.writestr("config.json", "{}")
    with pytest.raises(InvalidRequest, match="holds"):
        check_archive(path)


def test_a_small_file_with_much_in_it_is_refused(tmp_path: Path):
    path = tmp_path / "x"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name in ("config.json", "metadata.json", "model.weights.h5"):
            made.writestr(name, bytes(5_000_000))
    with pytest.raises(InvalidRequest, match="far larger"):
        check_archive(path)


@pytest.mark.parametrize("config", [b"{", b"[" * 100_000, b"\xff", b"[]", b'"x"'])
def test_a_configuration_that_is_none_is_refused(tmp_path: Path, config: bytes):
    with pytest.raises(InvalidRequest):
        check_archive(archive(tmp_path / "x", config))


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path):
    (tmp_path / "x").write_bytes(b"PK\3\4 and no more")
    with pytest.raises(InvalidRequest, match=r"expected a \.keras file"):
        check_archive(tmp_path / "x")
