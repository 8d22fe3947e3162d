"""Fits what tells familiar pictures from others, on features of training pictures and ranks among validation's."""

import numpy as np

from app.families.contract import Array
from app.families.familiarity import Familiarity, log_features

RIDGE = 0.3  # added to every variance, of features scaled to variance 1
LEVELS = 128  # ranks that are kept


def fit_centres(features: Array, targets: Array) -> dict[str, Array]:
    """`mean`, `projection` and `centres` from mean activations (n, d) and classes (n,) of pictures that are known."""
    values = log_features(features).astype(np.float64)
    mean, scale = values.mean(axis=0), values.std(axis=0) + 1e-6
    scaled = (values - mean) / scale
    classes, places = np.unique(targets, return_inverse=True)
    centres = np.stack([scaled[targets == one].mean(axis=0) for one in classes])
    within = scaled - centres[places]
    variances, directions = np.linalg.eigh(within.T @ within / len(within))
    whitening = directions / np.sqrt(np.maximum(variances, 0) + RIDGE)
    figures = {"mean": mean, "projection": whitening / scale[:, None], "centres": centres @ whitening}
    return {name: figure.astype(np.float32) for name, figure in figures.items()}


def fit_familiarity(
    reference: tuple[Array, Array],
    validated: Array,
    confidence: Array,
    false_alarms: float,
    *,
    with_confidence: bool = True,
) -> tuple[Familiarity, float]:
    """The figures, and the evidence that all but a share of `false_alarms` of the validation pictures reach.

    `reference` are features (m, d) and classes (m,) of training pictures; `validated` are features (n, d) and
    `confidence` is (n,), of the validation pictures. Without the confidence every picture has the highest rank by it.
    """
    shares = np.geomspace(1 / (len(validated) + 1), 1, LEVELS)
    nothing = np.zeros(LEVELS, np.float32)
    unranked = Familiarity(**fit_centres(*reference), ranks=nothing, distances=nothing, confidences=nothing)
    familiarity = Familiarity(
        **fit_centres(*reference),
        ranks=np.log(shares).astype(np.float32),
        distances=np.quantile(unranked.distance(validated), 1 - shares).astype(np.float32),
        confidences=np.quantile(confidence, shares).astype(np.float32) if with_confidence else nothing,
    )
    evidence = familiarity.evidence(validated, confidence)
    return familiarity, float(np.quantile(evidence, false_alarms))
