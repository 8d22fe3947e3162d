"""POST /v1/completions: a stream says what the whole answer says, and tokens, places and text agree."""

import asyncio
import json
import unicodedata
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.families.text.sample import LINES
from app.serving.completion import Completion
from app.serving.loading import LoadedGenerator
from app.serving.stop_texts import StopTexts
from app.web.protocols.openai.completions import Rendering, options_of
from app.web.protocols.openai.request import CompletionRequest
from app.web.protocols.openai.responses import Choice, CompletionResponse, Logprobs
from tests.texts import KINDS, load_tiny

WORDS = sorted({word for line in LINES.splitlines() for word in line.split()})[::40]
SMALLEST = 200  # tokens that every vocabulary has


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, LoadedGenerator]:
    """One version for each kind of vocabulary."""
    return {kind: load_tiny(kind, tmp_path_factory.mktemp(kind)) for kind in KINDS}


def several(one: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return one | st.lists(one, min_size=1, max_size=3)


texts = st.lists(st.sampled_from([*WORDS, "쀍", "zzz", " ", ",", "\n"]), max_size=5).map(" ".join)
tokens = st.lists(st.integers(0, SMALLEST - 1), min_size=1, max_size=5)
wholes = st.fixed_dictionaries(
    {
        "prompt": several(texts) | several(tokens) | st.none(),
        "max_tokens": st.integers(0, 12),
        "temperature": st.sampled_from([0, 0.7, 2]),
        "seed": st.integers(-5, 5),
    },
    optional={
        "n": st.integers(1, 3),
        "top_p": st.sampled_from([0, 0.5, 1]),
        "top_k": st.integers(1, 9),
        "min_p": st.sampled_from([0, 0.1, 1]),
        "repetition_penalty": st.sampled_from([0.5, 1.7]),
        "frequency_penalty": st.floats(-2, 2),
        "presence_penalty": st.floats(-2, 2),
        "logit_bias": st.dictionaries(st.integers(0, SMALLEST - 1).map(str), st.floats(-100, 100), max_size=3),
        "logprobs": st.none() | st.integers(0, 5),
        "stop": several(st.sampled_from([" ", "다", "는 ", "e", "\ufffd"])),
        "echo": st.booleans(),
        "stream_options": st.just({"include_usage": True}),
        "best_of": st.none(),
        "suffix": st.none(),
    },
)


def rendering(loaded: LoadedGenerator, body: CompletionRequest) -> Rendering:
    completion = Completion(loaded, body.prompts, options_of(body))
    return Rendering(completion, with_logprobs=body.logprobs is not None)


def completed(loaded: LoadedGenerator, **asked: Any) -> CompletionResponse:
    async def whole() -> CompletionResponse:
        return await rendering(loaded, CompletionRequest(model=loaded.card.model, **asked)).whole()

    return asyncio.run(whole())


def streamed(loaded: LoadedGenerator, **asked: Any) -> list[Any]:
    """The chunks of a stream, but for its `[DONE]`."""

    async def chunks() -> bytes:
        body = CompletionRequest(model=loaded.card.model, stream=True, **asked)
        return b"".join([chunk async for chunk in rendering(loaded, body).chunks(with_usage="stream_options" in asked)])

    *events, done, rest = asyncio.run(chunks()).decode().split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    return [json.loads(event.removeprefix("data: ")) for event in events]


def joined(chunks: list[Any], number: int) -> list[Choice]:
    """The choices that the chunks of a stream make."""
    choices = []
    for index in range(number):
        parts = [choice for chunk in chunks for choice in chunk["choices"] if choice["index"] == index]
        told = [part["logprobs"] for part in parts]
        logprobs = None
        if told[0] is not None:
            logprobs = Logprobs(**{name: [one for part in told for one in part[name]] for name in told[0]})
        reasons = [part["finish_reason"] for part in parts]
        assert reasons[:-1] == [None] * (len(parts) - 1), "said once, in the end"
        text = "".join(part["text"] for part in parts)
        choices.append(Choice(text=text, index=index, logprobs=logprobs, finish_reason=reasons[-1]))
    return choices


@pytest.mark.parametrize("kind", KINDS)
@given(asked=wholes)
@settings(max_examples=60, deadline=None)
def test_a_stream_says_what_the_whole_says(versions: Mapping[str, LoadedGenerator], kind: str, asked: dict[str, Any]):
    whole = completed(versions[kind], **asked)
    chunks = streamed(versions[kind], **asked)
    usage = chunks.pop()["usage"] if asked.get("stream_options") else None
    assert joined(chunks, len(whole.choices)) == whole.choices
    assert whole.usage
    assert usage in (None, whole.usage.model_dump())
    assert all(chunk.get("usage") is None for chunk in chunks)
    for choice in whole.choices:
        check_logprobs(choice, asked)


def check_logprobs(choice: Choice, asked: dict[str, Any]) -> None:
    """The four lists agree with each other and with the text."""
    if choice.logprobs is None:
        assert asked.get("logprobs") is None
        return
    told = choice.logprobs
    assert len(told.tokens) == len(told.token_logprobs) == len(told.top_logprobs) == len(told.text_offset)
    assert told.text_offset == sorted(told.text_offset)
    for name, own, top in zip(told.tokens, told.token_logprobs, told.top_logprobs, strict=True):
        assert (own is None) == (top is None)
        if own is not None and top is not None:
            assert top[name] == own <= 0
            assert asked["logprobs"] <= len(top) <= asked["logprobs"] + 1
            assert list(top.values())[: asked["logprobs"]] == sorted(top.values(), reverse=True)[: asked["logprobs"]]
    if not (isinstance(asked["prompt"], str) and asked.get("echo")):
        return
    text = choice.text
    for name, place in zip(told.tokens, told.text_offset, strict=True):
        if not name.startswith("bytes:") and name not in ("<end>", "<unknown>"):
            assert text[place:].lstrip().casefold().startswith(name.strip()) or text.endswith(text[place:]), name


@given(text=st.text("abc", max_size=30), stops=st.lists(st.text("abc", min_size=1, max_size=4), max_size=4))
def test_a_text_ends_where_the_first_of_its_stop_texts_begins(text: str, stops: list[str]):
    growing = StopTexts(stops)
    pieces: list[str] = []
    for letter in text:
        pieces.append(growing.pass_on(letter))
        if growing.met:
            break
    said = "".join(pieces) + growing.rest()
    assert text.startswith(said)
    assert growing.met == any(stop in text for stop in stops)
    assert not any(stop in said for stop in stops)
    if growing.met:
        assert any(text[len(said) :].startswith(stop) for stop in stops)
    else:
        assert said == text


def test_the_tokens_of_a_text_make_the_text(versions: Mapping[str, LoadedGenerator]):
    for kind in KINDS:
        prompt = "나는 오늘"
        (choice,) = completed(
            versions[kind], prompt=prompt, echo=True, logprobs=1, temperature=0, logit_bias={"0": -100}
        ).choices
        told = choice.logprobs
        assert told
        raw = [name.removeprefix("bytes:").encode().decode("unicode_escape").encode("latin-1") if
               name.startswith("bytes:") else name.encode() for name in told.tokens]  # fmt: skip
        assert b"".join(raw).decode(errors="ignore").removeprefix(" ") == choice.text
        assert (told.token_logprobs[0], told.top_logprobs[0]) == (None, None)
        assert None not in told.token_logprobs[1:]


def test_a_continuation_weighs_the_same_when_its_tokens_are_a_prompt(versions: Mapping[str, LoadedGenerator]):
    loaded = versions["subwords"]
    ids = {name: token for token, name in enumerate(loaded.servable.token_names)}
    first = completed(loaded, prompt="나는 오늘", logprobs=2, seed=4, echo=True).choices[0]
    assert first.logprobs
    tokens = [ids[name] for name in first.logprobs.tokens]
    again = completed(loaded, prompt=tokens, logprobs=2, max_tokens=0, echo=True).choices[0]
    assert again.logprobs
    assert again.logprobs.token_logprobs == first.logprobs.token_logprobs
    assert again.finish_reason == "length"
    assert again.text.removesuffix("\n") == first.text


def test_a_character_whose_bytes_a_prompt_begins_is_ended_by_the_continuation(versions: Mapping[str, LoadedGenerator]):
    loaded = versions["subwords"]
    ids = {name: token for token, name in enumerate(loaded.servable.token_names)}
    first, second, third = (ids[rf"bytes:\x{byte:02x}"] for byte in "쀍".encode())
    bias = {str(second): 100.0, str(third): 60.0}
    (choice,) = completed(loaded, prompt=[first], max_tokens=1, logit_bias=bias, temperature=0, echo=True).choices
    assert choice.text == ""
    (choice,) = completed(loaded, prompt=[first, second], max_tokens=1, logit_bias={str(third): 100.0}).choices
    assert choice.text == "쀍"


def test_a_prompt_s_tokens_may_hold_line_ends(versions: Mapping[str, LoadedGenerator]):
    loaded = versions["words"]
    one, other = (loaded.servable.read(word).client_tokens[0] for word in ("나는", "오늘"))
    for prompt, text in (([0, one, other], "나는 오늘"), ([one, 0, other], "나는\n오늘"), ([one, 1], "나는 \ufffd")):
        answer = completed(loaded, prompt=prompt, max_tokens=0, echo=True)
        assert answer.choices[0].text == text
        assert answer.usage
        assert answer.usage.prompt_tokens == len(prompt)


def test_decomposed_hangul_is_echoed_composed(versions: Mapping[str, LoadedGenerator]):
    decomposed = unicodedata.normalize("NFD", "나는 오늘")
    assert completed(versions["words"], prompt=decomposed, max_tokens=0, echo=True).choices[0].text == "나는 오늘"


def test_the_best_of_several_is_the_likeliest_by_token(versions: Mapping[str, LoadedGenerator]):
    for kind in KINDS:
        asked = {"prompt": ["나는", "오늘"], "seed": 3, "temperature": 1.5, "max_tokens": 9}
        every = completed(versions[kind], n=6, logprobs=0, **asked)
        best = completed(versions[kind], n=2, best_of=6, **asked)
        expected = []
        for start in (0, 6):
            of_prompt = every.choices[start : start + 6]
            expected += [choice.text for choice in sorted(of_prompt, key=lambda choice: -mean(choice))[:2]]
        assert [choice.text for choice in best.choices] == expected
        assert [choice.index for choice in best.choices] == [0, 1, 2, 3]
        assert [choice.logprobs for choice in best.choices] == [None] * 4
        assert best.usage == every.usage, "what was thrown away was written, too"


def mean(choice: Choice) -> float:
    assert choice.logprobs
    own = [logarithm for logarithm in choice.logprobs.token_logprobs if logarithm is not None]
    return sum(own) / len(own)


def test_who_leaves_a_stream_is_not_written_for(versions: Mapping[str, LoadedGenerator]):
    async def leave() -> list[bool]:
        body = CompletionRequest(
            model="words", prompt="나는", n=3, stream=True, max_tokens=4096, logit_bias={"0": -100}
        )
        completing = rendering(versions["words"], body)
        chunks = completing.chunks(with_usage=False)
        assert b"data: " in await anext(chunks)
        await chunks.aclose()
        return [candidate.generation.done.cancelled() for candidate in completing.completion._each()]

    assert asyncio.run(leave()) == [True, True, True]


def test_a_failed_step_ends_a_stream_with_an_error(
    versions: Mapping[str, LoadedGenerator], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(versions["words"].servable, "_executable", None)

    async def chunks() -> bytes:
        body = CompletionRequest(model="words", prompt="나는", n=2, stream=True)
        return b"".join([chunk async for chunk in rendering(versions["words"], body).chunks(with_usage=False)])

    (event, rest) = asyncio.run(chunks()).decode().split("\n\n")
    assert json.loads(event.removeprefix("data: "))["error"]["type"] == "server_error"
    assert rest == ""
