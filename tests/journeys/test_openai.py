"""The `openai` package, unmodified, against a running service: every parameter of its completions."""

import json
import math
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from app.families.text.vocabulary import Vocabulary, load
from tests.service import Service

PROMPT = "나는 오늘"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(store=tmp_path_factory.mktemp("openai") / "store", offline=True) as running:
        yield running


@pytest.fixture(scope="module")
def completing(service: Service) -> Iterator[Any]:
    with openai.OpenAI(base_url=f"http://127.0.0.1:{service.port}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def vocabulary(service: Service) -> Vocabulary:
    """The tokens of the model, as whoever sends tokens gets them."""
    return load(json.dumps(service.get("/models/lstm/versions/1/files/vocabulary.json")))


def completed(completing: Any, **asked: Any) -> Any:
    """The only choice."""
    (choice,) = completing.completions.create(**{"model": "lstm", "prompt": PROMPT, **asked}).choices
    return choice


def test_openai_s_client_lists_the_models(completing: Any):
    assert {"digit", "cifar", "rnn", "lstm", "gru"} == {model.id for model in completing.models.list()}


def test_openai_s_client_completes_a_text(completing: Any):
    answer = completing.completions.create(model="lstm", prompt="나는 오늘", max_tokens=8, temperature=0)
    (choice,) = answer.choices
    assert choice.text.startswith(" ")
    assert choice.finish_reason in ("stop", "length")
    assert 1 <= answer.usage.completion_tokens <= 8
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    echoed = completing.completions.create(model="lstm", prompt="나는 오늘", max_tokens=8, temperature=0, echo=True)
    assert echoed.choices[0].text == f"나는 오늘{choice.text}"


def test_openai_s_client_streams_the_same_text(completing: Any):
    asked = {"model": "gru", "prompt": ["나는 오늘", "그는"], "max_tokens": 12, "seed": 3, "n": 2}
    whole = completing.completions.create(**asked)
    texts, reasons, usage = [""] * 4, [[] for _ in range(4)], []  # type: ignore[var-annotated]
    for chunk in completing.completions.create(**asked, stream=True, stream_options={"include_usage": True}):
        usage += [chunk.usage] if chunk.usage else []
        for choice in chunk.choices:
            texts[choice.index] += choice.text
            reasons[choice.index] += [choice.finish_reason] if choice.finish_reason else []
    assert texts == [choice.text for choice in whole.choices]
    assert reasons == [[choice.finish_reason] for choice in whole.choices], "each said once"
    assert usage == [whole.usage]


def test_a_stop_text_ends_a_completion_and_is_not_returned(completing: Any):
    whole = completing.completions.create(model="lstm", prompt="나는", max_tokens=16, temperature=0).choices[0].text
    stop = whole.split()[1][:1]
    cut = completing.completions.create(model="lstm", prompt="나는", max_tokens=16, temperature=0, stop=[stop])
    assert cut.choices[0].text == whole[: whole.index(stop)]
    assert cut.choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"suffix": "."}, "suffix"),
        ({"logprobs": 6}, "logprobs"),
        ({"logprobs": True}, "logprobs"),
        ({"best_of": 2, "n": 3}, "best_of"),
        ({"best_of": 2, "stream": True}, "best_of"),
        ({"best_of": 21}, "best_of"),
        ({"n": 129}, "n"),
        ({"n": 128, "prompt": ["a", "b", "c"]}, "n"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [[]]}, "prompt"),
        ({"prompt": [1, "a"]}, "prompt"),
        ({"prompt": [1.5]}, "prompt"),
        ({"prompt": [True]}, "prompt"),
        ({"prompt": [-1]}, "prompt"),
        ({"prompt": [[1], [2000]]}, "prompt"),
        ({"prompt": {}}, "prompt"),
        ({"logit_bias": {"2000": 1}}, "logit_bias"),
        ({"logit_bias": {"-1": 1}}, "logit_bias"),
        ({"logit_bias": {"나": 1}}, "logit_bias"),
        ({"logit_bias": {"1": 101}}, "logit_bias"),
        ({"frequency_penalty": 2.1}, "frequency_penalty"),
        ({"presence_penalty": -2.1}, "presence_penalty"),
        ({"extra_body": {"min_p": 1.1}}, "min_p"),
        ({"seed": 2**63}, "seed"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_by_name(completing: Any, wrong: dict[str, Any], param: str):
    with pytest.raises(openai.BadRequestError) as caught:
        completing.completions.create(**{"model": "lstm", "prompt": "나는", **wrong})
    assert (caught.value.type, caught.value.param) == ("invalid_request_error", param)
    assert f"{param}: " in caught.value.message


def test_openai_s_client_hears_of_an_unknown_model(completing: Any):
    with pytest.raises(openai.NotFoundError) as caught:
        completing.completions.create(model="davinci", prompt="나는")
    assert caught.value.code == "model_not_found"


def test_tokens_are_a_prompt(completing: Any, vocabulary: Vocabulary):
    tokens = vocabulary.encode(PROMPT)
    particle = vocabulary.encode("오늘은")[-1]
    assert vocabulary.token_bytes[particle] == "은".encode()
    goes_on = {"logit_bias": {particle: 100}, "max_tokens": 1}
    assert completed(completing, prompt=tokens, **goes_on).text == "은"
    assert completed(completing, prompt=PROMPT, **goes_on).text.startswith(" "), "what follows a text is a word"
    asked = {"model": "lstm", "max_tokens": 4, "temperature": 0, "echo": True}
    several = completing.completions.create(prompt=[tokens, tokens[:1]], **asked)
    assert several.choices[0].text.startswith(PROMPT)
    assert several.choices[1].text.startswith("나는")
    assert several.usage.prompt_tokens == len(tokens) + 1


def test_null_is_the_default_everywhere(completing: Any):
    asked = {"temperature": 0, "max_tokens": 3}
    nulls = dict.fromkeys(["n", "best_of", "logprobs", "logit_bias", "stop", "echo", "suffix", "frequency_penalty"])
    assert completed(completing, **asked, **nulls) == completed(completing, **asked)
    assert completed(completing, **asked, prompt=None) == completed(completing, **asked, prompt="")


@pytest.mark.parametrize("count", [0, 2, 5])
def test_logarithms_of_probabilities_are_told_by_token(completing: Any, count: int):
    choice = completed(completing, max_tokens=9, temperature=0, logprobs=count)
    told = choice.logprobs
    assert "".join(told.tokens).removesuffix("<end>") == choice.text
    assert [own for own in told.token_logprobs if own > 0] == []
    assert told.text_offset == [len(PROMPT) + len("".join(told.tokens[:place])) for place in range(len(told.tokens))]
    for name, own, top in zip(told.tokens, told.token_logprobs, told.top_logprobs, strict=True):
        assert top[name] == own
        assert len(top) in (max(1, count), count + 1)
        assert sum(map(math.exp, top.values())) <= 1 + 1e-5


def test_an_echo_weighs_the_prompt_but_for_its_first_token(completing: Any, vocabulary: Vocabulary):
    asked = {"echo": True, "logprobs": 1, "temperature": 0}
    whole = completed(completing, max_tokens=5, **asked)
    weighed = completed(completing, max_tokens=0, **asked)
    number = len(vocabulary.encode(PROMPT))
    assert (weighed.text, weighed.finish_reason) == (PROMPT, "length")
    assert weighed.logprobs.token_logprobs[0] is weighed.logprobs.top_logprobs[0] is None
    assert weighed.logprobs.text_offset[0] == 0
    for name in ("tokens", "token_logprobs", "top_logprobs", "text_offset"):
        told = getattr(weighed.logprobs, name)
        assert len(told) == number
        assert getattr(whole.logprobs, name)[:number] == told


def test_logarithms_are_streamed_with_the_text(completing: Any):
    asked = {"model": "gru", "prompt": PROMPT, "max_tokens": 9, "seed": 2, "logprobs": 3, "echo": True}
    whole = completing.completions.create(**asked).choices[0]
    parts = [chunk.choices[0] for chunk in completing.completions.create(**asked, stream=True)]
    assert "".join(part.text for part in parts) == whole.text
    for name in ("tokens", "token_logprobs", "top_logprobs", "text_offset"):
        told = [one for part in parts for one in getattr(part.logprobs, name)]
        assert told == getattr(whole.logprobs, name)


def test_a_bias_brings_a_token_about_or_bans_it(completing: Any, vocabulary: Vocabulary):
    (token,) = vocabulary.encode("그는")
    forced = completed(completing, max_tokens=3, logit_bias={token: 100}, seed=1)
    assert forced.text == " 그는" * 3
    asked = {"max_tokens": 12, "temperature": 0}
    first = completed(completing, logprobs=0, **asked).logprobs.tokens[0]
    (banned,) = vocabulary.encode(first)
    assert completed(completing, logprobs=0, logit_bias={banned: -100}, **asked).logprobs.tokens[0] != first


@pytest.mark.parametrize("penalty", ["frequency_penalty", "presence_penalty"])
def test_a_penalty_makes_repetition_rarer_and_a_negative_one_more_frequent(completing: Any, penalty: str):
    asked = {"max_tokens": 60, "temperature": 0, "logprobs": 0, "logit_bias": {"0": -100}}
    different = [len(set(completed(completing, **asked, **{penalty: value}).logprobs.tokens)) for value in (-2, 0, 2)]
    assert different[0] <= different[1] <= different[2]
    assert different[0] < different[2]


def test_the_best_of_several_are_given_best_first(completing: Any):
    asked = {"model": "lstm", "prompt": PROMPT, "max_tokens": 8, "seed": 5, "logprobs": 0}
    every = completing.completions.create(n=8, **asked)
    ranked = sorted(
        every.choices, key=lambda choice: -sum(choice.logprobs.token_logprobs) / len(choice.logprobs.tokens)
    )
    best = completing.completions.create(n=3, best_of=8, **asked)
    assert [choice.text for choice in best.choices] == [choice.text for choice in ranked[:3]]
    assert best.usage == every.usage


def test_a_hundred_and_twenty_eight_choices_are_one_request(completing: Any):
    answer = completing.completions.create(model="rnn", prompt=PROMPT, n=128, max_tokens=4, seed=0)
    assert [choice.index for choice in answer.choices] == list(range(128))
    assert len({choice.text for choice in answer.choices}) > 20


def test_min_p_1_leaves_the_likeliest_alone(completing: Any):
    asked = {"max_tokens": 8, "temperature": 2, "seed": 1, "extra_body": {"min_p": 1}}
    assert completed(completing, **asked).text == completed(completing, max_tokens=8, temperature=0).text
