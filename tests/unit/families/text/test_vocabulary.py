"""Vocabularies: what goes in comes out, in every kind, and what is unknown is named."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Damaged
from app.families.text.sample import LINES
from app.families.text.text_cleaning import lines_of
from app.families.text.vocabulary import END, UNKNOWN, Vocabulary, build, load, serialized, tokens_of

KINDS = ("words", "subwords", "characters")
CORPUS = lines_of(LINES)
MADE = {kind: build(kind, CORPUS, None) for kind in KINDS}

every_kind = pytest.mark.parametrize("kind", KINDS)


def spelled(vocabulary: Vocabulary, ids: list[int]) -> str:
    """The text of some tokens: a space wherever a word starts."""
    text = b""
    for token in ids:
        text += b" " * bool(vocabulary.word_start_mask[token]) + vocabulary.token_bytes[token]
    return text.decode().strip()


@every_kind
def test_every_line_of_the_corpus_comes_back_exactly(kind: str):
    for line in CORPUS:
        ids = MADE[kind].encode(line)
        assert UNKNOWN not in ids or kind == "subwords"
        assert spelled(MADE[kind], ids) == line


@every_kind
def test_a_stored_vocabulary_is_the_same_again(kind: str):
    again = load(serialized(MADE[kind]))
    assert again.token_bytes == MADE[kind].token_bytes
    assert (again.word_start_mask == MADE[kind].word_start_mask).all()
    assert [again.encode(line) for line in CORPUS] == [MADE[kind].encode(line) for line in CORPUS]
    assert serialized(again) == serialized(MADE[kind])


@every_kind
def test_decomposed_hangul_is_the_same_text(kind: str):
    line = "나는 오늘 학교에"
    decomposed = unicodedata.normalize("NFD", line)
    assert decomposed != line
    assert tokens_of(MADE[kind], decomposed) == tokens_of(MADE[kind], line)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=20))
def test_subwords_spell_any_text(text: str):
    for line in lines_of(text):
        assert spelled(MADE["subwords"], MADE["subwords"].encode(line)) == line


def test_words_fold_case_and_drop_punctuation():
    words = build("words", ["The cat, the “Cat”; don't! 「고양이」"], None)
    assert words.content()["tokens"] == ["the", "cat", "don't", "고양이"]


def test_unknown_words_are_named_as_they_were_written_and_left_out():
    assert tokens_of(MADE["words"], "나는 Zebra, 오늘") == (MADE["words"].encode("나는 오늘"), ["Zebra,"])
    assert tokens_of(MADE["characters"], "나는 쀍쀍 오늘") == (MADE["characters"].encode("나는 오늘"), ["쀍쀍"])
    assert tokens_of(MADE["words"], " ... ") == ([], [])


def test_who_writes_the_end_s_name_means_its_letters():
    tokens, _ = tokens_of(MADE["subwords"], "나는 <end> 오늘")
    assert END not in tokens
    assert spelled(MADE["subwords"], tokens) == "나는 <end> 오늘"


@every_kind
def test_the_end_has_no_spelling_and_may_follow_any_word(kind: str):
    assert MADE[kind].token_bytes[END] == b""
    assert MADE[kind].word_start_mask[END]


def test_a_bounded_vocabulary_keeps_the_most_frequent():
    words = build("words", CORPUS, 16)
    assert len(words.token_bytes) == 16
    assert "the" in words.content()["tokens"]
    assert UNKNOWN in words.encode("the neverseen")


@pytest.mark.parametrize(
    "content", ["", "{}", '{"kind": "runes"}', '{"kind": "words"}', '{"kind": "subwords", "tokenizer": 1}']
)
def test_what_is_no_vocabulary_is_refused(content: str):
    with pytest.raises(Damaged):
        load(content)
