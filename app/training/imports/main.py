"""The import process: `python -m app.training.imports.main MODEL LIKE FILE FOLDER` prepares an uploaded network.

It writes what can be published, with its card, and exits.

What it prints is a line of JSON: {}, or {"error": "why not", "kind": "InvalidRequest"}. It publishes nothing itself:
who started it may have been told to stop meanwhile.
"""

import json
import os
import shutil
import sys
import zipfile
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from app.confinement import end_with_parent, limit_memory, limit_seconds, lower_priority, prefer_oom_kill
from app.errors import Conflict, FitserveError, InvalidRequest, SystemFault
from app.families.catalog import family_named
from app.families.contract import Network
from app.logging import configure_logging
from app.settings import Settings
from app.store.opening import open_store
from app.store.version import CARD, ONNX, TensorCard, checksums
from app.training.imports.compatibility import ImportTarget, TrialRun, check_keras, random_inputs, try_out
from app.training.imports.keras_archive import check_archive

NICENESS = 19  # serving comes first
SAMPLES = 64  # made-up examples on which a .keras file and what is served of it must agree


def import_version(target: ImportTarget, path: Path, staged: Path, trial: TrialRun) -> None:
    """Put what a version needs that is made of a .keras or .onnx file into a folder, its card without figures.

    Raises InvalidRequest when it is not what it should be, Conflict when TensorFlow is needed and not installed.
    """
    if zipfile.is_zipfile(path):
        network, measured = _convert(path, target, staged)
        parameters: int | None = int(network.count_params())
    else:
        shutil.copyfile(path, staged / ONNX)
        parameters, measured = None, {"calibration": None, "features": None}
    signature = try_out(staged / ONNX, target, trial)
    for name in target.family.extra_files:
        shutil.copyfile(target.folder / name, staged / name)
    card = target.card.model_copy(
        update={
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "job": None,
            "input": TensorCard(**asdict(signature.input)),
            "output": TensorCard(**asdict(signature.output)),
            "hyperparameters": {},
            "command": f"fitserve models import {target.card.model} FILE",
            "data": None,
            "metrics": {},
            **measured,
            "curves": [],
            "parameters": parameters,
            "training_seconds": 0.0,
            "libraries": {"fitserve": version("fitserve"), "onnxruntime": onnxruntime.__version__},
            "files": checksums(staged),
        }
    )
    (staged / CARD).write_text(card.model_dump_json())


def _convert(path: Path, target: ImportTarget, staged: Path) -> tuple[Network, dict[str, Any]]:
    """Write what is served of a .keras file, and the file's network as training continues from it.

    Returns it with what its card says of its confidence: `calibration` and `features`.
    """
    check_archive(path)
    from app.families.features import with_features  # noqa: PLC0415  takes seconds
    from app.training.export import as_served, check, check_steps, export  # noqa: PLC0415
    from app.training.imports.calibration import available_data, features_for, measure  # noqa: PLC0415

    network, signature = as_served(_read(path)), target.signature
    check_keras(network, signature)
    data = available_data(target)
    signature = replace(signature, features=features_for(network, data))
    export(network, staged, signature)
    rng = np.random.default_rng(0)
    if signature.states:
        check_steps(network, staged, signature, rng.integers(0, signature.output.shape[-1], (4, 8)))
    else:
        check(
            with_features(network, signature.features), staged, signature, random_inputs(rng, signature.input, SAMPLES)
        )
    measured = measure(network, signature.features, data, staged)
    return network, {"calibration": measured.calibration, "features": measured.features}


def _load_tensorflow() -> None:
    """Load it before the memory is limited, which is for the network; raises Conflict where it is not installed."""
    try:
        import app.training.export  # noqa: F401, PLC0415  takes seconds
    except ImportError:
        raise Conflict(
            "this installation only serves: it imports .onnx files; for .keras it lacks TensorFlow"
        ) from None


def _read(path: Path) -> Network:
    import keras  # noqa: PLC0415

    named = path.rename(path.with_suffix(".keras"))  # Keras goes by the name
    try:
        return keras.saving.load_model(named, compile=False, safe_mode=True)
    except Exception as fault:  # Keras raises whatever its layers raise
        raise InvalidRequest(f"Keras cannot read the file: {str(fault).strip().splitlines()[0][:300]}") from fault


def main(model: str, like: str, path: str, staged: str) -> int:
    """Import one file as the settings say; returns an exit code."""
    end_with_parent()
    prefer_oom_kill()
    lower_priority(NICENESS)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # a GPU is shared with whoever serves on it
    settings = Settings()
    limit_seconds(settings.import_timeout_seconds)
    configure_logging(settings.log_level, settings.log_form)
    store = open_store(settings)
    try:
        number = store.resolve(model, like)
        card = store.card(model, number)
        target = ImportTarget(family_named(card.family), card, store.folder(model, number))
        trial = TrialRun(settings.max_batch, settings.prediction_timeout_seconds)
        if zipfile.is_zipfile(path):
            _load_tensorflow()
        limit_memory(settings.max_import_memory_bytes)
        import_version(target, Path(path), Path(staged), trial)
    except (FitserveError, OSError) as raised:
        fault = SystemFault.of(raised) or raised
        result = {"error": str(fault), "kind": type(fault).__name__}
    except MemoryError:
        result = {"error": f"the network takes more memory than {settings.max_import_memory_bytes} bytes", "kind": ""}
    else:
        result = {}
    print(json.dumps(result))  # noqa: T201
    return "error" in result


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
