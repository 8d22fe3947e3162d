"""Writing: tokens one by one, their log-probabilities those of the network, whoever else is there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from app.errors import Busy, TooLarge
from app.serving.batcher import Cost
from app.serving.generation import Generation
from app.serving.sampling import SamplingParameters, log_softmax
from app.serving.token_stream import TokenGeneration, TokenLogprob, TokenOptions
from tests.fakes import OTHER_PRODUCTS, TinyGenerator

pytestmark = pytest.mark.anyio

PROMPT = [3, 1, 2]
DRAWN = SamplingParameters(1.3, seed=5, frequency_penalty=0.5, bias={4: 1.0, 0: -100})


@pytest.fixture
async def threads() -> AsyncIterator[Executor]:
    with ThreadPoolExecutor(1) as made:
        yield made


class Heard:
    """Remembers what it was told, and has enough at one token."""

    def __init__(self, enough: int | None = None) -> None:
        self.tokens: list[int] = []
        self.scores: list[TokenLogprob | None] = []
        self._enough = enough

    def __call__(self, token: int, score: TokenLogprob | None) -> bool:
        self.tokens.append(token)
        self.scores.append(score)
        return token == self._enough


def generation(generator: TinyGenerator, threads: Executor, max_batch: int = 8) -> Generation:
    return Generation(generator, threads, max_batch=max_batch, max_queue_size=64, cost=Cost(fixed=0.0))


async def written(
    steps: Generation, generator: TinyGenerator, options: TokenOptions, prompt: list[int], enough: int | None = None
) -> tuple[Heard, TokenGeneration]:
    heard = Heard(enough)
    return heard, await steps.begin(TokenGeneration(generator, generator.read_tokens(prompt), options, heard)).done


def logs_of(generator: TinyGenerator, tokens: list[int]) -> list[np.ndarray]:
    """The network's own log-probabilities after each of some tokens, one row and one step at a time."""
    states = generator.initial_state(1)
    logs = []
    for token in [0, *tokens]:
        logits, states = generator.step(np.array([token]), states)
        logs.append(log_softmax(logits[0]))
    return logs


@pytest.mark.parametrize("sampling", [SamplingParameters(), DRAWN], ids=["greedy", "drawn"])
async def test_scores_are_the_network_s_whatever_the_sampling(threads: Executor, sampling: SamplingParameters):
    generator = TinyGenerator()
    options = TokenOptions(9, sampling, with_logprobs=True, top_logprobs=3, with_prompt_logprobs=True)
    heard, generated = await written(generation(generator, threads), generator, options, PROMPT)
    told = [*generated.prompt_logprobs, *heard.scores]
    tokens = [*PROMPT, *heard.tokens]
    for score, token, logs in zip(told, tokens, logs_of(TinyGenerator(), tokens), strict=False):
        assert score is not None
        assert score.logprob == pytest.approx(logs[token], abs=1e-6)
        assert list(score.top_logprobs) == np.argsort(-logs)[:3].tolist()
        assert list(score.top_logprobs.values()) == pytest.approx(np.sort(logs)[:-4:-1], abs=1e-6)
    assert len(told) == len(tokens)
    assert generated.total_logprob == pytest.approx(sum(score.logprob for score in heard.scores if score))


async def test_what_was_written_weighs_the_same_when_it_is_read(threads: Executor):
    generator = TinyGenerator()
    steps = generation(generator, threads)
    heard, _ = await written(steps, generator, TokenOptions(9, DRAWN, with_logprobs=True, top_logprobs=2), PROMPT)
    _, again = await written(
        steps, generator, TokenOptions(0, with_prompt_logprobs=True, top_logprobs=2), [*PROMPT, *heard.tokens]
    )
    assert again.prompt_logprobs[len(PROMPT) :] == heard.scores


