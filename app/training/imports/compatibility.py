"""What a network from elsewhere must take and give to stand beside a version, and whether it does when it runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from app.errors import InvalidRequest
from app.families.contract import Array, Family, Signature, Tensor, next_state_name
from app.store.version import Card
from app.watchdog import Watchdog

TYPES = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(int64)": "int64", "tensor(int32)": "int32"}
FAR = 1e4  # what a network may be given that nobody thought of
FEATURES = "features"
ROWS = 3  # examples that are run together, to see that each is answered by itself
TOLERANCE = 1e-3


@dataclass(frozen=True)
class ImportTarget:
    """The version that a network is to stand beside: what it must take and give, and what it answers with."""

    family: Family
    card: Card
    folder: Path

    @property
    def signature(self) -> Signature:
        """What the network must take and give."""
        card = self.card
        tensors = [Tensor(one.name, one.dtype, one.shape) for one in (card.input, card.output, *card.states)]
        return Signature(tensors[0], tensors[1], tuple(tensors[2:]))


@dataclass(frozen=True)
class TrialRun:
    """How a network is tried out: in batches of up to `max_batch`, each of which may take so many seconds."""

    max_batch: int = 32
    run_seconds: float = 10.0


DEFAULT_TRIAL = TrialRun()


def check_keras(network: Any, wanted: Signature) -> None:
    """Raise InvalidRequest unless a Keras network takes and gives tensors of the signature's types and shapes."""
    _compare("takes", wanted.inputs, [_of_keras(one) for one in network.inputs])
    _compare("gives", wanted.outputs, [_of_keras(one) for one in network.outputs])


def _of_keras(tensor: Any) -> Tensor:
    return Tensor(tensor.name, tensor.dtype, tuple(-1 if side is None else side for side in tensor.shape))


def try_out(path: Path, target: ImportTarget, trial: TrialRun = DEFAULT_TRIAL) -> Signature:
    """What an ONNX file takes and gives, once it has run; raises InvalidRequest unless it can stand beside `target`."""
    options = onnxruntime.SessionOptions()
    options.enable_cpu_mem_arena = False  # what it takes is what it needs
    options.log_severity_level = 4  # a fault is raised, and told once
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as fault:  # ONNX Runtime raises a class of its own for every status
        reason = str(fault).replace(str(path), "the file")
        raise InvalidRequest(f"expected a .keras or an .onnx file: {reason}") from fault
    takes, gives = [_of_onnx(one) for one in session.get_inputs()], [_of_onnx(one) for one in session.get_outputs()]
    wanted = target.signature
    if wanted.states:  # several tensors are told apart by their names
        takes, gives = _by_name(takes, wanted.inputs), _by_name(gives, wanted.outputs)
    if len(gives) > 1:  # as Fitserve's own files have them, which are of no use without what was fitted to them
        gives = [one for one in gives if one.name != FEATURES]
    _compare("takes", wanted.inputs, takes)
    _compare("gives", wanted.outputs, gives)
    signature = Signature(takes[0], _with_shape(gives[0], wanted.output), wanted.states)
    _run(_Watched(session, trial.run_seconds), signature, trial.max_batch, probabilities=bool(target.card.labels))
    return signature


def _of_onnx(tensor: Any) -> Tensor:
    shape = tuple(side if isinstance(side, int) else -1 for side in tensor.shape)
    return Tensor(tensor.name, TYPES.get(tensor.type, tensor.type), shape)


def _by_name(found: list[Tensor], wanted: Sequence[Tensor]) -> list[Tensor]:
    named = {one.name: one for one in found}
    if set(named) != {one.name for one in wanted}:
        names = ", ".join(one.name for one in wanted)
        raise InvalidRequest(f"the network has the tensors {', '.join(sorted(named))}; expected {names}")
    return [named[one.name] for one in wanted]


def _compare(verb: str, wanted: Sequence[Tensor], found: Sequence[Tensor]) -> None:
    """Raise InvalidRequest unless number, types and shapes are the same, and the first dimension is free."""
    if len(wanted) != len(found) or not all(map(_fits, wanted, found)):
        raise InvalidRequest(
            f"the network {verb} {_described(found)}; expected {_described(wanted)}, with -1 for any number of examples"
        )


