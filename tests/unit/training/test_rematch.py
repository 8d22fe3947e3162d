"""Two text generators on the same text, whatever their vocabularies."""

from math import log2
from typing import Any

import numpy as np
import pytest

from app.families.contract import Array
from app.training.rematch import bits_per_character
from app.versions.promotion import Incomparable
from tests.fakes import TinyGenerator


class Even(TinyGenerator):
    """Finds every token as likely as any other."""

    def step(self, tokens: Array, states: Any) -> tuple[Array, list[Array]]:
        return np.zeros((len(tokens), self.size), np.float32), list(states)


def test_who_knows_nothing_needs_the_bits_of_its_vocabulary_for_each_token():
    lines = ["abc", "d", "efghi"]  # a letter a token, and one for the end
    assert bits_per_character(Even(), lines) == pytest.approx(log2(Even.size))


def test_lines_that_are_read_together_come_out_as_they_do_alone():
    lines = ["abcabc", "", "b", "cbacbacba"]
    generator: Any = TinyGenerator()
    alone = sum(bits_per_character(generator, [line]) * (len(line) + 1) for line in lines)
    assert bits_per_character(generator, lines) * sum(len(line) + 1 for line in lines) == pytest.approx(alone)


def test_a_text_with_a_word_that_is_not_known_is_not_compared():
    class Deaf(Even):
        def read(self, text: str) -> Any:
            prompt = super().read(text)
            prompt.unknown_words = ["stranger"]
            return prompt

    with pytest.raises(Incomparable, match="'stranger'"):
        bits_per_character(Deaf(), ["abc"])
