"""Reading texts: lines in one form, and what is no text refused with its reason."""

import pytest

from app.errors import InvalidRequest
from app.families.text.reading import check_text, lines_of, read_text


def test_lines_are_composed_and_their_spaces_single():
    assert lines_of("\ufeff".strip("\ufeff") + "  한글\t두  칸 \r\n\n \nlast") == ["한글 두 칸", "last"]


def test_a_byte_order_mark_is_no_text():
    assert read_text("\ufeff가 나".encode(), "it") == "가 나"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("가나".encode("cp949"), "not UTF-8"),
        ("가나".encode("utf-16"), "not UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not UTF-8"),
        (b"GIF89a\x00\x01", "control characters"),
    ],
)
def test_what_is_no_text_says_why(content: bytes, reason: str):
    with pytest.raises(InvalidRequest, match=f"it .*{reason}"):
        read_text(content, "it")


@pytest.mark.parametrize("text", ["", " \n\t ", "...!?", "하나", "하나 하나\n하나!", "ONE one"])
def test_a_text_without_two_words_cannot_be_learned(text: str):
    with pytest.raises(InvalidRequest, match="at least 2 different words"):
        check_text(text, "it")


def test_two_words_are_enough():
    check_text("하나 둘", "it")
