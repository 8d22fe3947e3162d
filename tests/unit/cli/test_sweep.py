"""What the options of a sweep become."""

import pytest

from app.cli.sweep import _dimension, _reader


@pytest.mark.parametrize("name", ["NaN", "Infinity", "1e5", "true", "null", "007"])
def test_a_text_that_is_called_like_a_number_stays_a_text(name: str):
    assert _dimension(f"{name},poems", _reader("text", "corpus")) == {"choices": [name, "poems"]}
    assert _reader("text", "corpus")(name) == name


def test_numbers_and_choices_are_what_they_are():
    assert _dimension("0.1..0.5", _reader("text", "dropout")) == {"low": 0.1, "high": 0.5, "log": False}
    assert _dimension("8,16", _reader("text", "units")) == {"choices": [8, 16]}
    assert _dimension("lstm,gru", _reader("text", "cell")) == {"choices": ["lstm", "gru"]}
    assert _reader("nonsense", "units")("8") == 8
