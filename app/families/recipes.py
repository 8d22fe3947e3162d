"""What recipes share: fingerprints of data, and the one-cycle learning rate schedule."""

import hashlib
from collections.abc import Iterable

import keras
import numpy as np
from numpy.typing import NDArray


def fingerprint_arrays(*arrays: NDArray[np.generic]) -> str:
    """SHA-256 over the shapes, types and contents of arrays, as hexadecimal digits."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def fingerprint_lines(lines: Iterable[str | bytes]) -> str:
    """SHA-256 over lines, each followed by a line feed, as hexadecimal digits."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode() if isinstance(line, str) else line)
        digest.update(b"\n")
    return digest.hexdigest()


def one_cycle(
    peak: float, steps: int, *, warm_up: float, first: float, last: float
) -> keras.optimizers.schedules.LearningRateSchedule:
    """A learning rate that rises linearly to `peak` and then falls as a cosine (Smith and Topin, 2017).

    It rises during the fraction `warm_up` of the `steps`; `first` and `last` are the initial and the final rate as
    fractions of `peak`.
    """
    rising = round(warm_up * steps)
    return keras.optimizers.schedules.CosineDecay(
        first * peak, steps - rising, alpha=last, warmup_target=peak, warmup_steps=rising
    )
