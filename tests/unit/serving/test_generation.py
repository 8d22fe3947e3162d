"""Generation: continuations share a step, and nobody's text depends on who else is there."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from app.errors import Busy
from app.serving.batcher import Cost
from app.serving.generation import Generation
from app.serving.sampling import SamplingParameters
from app.serving.word_stream import Word, WordGeneration, WordOptions
from tests.fakes import OTHER_PRODUCTS, TinyGenerator

pytestmark = pytest.mark.anyio

DRAWN = SamplingParameters(temperature=1.5, seed=7)


@pytest.fixture
async def threads() -> AsyncIterator[Executor]:
    with ThreadPoolExecutor(1) as made:
        yield made


def begin(generator: TinyGenerator, threads: Executor, **bounds: Any) -> Generation:
    chosen: dict[str, Any] = {"max_batch": 8, "max_queue_size": 64, "cost": Cost(fixed=0.0)} | bounds
    generation = Generation(generator, threads, **chosen)
    generator.rows.clear()  # of the trial which batches agree
    return generation


def words(generated: WordGeneration) -> list[str]:
    return [word.text for word in generated.words]


async def continued(generation: Generation, generator: TinyGenerator, text: str, options: WordOptions) -> list[str]:
    return words(await generation.submit(generator.read(text), options).done)


def by_hand(generator: TinyGenerator, text: str, count: int) -> list[str]:
    """The greedy continuation, one row and one step at a time."""
    states = generator.initial_state(1)
    said: list[str] = []
    tokens = list(generator.read(text).tokens)
    while tokens:
        logits, states = generator.step(np.array([tokens.pop(0)]), states)
        if not tokens:
            logits[0, 1] = -np.inf
            best = int(logits[0].argmax())
            if best == 0 or len(said) == count:
                break
            said.append(generator.decode([best]))
            tokens = [best]
    return said


@pytest.mark.parametrize("cost", [0.0, 1.0], ids=["on the loop", "in a thread"])
async def test_greedy_goes_on_from_the_carried_state_as_step_by_step(threads: Executor, cost: float):
    generator = TinyGenerator()
    generation = begin(generator, threads, cost=Cost(fixed=cost))
    assert await continued(generation, generator, "cab", WordOptions(9)) == by_hand(TinyGenerator(), "cab", 9)


async def test_a_prompt_is_read_once_and_each_word_costs_one_step(threads: Executor):
    generator = TinyGenerator()
    said = await continued(begin(generator, threads), generator, "hide", WordOptions(6, DRAWN))
    assert len(generator.rows) <= len("hide") + 1 + len(said)


async def test_alone_or_in_company_everybody_gets_the_same_text(threads: Executor):
    wishes = [
        ("abc", WordOptions(20)),
        ("k", WordOptions(3, DRAWN)),
        ("", WordOptions(15, SamplingParameters(0.8, top_k=3, seed=1))),
        ("hgfed", WordOptions(12, SamplingParameters(1.0, top_p=0.7, repetition_penalty=1.3, seed=2))),
        ("bd", WordOptions(20, DRAWN, alternatives=2)),
    ]
    generator = TinyGenerator()
    alone = [await continued(begin(generator, threads), generator, text, options) for text, options in wishes]
    generation = begin(generator, threads, max_batch=3)  # so that some have to wait and join later
    together = await asyncio.gather(*(continued(generation, generator, text, options) for text, options in wishes * 4))
    assert together == alone * 4
    assert max(generator.rows) == 3


@pytest.mark.parametrize("product", OTHER_PRODUCTS.values(), ids=list(OTHER_PRODUCTS))
async def test_the_texts_are_the_same_in_company_whatever_batches_do_to_the_last_bits(
    threads: Executor, product: Callable[..., Any]
):
    chaotic = TinyGenerator(seed=4, gain=3, product=product)  # whose rounding grows until it changes words
    wishes = [WordOptions(150, SamplingParameters(0.7, seed=seed, bias={0: -100})) for seed in range(8)]
    wishes.append(WordOptions(150, SamplingParameters(bias={0: -100}, repetition_penalty=1.5)))
    alone = [await continued(begin(chaotic, threads), chaotic, "abc", options) for options in wishes]
    for max_batch in (3, 8, 40):
        company = begin(chaotic, threads, max_batch=max_batch)
        together = await asyncio.gather(*(continued(company, chaotic, "abc", options) for options in wishes * 5))
        assert together == alone * 5


async def test_the_same_seed_gives_the_same_text_and_another_another(threads: Executor):
    generator = TinyGenerator()
    generation = begin(generator, threads)
    texts = [
        await continued(generation, generator, "abc", WordOptions(12, SamplingParameters(temperature=2.0, seed=seed)))
        for seed in (3, 3, 4)
    ]
    assert texts[0] == texts[1] != texts[2]


async def test_requests_join_while_others_are_under_way(threads: Executor):
    generator = TinyGenerator(seed=3)
    generation = begin(generator, threads)
    joined: list[WordGeneration] = []

    def join(_: Word) -> None:
        if not joined:
            joined.append(generation.submit(generator.read("b"), WordOptions(2, DRAWN)))

    await generation.submit(generator.read("a"), WordOptions(9, SamplingParameters(1.0, seed=1)), join).done
    second = words(await joined[0].done)
    assert 2 in generator.rows
    assert second == await continued(begin(generator, threads), generator, "b", WordOptions(2, DRAWN))


async def test_who_leaves_is_stepped_no_further(threads: Executor):
    generator = TinyGenerator()
    generation = begin(generator, threads)
    generated = generation.submit(
        generator.read("a"), WordOptions(1000, SamplingParameters(1.0, seed=1)), lambda _: leave()
    )

    def leave() -> None:
        generated.done.cancel()

    for _ in range(50):
        await asyncio.sleep(0)
    assert generated.words
    steps = len(generator.rows)
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(generator.rows) == steps == 2, "the beginning, the prompt, and no more"


async def test_a_full_queue_refuses_at_once(threads: Executor):
    generator = TinyGenerator()
    generation = begin(generator, threads, max_batch=1, max_queue_size=2)
    tellings = [generation.submit(generator.read("a"), WordOptions(1)) for _ in range(2)]
    with pytest.raises(Busy):
        generation.submit(generator.read("a"), WordOptions(1))
    for generated in tellings:
        await generated.done


async def test_a_failed_step_is_heard_by_those_in_it_and_nobody_after(threads: Executor):
    generator = TinyGenerator()
    generation = begin(generator, threads)
    generator.broken = True
    with pytest.raises(RuntimeError, match="broken"):
        await continued(generation, generator, "a", WordOptions(1))
    generator.broken = False
    assert await continued(generation, generator, "a", WordOptions(1))


async def test_the_end_of_a_line_ends_the_text(threads: Executor):
    generator = TinyGenerator()
    ends = [
        await begin(generator, threads)
        .submit(generator.read("a"), WordOptions(1000, SamplingParameters(1.0, seed=seed)))
        .done
        for seed in range(5)
    ]
    assert {generated.stopped for generated in ends} == {"end_of_line"}
    short = await begin(generator, threads).submit(generator.read("a"), WordOptions(1, DRAWN)).done
    assert (len(short.words), short.stopped) == (1, "words")


async def test_words_of_several_tokens_are_told_when_they_are_whole(threads: Executor):
    generator = TinyGenerator(pieces=True)
    generation = begin(generator, threads)
    told: list[str] = []
    hear: Callable[[Any], None] = lambda word: told.append(word.text)  # noqa: E731
    generated = await generation.submit(
        generator.read("ab"), WordOptions(30, SamplingParameters(1.0, seed=5)), hear
    ).done
    assert told == words(generated)
    assert all(generator.word_start_mask[ord(word[0]) - ord("a") + 1] for word in told), (
        "a word begins where one may begin"
    )
    assert any(len(word) > 1 for word in told)
    assert not any(generator.word_start_mask[ord(letter) - ord("a") + 1] for word in told for letter in word[1:])


async def test_silent_tokens_are_never_written(threads: Executor):
    generator = TinyGenerator()
    generation = begin(generator, threads)
    texts = [
        await continued(generation, generator, "a", WordOptions(50, SamplingParameters(5.0, seed=seed)))
        for seed in range(10)
    ]
    assert "a" not in {word for text in texts for word in text}


async def test_alternatives_are_the_next_best_with_their_probabilities(threads: Executor):
    generator = TinyGenerator()
    generated = await begin(generator, threads).submit(generator.read("cab"), WordOptions(3, alternatives=2)).done
    assert words(generated) == by_hand(TinyGenerator(), "cab", 3)
    for word in generated.words:
        assert word.probability is not None
        shares = [choice.probability for choice in word.alternatives]
        assert len(shares) == 2
        assert 1 > word.probability >= shares[0] >= shares[1] > 0
        assert word.text not in {choice.word for choice in word.alternatives}


async def test_of_the_alternatives_only_the_lines_end_is_empty(threads: Executor):
    class Spaced(TinyGenerator):
        """Token 5 is a space, which shows nothing by itself."""

        def decode(self, tokens: Sequence[int]) -> str:
            return super().decode([token for token in tokens if token != 5])

    generator = Spaced()
    generated = await begin(generator, threads).submit(generator.read("cab"), WordOptions(3, alternatives=20)).done
    for word in generated.words:
        told = [choice.word for choice in word.alternatives]
        assert told.count("") == 1
        assert len(told) == generator.size - 3  # without the chosen one, the space, and the one never written
