"""What is familiar: pictures whose features lie where those of known pictures do, and nothing else."""

from pathlib import Path

import numpy as np
import pytest

from app.families.contract import Array
from app.families.familiarity import Familiarity, read_familiarity, write_familiarity
from app.training.familiarity_fit import fit_familiarity

FALSE_ALARMS = 0.04
WIDTH = 12


def known(number: int, seed: int) -> tuple[Array, Array]:
    """Mean activations (n, d) of three classes, and the classes."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 3, number)
    centres = np.random.default_rng(0).normal(0, 0.5, (3, WIDTH))
    mix = np.random.default_rng(1).normal(0, 0.3, (WIDTH, WIDTH))
    return np.exp(centres[classes] + rng.normal(0, 1, (number, WIDTH)) @ mix).astype(np.float32), classes


def confidences(number: int, seed: int) -> Array:
    return np.random.default_rng(seed).beta(20, 1, number).astype(np.float32)


@pytest.fixture(scope="module")
def fitted() -> tuple[Familiarity, float]:
    return fit_familiarity(known(3000, 2), known(2000, 3)[0], confidences(2000, 3), FALSE_ALARMS)


def familiar(fitted: tuple[Familiarity, float], features: Array, confidence: Array) -> float:
    return float((fitted[0].evidence(features, confidence) >= fitted[1]).mean())


def test_all_but_the_stated_share_of_known_pictures_are_familiar(fitted: tuple[Familiarity, float]):
    share = familiar(fitted, known(4000, 4)[0], confidences(4000, 4))
    assert 1 - share == pytest.approx(FALSE_ALARMS, abs=0.015)


@pytest.mark.parametrize("other", ["scaled", "mirrored", "nothing", "huge"])
def test_other_pictures_are_unfamiliar_however_sure_the_network_is(fitted: tuple[Familiarity, float], other: str):
    features = known(500, 5)[0]
    strange = {
        "scaled": features * 9,
        "mirrored": features.mean(axis=0) ** 2 / features[:, ::-1] * 3,
        "nothing": np.zeros_like(features),
        "huge": features * 1e9,
    }[other]
    assert familiar(fitted, strange, np.ones(500, np.float32)) < 0.1


def test_a_known_picture_of_which_the_network_is_unsure_is_less_familiar(fitted: tuple[Familiarity, float]):
    features = known(500, 6)[0]
    sure = fitted[0].evidence(features, np.full(500, 0.99, np.float32))
    unsure = fitted[0].evidence(features, np.full(500, 0.2, np.float32))
    assert (unsure < sure).all()


def test_a_picture_is_judged_alike_alone_and_in_company(fitted: tuple[Familiarity, float]):
    features, confidence = known(50, 7)[0], confidences(50, 7)
    together = fitted[0].evidence(features, confidence)
    alone = [fitted[0].evidence(features[i : i + 1], confidence[i : i + 1])[0] for i in range(50)]
    np.testing.assert_allclose(together, alone, atol=1e-3)


def test_what_was_fitted_is_read_back(fitted: tuple[Familiarity, float], tmp_path: Path):
    write_familiarity(tmp_path / "familiar.npz", fitted[0])
    again = read_familiarity(tmp_path / "familiar.npz")
    features, confidence = known(20, 8)[0], confidences(20, 8)
    assert np.array_equal(again.evidence(features, confidence), fitted[0].evidence(features, confidence))


def test_the_confidence_counts_only_where_it_is_wanted():
    features, confidence = known(500, 9)[0], confidences(500, 9)
    alone, _ = fit_familiarity(known(3000, 2), known(2000, 3)[0], confidences(2000, 3), 0.04, with_confidence=False)
    sure = alone.evidence(features, np.ones(500, np.float32))
    assert np.array_equal(alone.evidence(features, confidence), sure)
