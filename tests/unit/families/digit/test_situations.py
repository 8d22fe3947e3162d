"""Digits as people send them arrive at the starter and are read; several digits are refused as such."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from app.errors import InvalidRequest
from app.families.contract import Classification
from app.families.digit.normalise import normalise
from app.families.digit.spec import FAMILY
from app.serving.runtimes.onnx import OnnxRuntime
from app.settings import STARTERS
from app.store.model_store import ModelStore
from tests.other_things import OTHER_THINGS, several, written
from tests.situations import SITUATIONS, digit_for, drawn
from tests.stored_versions import load_version

EACH = 40
SEED = 2026
Read = Callable[[NDArray[np.uint8]], Classification | None]


@pytest.fixture(scope="module")
def read() -> Read:
    """Asks the starter; None for what is refused."""
    _, servable = load_version(ModelStore(STARTERS), OnnxRuntime(1), FAMILY, "digit", 1)

    def ask(picture: NDArray[np.uint8]) -> Classification | None:
        try:
            instance = normalise(picture)[..., np.newaxis]
        except InvalidRequest:
            return None
        answer: Classification = servable.answer(servable.predict([instance])[0], None)
        return answer

    return ask


@pytest.mark.parametrize("kind", SITUATIONS)
def test_the_starter_reads_digits_as_people_send_them(kind: str, read: Read) -> None:
    rng = np.random.default_rng(SEED)
    source = drawn(rng)
    wrong = []
    for index in range(EACH):
        digit = digit_for(kind, index)
        answer = read(SITUATIONS[kind](digit, source, rng))
        if answer is None or answer.label != str(digit):
            wrong.append((index, digit, answer and answer.label))
    assert len(wrong) <= 0.05 * EACH, wrong


@pytest.mark.parametrize("kind", OTHER_THINGS)
def test_the_starter_refuses_or_doubts_what_is_no_digit(kind: str, read: Read) -> None:
    rng = np.random.default_rng(SEED)
    answers = [read(OTHER_THINGS[kind](rng)) for _ in range(EACH)]
    sure = [answer.label for answer in answers if answer is not None and answer.familiar is not False]
    assert len(sure) <= 0.1 * EACH, sure


def test_several_digits_are_refused_with_words_that_say_so() -> None:
    rng = np.random.default_rng(SEED)
    source = drawn(rng)
    told = 0
    for _ in range(EACH):
        try:
            normalise(several(source, rng))
        except InvalidRequest as invalid_text:
            told += "several digits" in str(invalid_text)
    assert told >= 0.9 * EACH


@pytest.mark.parametrize("number", ["42", "10", "808", "2026"])
def test_a_printed_number_of_several_digits_is_refused_as_such(number: str) -> None:
    picture = written(number, "DejaVuSans", np.random.default_rng(1))
    with pytest.raises(InvalidRequest, match=r"several digits.*send a picture of one digit"):
        normalise(picture)


@pytest.mark.parametrize("step", [8, 15, 20, 50])
@pytest.mark.parametrize("noise", [0, 20])
def test_large_stripes_are_refused_or_read_and_break_nothing(step: int, noise: int) -> None:
    rng = np.random.default_rng(step)
    rows = np.arange(400)[:, None].repeat(400, 1) // step % 2 * 200 + 20
    picture = np.asarray((rows + rng.normal(0, noise, rows.shape)).clip(0, 255), np.uint8)
    try:
        result = normalise(picture)
    except InvalidRequest:
        return
    assert result.shape == (28, 28)
