"""How tokens appear: every one has a name of its own, and is found in its text where it is said to begin."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.families.text.sample import LINES
from app.families.text.text_cleaning import lines_of, normalised
from app.families.text.token_display import printable_bytes, token_names, token_offsets, token_texts
from app.families.text.vocabulary import END, END_NAME, UNKNOWN, UNKNOWN_NAME, build, tokens_of

KINDS = ("words", "subwords", "characters")
MADE = {kind: build(kind, lines_of(LINES), None) for kind in KINDS}
KNOWN = sorted({word for line in lines_of(LINES) for word in line.split()})
TEXTS = st.lists(
    st.sampled_from(KNOWN) | st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(" \n\t\u3000,-ßİ<"),
    max_size=8,
).flatmap(lambda parts: st.sampled_from(["", " "]).map(lambda joint: normalised(joint.join(parts))))

every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_no_two_tokens_have_the_same_name(kind: str):
    names = token_names(MADE[kind])
    assert len(set(names)) == len(names)
    assert names[END] == END_NAME
    assert kind == "subwords" or names[UNKNOWN] == UNKNOWN_NAME


@every_kind
def test_the_texts_of_a_line_s_tokens_are_the_line(kind: str):
    texts = token_texts(MADE[kind])
    for line in lines_of(LINES):
        spelled = b"".join(texts[token] for token in MADE[kind].encode(line)).decode()
        assert spelled.removeprefix(" ") == (line if kind != "words" else " ".join(spelled.split()))


@every_kind
@given(text=TEXTS)
def test_every_token_of_a_text_has_its_place(kind: str, text: str):
    tokens, _ = tokens_of(MADE[kind], text)
    places = token_offsets(MADE[kind], text)
    assert len(places) == len(tokens)
    assert places == sorted(places)
    names = token_names(MADE[kind])
    for token, store_fixture in zip(tokens, places, strict=True):
        word = names[token].strip()
        if word.startswith("bytes:"):
            continue
        assert text[store_fixture:].casefold().lstrip().startswith(word.casefold()), (text, store_fixture, word)


def test_the_space_before_a_word_is_part_of_its_token():
    assert token_offsets(MADE["words"], "나는  오늘") == [0, 3]
    assert token_offsets(MADE["words"], " 나는 쀍쀍 오늘,나는") == [0, 6, 10]
    assert token_offsets(MADE["characters"], "나는 오늘") == [0, 1, 2, 3, 4]
    assert token_offsets(MADE["subwords"], "쀍 쀍") == [0, 0, 0, 1, 2, 2], "bytes have the place of their character"


def test_bytes_that_are_no_character_are_written_out():
    assert printable_bytes(" 오늘".encode()) == " 오늘"
    assert printable_bytes(b" \xec\x98") == r"bytes: \xec\x98"
    assert printable_bytes(b"\\\xec\n") == r"bytes:\x5c\xec\x0a"
