"""The inference service: one way to ask a model, whatever door the request came through."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from app.errors import Busy, InvalidRequest, NotFound, TimedOut, TooLarge
from app.families.catalog import find_families
from app.families.imaging import png
from app.serving.completion import CompletionOptions
from app.serving.decoding import PictureDecoder
from app.serving.inference import ClassifyOptions, Inference, InferenceContext, Target
from app.serving.loading import ServingLimits
from app.serving.runtimes.onnx import OnnxRuntime
from app.serving.sampling import SamplingParameters
from app.serving.servables import Servables
from app.serving.word_stream import WordOptions
from app.settings import STARTERS
from app.store.model_store import ModelStore
from tests.drawing import draw_digit

pytestmark = pytest.mark.anyio

SEVEN = png(draw_digit(7))
DIGIT = Target("digit", "1")
LSTM = Target("lstm", "1")
OPTIONS = ClassifyOptions()
ANYBODY = InferenceContext()
MOST = 8  # instances that may wait
BATCH = 2


@pytest.fixture
async def inference() -> AsyncIterator[Inference]:
    limits = ServingLimits(max_batch=BATCH, max_queue_size=MOST, max_loaded=2)
    servables = Servables(ModelStore(STARTERS), find_families(), OnnxRuntime(1), limits)
    with ThreadPoolExecutor(1) as threads:
        yield Inference(servables, PictureDecoder(threads, max_pixels=10_000_000, crop="centre"))
    servables.close()


def over() -> InferenceContext:
    """Somebody whose deadline has passed already."""
    return InferenceContext(deadline=asyncio.get_running_loop().time() - 1)


async def test_a_picture_gets_labels(inference: Inference):
    answer = await inference.classify_one(DIGIT, SEVEN, ClassifyOptions(top_k=2), ANYBODY)
    assert (answer.model, answer.version, answer.label, len(answer.probabilities)) == ("digit", 1, "7", 2)


async def test_pictures_that_cannot_be_read_have_an_error_in_their_place(inference: Inference):
    first, second, third = await inference.classify(DIGIT, [SEVEN, b"no picture", SEVEN], OPTIONS, ANYBODY)
    assert isinstance(second, InvalidRequest)
    assert first == third


async def test_tensors_and_pictures_give_the_same_outputs(inference: Inference):
    loaded = await inference.classifier(DIGIT)
    pictures = await inference.infer(loaded, {"image": [SEVEN]}, ANYBODY)
    instance = await inference._decoder.decode(loaded.servable, SEVEN, None)
    tensors = await inference.infer(loaded, {"image": np.stack([instance])}, ANYBODY)
    (name, outputs), *others = pictures.outputs.items()
    assert not others
    assert outputs == pytest.approx(tensors.outputs[name], abs=1e-6)


@pytest.mark.parametrize(
    "inputs",
    [{}, {"other": np.zeros((1, 28, 28, 1))}, {"image": np.zeros((1, 2))}, {"image": [SEVEN, b"no picture"]}],
    ids=["none", "another name", "another shape", "no picture"],
)
async def test_inputs_that_do_not_fit_are_refused(inference: Inference, inputs: Any):
    loaded = await inference.classifier(DIGIT)
    with pytest.raises(InvalidRequest):
        await inference.infer(loaded, inputs, ANYBODY)


async def test_a_model_of_another_task_is_not_found_and_those_that_fit_are_named(inference: Inference):
    with pytest.raises(NotFound, match=r"lstm is no model that classifies pictures; models that do: .*digit"):
        await inference.classify_one(LSTM, SEVEN, OPTIONS, ANYBODY)
    with pytest.raises(NotFound, match=r"digit is no model that continues texts; models that do: .*lstm"):
        await inference.generate(DIGIT, "나는", WordOptions(), ANYBODY)
    with pytest.raises(NotFound, match="there is no model 'nope'"):
        await inference.resolve(Target("nope"))


async def test_a_long_request_leaves_room_for_others(inference: Inference):
    loaded = await inference.classifier(DIGIT)
    long = asyncio.create_task(inference.infer(loaded, {"image": np.zeros((MOST, 28, 28, 1))}, ANYBODY))
    await asyncio.sleep(0)
    assert loaded.batcher.waiting <= BATCH
    assert (await inference.classify_one(loaded, SEVEN, OPTIONS, ANYBODY)).label == "7"
    assert len((await long).outputs[loaded.card.output.name]) == MOST
    with pytest.raises(TooLarge):
        await inference.infer(loaded, {"image": np.zeros((MOST + 1, 28, 28, 1))}, ANYBODY)


async def test_what_is_not_there_before_the_deadline_is_given_up(inference: Inference):
    loaded = await inference.classifier(DIGIT)
    with pytest.raises(TimedOut):
        await inference.classify_one(loaded, SEVEN, OPTIONS, over())
    assert loaded.batcher.statistics.succeeded == 0
    generation = await inference.generate(LSTM, "나는 오늘", WordOptions(), over())
    with pytest.raises(TimedOut):
        await generation.result()
    completion = await inference.complete(LSTM, ["나는 오늘"], CompletionOptions(), over())
    with pytest.raises(TimedOut):
        await completion.choices()


async def test_who_is_cancelled_is_not_predicted_for(inference: Inference):
    loaded = await inference.classifier(DIGIT)
    task = asyncio.create_task(inference.classify_one(loaded, SEVEN, OPTIONS, ANYBODY))
    while not loaded.batcher.waiting:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await inference.classify_one(loaded, SEVEN, OPTIONS, ANYBODY)
    assert loaded.batcher.statistics.succeeded == 1


async def test_a_full_queue_refuses_before_a_picture_is_decoded(inference: Inference):
    loaded = await inference.classifier(DIGIT)
    waiting = loaded.batcher.submit([np.zeros((28, 28, 1), np.float32)] * MOST)
    with pytest.raises(Busy):
        await inference.classify_one(loaded, b"no picture", OPTIONS, ANYBODY)
    await asyncio.gather(*waiting)


async def test_a_text_is_continued_word_by_word_and_as_a_whole(inference: Inference):
    generation = await inference.generate(LSTM, "나는 오늘", WordOptions(next_words=3), ANYBODY)
    words = [word.text async for word in generation.words()]
    whole = await generation.result()
    assert whole.text == " ".join(["나는 오늘", *words])
    assert (len(words), whole.seed, whole.card.model) == (3, None, "lstm")


async def test_a_drawn_text_comes_again_with_the_seed_of_its_answer(inference: Inference):
    bold = WordOptions(next_words=3, sampling=SamplingParameters(temperature=1.0))
    first = await (await inference.generate(LSTM, "나는", bold, ANYBODY)).result()
    again = WordOptions(next_words=3, sampling=SamplingParameters(temperature=1.0, seed=first.seed))
    assert (await (await inference.generate(LSTM, "나는", again, ANYBODY)).result()).text == first.text


async def test_prompts_are_completed_in_pieces_and_as_a_whole(inference: Inference):
    options = CompletionOptions(max_tokens=4, sampling=SamplingParameters(temperature=0.0), echo=True, logprobs=1)
    (whole,) = await (await inference.complete(LSTM, ["나는 오늘"], options, ANYBODY)).choices()
    completion = await inference.complete(LSTM, ["나는 오늘"], options, ANYBODY)
    pieces = [piece async for arrived in completion.pieces() for piece in arrived]
    assert "".join(piece.text for piece in pieces) == whole.text
    assert [entry for piece in pieces for entry in piece.entries] == list(whole.entries)
    assert pieces[-1].finish_reason == whole.finish_reason == "length"
    assert completion.usage.completion_tokens == 4