def _fits(wanted: Tensor, found: Tensor) -> bool:
    """An inner side that is not said is seen when the network runs."""
    return (
        wanted.dtype == found.dtype
        and len(wanted.shape) == len(found.shape)
        and found.shape[0] == -1
        and all(side in (-1, other) for side, other in zip(found.shape[1:], wanted.shape[1:], strict=True))
    )


def _described(tensors: Sequence[Tensor]) -> str:
    return " and ".join(f"{one.dtype} {list(one.shape)}" for one in tensors)


def _with_shape(found: Tensor, wanted: Tensor) -> Tensor:
    return Tensor(found.name, found.dtype, wanted.shape)


class _Watched:
    """A session whose runs end in time."""

    def __init__(self, session: onnxruntime.InferenceSession, seconds: float) -> None:
        self._session = session
        self._watchdog = Watchdog(seconds)
        self._options = onnxruntime.RunOptions()

    def __call__(self, names: Sequence[str], inputs: Mapping[str, Array]) -> list[Array]:
        """The outputs of these names; raises InvalidRequest when the run fails or takes too long."""
        run = self._watchdog.begin(self._stop)
        try:
            outputs: list[Array] = self._session.run(names, inputs, self._options)
        except Exception as fault:
            late = f"it took more than {self._watchdog.seconds:g} s for {len(next(iter(inputs.values())))} examples"
            raise InvalidRequest(
                f"the network fails when it runs: {late if self._options.terminate else fault}"
            ) from fault
        finally:
            self._watchdog.end(run)
        return outputs

    def _stop(self) -> None:
        self._options.terminate = True


def _run(session: _Watched, signature: Signature, max_batch: int, *, probabilities: bool) -> None:
    """Raise InvalidRequest unless some examples give, together and alone, outputs of the right shape and kind."""
    rng = np.random.default_rng(0)
    inputs = {signature.input.name: random_inputs(rng, signature.input, ROWS, signature.output.shape[-1])}
    inputs |= {state.name: random_inputs(rng, state, ROWS) for state in signature.states}
    names = [signature.output.name, *(next_state_name(state.name) for state in signature.states)]
    together = session(names, inputs)
    alone = session(names, {name: values[:1] for name, values in inputs.items()})
    shapes = [(ROWS, *tensor.shape[1:]) for tensor in (signature.output, *signature.states)]
    if [output.shape for output in together] != shapes or not all(np.isfinite(output).all() for output in together):
        raise InvalidRequest(
            f"the network's outputs have the shapes {[list(one.shape) for one in together]} or are not finite"
        )
    if any(np.abs(many[:1] - one).max() > TOLERANCE for many, one in zip(together, alone, strict=True)):
        raise InvalidRequest("the network's output for one example depends on the others in its batch")
    if probabilities and (together[0].min() < 0 or np.abs(together[0].sum(axis=1) - 1).max() > TOLERANCE):
        raise InvalidRequest("the network's outputs are not probabilities: end it with a softmax")

    for batch in _batches(rng, signature, max_batch):
        session(names, batch)


def _batches(rng: np.random.Generator, signature: Signature, max_batch: int) -> Iterator[dict[str, Array]]:
    """What may come: batches of every size that is served, of usual values and of the least and the most."""
    below = signature.output.shape[-1]
    for rows in (*(2**power for power in range((max_batch - 1).bit_length())), max_batch):
        usual = {one.name: random_inputs(rng, one, rows, below) for one in signature.inputs}
        yield usual
        for value in (0, 1, -FAR, FAR) if rows in (1, max_batch) else ():
            yield {name: _constant_like(values, value, below) for name, values in usual.items()}


def _constant_like(values: Array, value: float, below: int) -> Array:
    """The same shape with one value everywhere; tokens are those that there are."""
    if np.issubdtype(values.dtype, np.integer):
        return np.full_like(values, np.clip(value, 0, below - 1))
    return np.full_like(values, value)


def random_inputs(rng: np.random.Generator, tensor: Tensor, rows: int, below: int = 1) -> Array:
    """Made-up values (rows, ...) of a tensor: from 0 to 1, or whole numbers below a bound."""
    shape = (rows, *tensor.shape[1:])
    if np.issubdtype(np.dtype(tensor.dtype), np.integer):
        return rng.integers(0, below, shape).astype(tensor.dtype)
    return rng.random(shape).astype(tensor.dtype)