@pytest.mark.parametrize("product", OTHER_PRODUCTS.values(), ids=list(OTHER_PRODUCTS))
async def test_alone_or_in_company_the_scores_are_the_same(threads: Executor, product: Callable[..., Any]):
    generator = TinyGenerator(product=product)
    orders = [
        TokenOptions(12, DRAWN, with_logprobs=True, top_logprobs=5, with_prompt_logprobs=True),
        TokenOptions(7),
        TokenOptions(0, with_prompt_logprobs=True),
        TokenOptions(9, SamplingParameters(1.0, seed=3), with_logprobs=True),
        TokenOptions(5, SamplingParameters(1.0, seed=4, min_p=0.2)),
    ]
    alone = [await written(generation(generator, threads), generator, options, PROMPT) for options in orders]
    steps = generation(generator, threads, max_batch=3)
    together = await asyncio.gather(*(written(steps, generator, options, PROMPT) for options in orders * 2))
    for (heard, generated), (again, rewriting) in zip(alone * 2, together, strict=True):
        assert (heard.tokens, heard.scores) == (again.tokens, again.scores)
        assert generated.prompt_logprobs == rewriting.prompt_logprobs


async def test_it_ends_with_the_line_with_the_last_token_or_when_enough_was_heard(threads: Executor):
    generator = TinyGenerator()
    steps = generation(generator, threads)
    endless = SamplingParameters(1.0, seed=1, bias={0: -100})
    _, line = await written(steps, generator, TokenOptions(1000, SamplingParameters(bias={0: 100})), PROMPT)
    assert (line.stopped, line.taken) == ("end_of_line", 1)
    long, length = await written(steps, generator, TokenOptions(30, endless), PROMPT)
    assert (length.stopped, length.taken, len(long.tokens)) == ("length", 30, 30)
    heard, enough = await written(steps, generator, TokenOptions(30, endless), PROMPT, enough=long.tokens[4])
    assert enough.stopped == "enough"
    assert heard.tokens == long.tokens[: long.tokens.index(long.tokens[4]) + 1]


async def test_no_token_costs_no_step_and_a_prompt_s_weighing_none_too_many(threads: Executor):
    generator = TinyGenerator()
    steps = generation(generator, threads)
    for options, prompt, rows in (
        (TokenOptions(0), PROMPT, 0),
        (TokenOptions(0, with_prompt_logprobs=True), [], 0),
        (TokenOptions(0, with_prompt_logprobs=True), PROMPT, len(PROMPT)),
        (TokenOptions(1, with_prompt_logprobs=True), PROMPT, len(PROMPT) + 1),
    ):
        generator.rows.clear()
        heard, generated = await written(steps, generator, options, prompt)
        assert (len(generator.rows), generated.stopped) == (rows, "length")
        assert len(heard.tokens) == options.max_tokens


async def test_after_a_text_a_word_begins_but_tokens_go_on_as_they_are(threads: Executor):
    generator = TinyGenerator(pieces=True)
    steps = generation(generator, threads)
    sampling = SamplingParameters(bias={4: 50, 3: 40})  # 4 only goes on with a word
    word, tokens = Heard(), Heard()
    await steps.begin(TokenGeneration(generator, generator.read("cab"), TokenOptions(1, sampling), word)).done
    await steps.begin(TokenGeneration(generator, generator.read_tokens(PROMPT), TokenOptions(1, sampling), tokens)).done
    assert (word.tokens, tokens.tokens) == ([3], [4])


async def test_more_than_can_ever_wait_is_no_matter_of_patience(threads: Executor):
    generator = TinyGenerator()
    steps = generation(generator, threads)
    steps.check_room(64)
    with pytest.raises(TooLarge, match="at most 64"):
        steps.check_room(65)
    writings = [
        steps.begin(TokenGeneration(generator, generator.read("a"), TokenOptions(1), Heard())) for _ in range(10)
    ]
    with pytest.raises(Busy):
        steps.check_room(55)
    await asyncio.gather(*(generated.done for generated in writings))
