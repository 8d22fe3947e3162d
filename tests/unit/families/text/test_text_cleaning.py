"""Reading texts: lines in one form, and what is no text refused with its reason."""

import unicodedata

import pytest

from app.errors import InvalidRequest
from app.families.text.text_cleaning import check_text, lines_of, normalised


def test_lines_are_composed_and_their_spaces_single():
    assert lines_of("\ufeff".strip("\ufeff") + "  한글\t두  칸 \r\n\n \nlast") == ["한글 두 칸", "last"]


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("\ufeff나는 오늘", "나는 오늘"),
        ("나\u200b는 오\u200d늘\u2060", "나는 오늘"),
        ("un\u00adbeliev\u00adable", "unbelievable"),
        ("\u200e나는\u200f \u202a오늘\u202c", "나는 오늘"),
        ("\u1112\u200b\u1161\u200b\u11ab글", "한글"),
        ("나는\u3164오늘", "나는 오늘"),
        ("\u200b\u200c\u200d", ""),
    ],
)
def test_what_cannot_be_seen_is_left_out(written: str, seen: str):
    assert normalised(written) == seen
    assert lines_of(written) == ([seen] if seen else [])


@pytest.mark.parametrize("text", ["👩\u200d🔬 웃다", "❤\ufe0f\u200d🔥", "می\u200cخواهم", "क्\u200dष", "👍🏽\u200d"[:-1]])
def test_joiners_that_show_stay(text: str):
    assert normalised(text) == unicodedata.normalize("NFC", text)


def test_a_text_is_composed_once():
    for text in ("क्\u200d\u200dष", "가\u200d나", "👩\u200d 🔬"):
        assert normalised(normalised(text)) == normalised(text)


@pytest.mark.parametrize(
    "text", ["", " \n\t ", "...!?", "하나", "하나 하나\n하나!", "ONE one", "\u200b \ufeff", "하나 하\u200b나"]
)
def test_a_text_without_two_words_cannot_be_learned(text: str):
    with pytest.raises(InvalidRequest, match="at least 2 different words"):
        check_text(text, "it")


def test_two_words_are_enough():
    check_text("하나 둘", "it")
