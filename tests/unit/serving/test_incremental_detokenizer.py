"""Letters: whatever the tokens cut apart, whole characters come out, and they are counted."""

from hypothesis import given
from hypothesis import strategies as st

from app.serving.incremental_detokenizer import IncrementalDetokenizer

TEXTS = [b"\n", *(bytes([byte]) for byte in range(1, 256)), " 나는".encode(), b" ", "오늘".encode()]
SPACED, SPACE, GLUED = 256, 257, 258


def spelled(detokenizer: IncrementalDetokenizer, tokens: list[int]) -> str:
    return "".join(detokenizer.add(token) for token in tokens)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\n"), max_size=20))
def test_a_text_cut_into_bytes_is_whole_again(text: str):
    detokenizer = IncrementalDetokenizer(TEXTS, first_space=None)
    assert spelled(detokenizer, list(text.encode())) == text
    assert detokenizer.length == len(text)


@given(st.lists(st.integers(1, 258), max_size=30), st.integers(0, 30))
def test_a_fork_goes_on_as_its_origin_would(tokens: list[int], store_fixture: int):
    origin = IncrementalDetokenizer(TEXTS)
    spelled(origin, tokens[:store_fixture])
    fork = origin.fork()
    assert spelled(fork, tokens[store_fixture:]) == spelled(origin, tokens[store_fixture:])
    assert fork.length == origin.length


def test_the_first_space_is_the_gap_s():
    assert spelled(IncrementalDetokenizer(TEXTS, first_space=b""), [SPACED, SPACED]) == "나는 나는"
    assert spelled(IncrementalDetokenizer(TEXTS, first_space=b" "), [GLUED, SPACED]) == " 오늘 나는"
    assert spelled(IncrementalDetokenizer(TEXTS, first_space=b" "), [SPACED, GLUED]) == " 나는오늘"
    assert spelled(IncrementalDetokenizer(TEXTS, first_space=None), [SPACED, GLUED]) == " 나는오늘"
    assert spelled(IncrementalDetokenizer(TEXTS), [SPACED, 0, SPACED]) == "나는\n나는", "a line begins without one"


def test_bytes_that_are_no_character_are_left_out():
    first, second, third = "늘".encode()
    detokenizer = IncrementalDetokenizer(TEXTS, first_space=None)
    assert [detokenizer.add(token) for token in (first, second, SPACE, third, first, second, third)] == [
        *("", "", " ", "", "", "", "늘")
    ]
    assert detokenizer.length == 2
