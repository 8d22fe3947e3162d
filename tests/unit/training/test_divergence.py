"""A training that diverged is told from one that learned, and nothing of it goes live by itself."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from app.families.contract import Signature, Tensor
from app.jobs.job import Status
from app.settings import STARTERS
from app.store.model_store import ModelStore
from app.sweeps.trials import Trial, best_of
from app.training.divergence import divergence_in_curves, divergence_in_metrics, untrained_loss
from app.training.evaluation_result import EvaluationResult
from app.versions.promotion import promote
from tests.fakes import publish_tiny

TEN = math.log(10)
TARGETS = np.arange(1000) % 10
DATA: Any = SimpleNamespace(test=SimpleNamespace(targets=TARGETS))
SIGNATURE = Signature(Tensor("x", "float32", (-1, 1)), Tensor("y", "float32", (-1, 50)))


def curves(*losses: float, phase: str = "train") -> list[dict[str, Any]]:
    return [{"phase": phase, "epoch": number, "loss": loss} for number, loss in enumerate(losses, start=1)]


@pytest.mark.parametrize(
    "losses",
    [(2.2,), (2.6,), (1.9, 0.8, 0.3), (0.5, 0.2, 0.21, 0.19), (0.001, 0.002), (2.29, 2.28), (), (40.0, 2.0, 0.4)],
)
def test_a_training_that_learns_has_not_diverged(losses: tuple[float, ...]):
    assert divergence_in_curves(curves(*losses), TEN) is None


@pytest.mark.parametrize(
    ("losses", "word"),
    [
        ((math.nan,), "nan in epoch 1"),
        ((1.0, 0.5, math.inf), "inf in epoch 3"),
        ((1.0, math.nan, 0.5), "nan in epoch 2"),
        ((0.3, 0.5, 1.8), "grew from 0.3 to 1.8"),
        ((2.0, 900.0), "grew"),
        ((90.0, 30.0, 11.0), "no less than an untrained network's 2.303"),
        ((2.31, 2.3026), "no less than an untrained"),
    ],
)
def test_a_loss_that_grows_stays_or_is_no_number_has(losses: tuple[float, ...], word: str):
    assert word in str(divergence_in_curves(curves(*losses), TEN))


def test_a_phase_is_compared_with_itself():
    head, whole = curves(0.3, 0.2, phase="head"), curves(0.9, 0.5, phase="whole")
    assert divergence_in_curves([*head, *whole], TEN) is None
    assert divergence_in_curves([*head, *curves(0.3, 0.9, phase="whole")], TEN)


def result(figure: float, better: Any = "higher") -> EvaluationResult:
    name = "test_accuracy" if better == "higher" else "test_perplexity"
    return EvaluationResult(None, {name: figure}, name, better, {})


@pytest.mark.parametrize(
    ("figure", "learned"), [(0.1, False), (0.115, False), (0.0, False), (0.13, True), (0.99, True), (math.nan, False)]
)
def test_an_accuracy_of_chance_is_nothing_learned(figure: float, learned: bool):
    assert (divergence_in_metrics(result(figure), DATA, TEN) is None) is learned


def test_where_one_label_is_frequent_chance_is_always_that_one():
    data: Any = SimpleNamespace(test=SimpleNamespace(targets=np.array([0] * 900 + [1] * 100)))
    assert "0.9000" in str(divergence_in_metrics(result(0.91), data, 0.3))
    assert divergence_in_metrics(result(0.95), data, 0.3) is None


@pytest.mark.parametrize(("figure", "learned"), [(49.0, True), (50.0, False), (1e30, False), (math.inf, False)])
def test_a_perplexity_of_all_tokens_is_nothing_learned(figure: float, learned: bool):
    untrained = untrained_loss("generate", DATA, SIGNATURE)
    assert (divergence_in_metrics(result(figure, "lower"), DATA, untrained) is None) is learned


def test_a_network_that_knows_only_the_shares_has_their_entropy_as_its_loss():
    assert untrained_loss("classify", DATA, SIGNATURE) == pytest.approx(TEN)


@pytest.mark.parametrize("wish", ["if_better", "always"])
@pytest.mark.parametrize("alone", [True, False])
def test_what_diverged_does_not_go_live_by_itself(tmp_path: Path, wish: Any, alone: bool):
    store = ModelStore(tmp_path)
    if not alone:
        publish_tiny(store, accuracy=0.05)
        store.promote("tiny", 1)
    card = publish_tiny(store, accuracy=0.1).model_copy(update={"diverged": "the loss grew"})
    before = store.aliases("tiny")
    hint = f"`fitserve models promote tiny {card.version}` makes it live"
    assert promote(store, card, wish) == (False, f"its training diverged: the loss grew; {hint}")
    assert store.aliases("tiny") == before
    assert store.promote("tiny", card.version)["live"] == card.version, "somebody who wants it may"


def test_the_best_of_a_sweep_is_none_that_diverged():
    shared: dict[str, Any] = {"job": "j", "status": Status.SUCCEEDED, "hyperparameters": {}}
    sound = Trial(trial=1, version=2, value=0.5, **shared)
    astray = Trial(trial=2, version=3, value=0.9, diverged=True, reason="the loss grew", **shared)
    sweep: Any = SimpleNamespace(higher_is_better=True)
    assert best_of(sweep, [sound, astray]) == sound
    assert best_of(sweep, [astray]) is None


def test_the_starters_have_not_diverged():
    starters = ModelStore(STARTERS)
    cards = [card for model in starters.models() for card in starters.versions(model)]
    assert cards
    for card in cards:
        untrained = TEN if card.family != "text" else math.log(card.output.shape[-1])
        assert divergence_in_curves(card.curves, untrained) is None, card.model
