"""How much a picture is like those that a network was validated on: by its confidence, and by distance in features.

The features are the mean activations of each channel of some layers. Their logarithms are near normal, so a picture's
distance is Mahalanobis's from the nearest class centre (Lee et al., 2018). Distance and confidence are each ranked
among the validation pictures, and the two ranks are combined as Fisher combines p-values.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

OFFSET = 0.03  # added to a mean activation before the logarithm: below it, differences are of no account
CONFIDENCE_WEIGHT = 2.0  # of the confidence's rank; the distance's has 1
NEAREST = 1e-6  # a squared distance that counts as one, where known pictures are all the same


@dataclass(frozen=True)
class Familiarity:
    """The fitted figures of one version. The log features are shifted by `mean` (d,) and projected by `projection`
    (d, d) so that within a class they are white; `centres` (classes, d) lie there. Of the validation pictures a share
    of exp(`ranks`) (k,), which rise to 0, is farther than `distances` (k,), and less confident than `confidences` (k,).
    """

    mean: Floats
    projection: Floats
    centres: Floats
    ranks: Floats
    distances: Floats
    confidences: Floats

    def distance(self, features: Floats) -> Floats:
        """The squared distance (n,) of mean activations (n, d) from the nearest centre."""
        white = (log_features(features) - self.mean) @ self.projection
        apart = white[:, None] - self.centres
        return np.asarray(np.einsum("nkd,nkd->nk", apart, apart).min(axis=1))

    def evidence(self, features: Floats, confidence: Floats) -> Floats:
        """How familiar pictures are, (n,): 0 for the most familiar, lower for others; `confidence` is (n,)."""
        distance = self.distance(features)
        # Beyond all known pictures no confidence makes up for the distance.
        beyond = np.maximum(1, distance / max(float(self.distances[0]), NEAREST))
        near = np.interp(-distance, -self.distances, self.ranks) * beyond
        sure = np.interp(confidence, self.confidences, self.ranks)
        return np.asarray(near + CONFIDENCE_WEIGHT * sure, np.float32)


def log_features(features: Floats) -> Floats:
    """The logarithm of mean activations (n, d); what is negative counts as nothing."""
    return np.log(np.maximum(features, 0) + np.float32(OFFSET))


def read_familiarity(path: Path) -> Familiarity:
    """The figures in a file; raises OSError, ValueError or KeyError when it holds none."""
    with np.load(path, allow_pickle=False) as file:
        return Familiarity(**{name: file[name] for name in Familiarity.__dataclass_fields__})


def write_familiarity(path: Path, familiarity: Familiarity) -> None:
    """The figures as a file, always the same bytes for the same figures."""
    arrays: dict[str, Any] = asdict(familiarity)
    np.savez(path, **arrays)
