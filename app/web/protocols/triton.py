"""What Triton adds to the Open Inference Protocol: a model's configuration, and statistics of its versions.

Described in Triton's protocol extensions model_configuration and statistics.
"""

from typing import Any

from app.serving.loading import LoadedClassifier, LoadedVersion
from app.serving.runtimes.signatures import inputs_of, outputs_of
from app.settings import Settings
from app.store.version import TensorCard
from app.web.protocols.datatypes import datatype_of


def configuration(loaded: LoadedVersion, runtime: str, platform: str, settings: Settings) -> dict[str, Any]:
    """The configuration of a model; the batch is the first dimension of every tensor, and is left out."""
    card = loaded.card
    return {
        "name": card.model,
        "platform": platform,
        "backend": runtime,
        "version_policy": {"specific": {"versions": [card.version]}},
        "max_batch_size": settings.max_batch,
        "input": [_tensor(tensor) for tensor in inputs_of(card)],
        "output": [_tensor(tensor) for tensor in outputs_of(card)],
        "dynamic_batching": {
            "max_queue_delay_microseconds": 0,
            "default_queue_policy": {"max_queue_size": settings.max_queue_size},
        },
    }


def statistics(loaded: LoadedClassifier) -> dict[str, Any]:
    """What a loaded version has predicted; preparing inputs and outputs is not measured, and nothing is cached."""
    counted = loaded.batcher.statistics
    nothing = _duration(0, 0.0)
    batches = [
        {
            "batch_size": size,
            "compute_input": nothing,
            "compute_infer": _duration(number, counted.batch_seconds[size]),
            "compute_output": nothing,
        }
        for size, number in sorted(counted.batches.items())
    ]
    return {
        "name": loaded.card.model,
        "version": str(loaded.card.version),
        "last_inference": int(counted.last * 1e3),
        "inference_count": counted.succeeded,
        "execution_count": counted.batches.total(),
        "inference_stats": {
            "success": _duration(counted.succeeded, counted.succeeded_seconds),
            "fail": _duration(counted.failed, counted.failed_seconds),
            "queue": _duration(counted.succeeded, counted.queue_seconds),
            "compute_input": nothing,
            "compute_infer": _duration(counted.succeeded, counted.predict_seconds),
            "compute_output": nothing,
            "cache_hit": nothing,
            "cache_miss": nothing,
        },
        "batch_stats": batches,
    }


def _duration(number: int, seconds: float) -> dict[str, int]:
    return {"count": number, "ns": round(seconds * 1e9)}


def _tensor(tensor: TensorCard) -> dict[str, Any]:
    return {"name": tensor.name, "data_type": f"TYPE_{datatype_of(tensor)}", "dims": list(tensor.shape[1:])}
