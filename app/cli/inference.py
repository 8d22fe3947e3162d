"""Asking a stored version from the command line, without a web server."""

import sys
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from app.cli.terminal import errors
from app.errors import InvalidRequest
from app.families.catalog import built_in, find_families
from app.families.contract import Classification, Task
from app.safe_text import printable
from app.serving.decoding import PictureDecoder
from app.serving.inference import ClassifyOptions, Inference, InferenceContext, Target
from app.serving.loading import ServingLimits
from app.serving.runtimes.selection import SelectedRuntime
from app.serving.servables import Servables
from app.serving.word_stream import WordOptions
from app.settings import Settings
from app.store.model_store import ModelStore
from app.store.opening import open_store

NOBODY = InferenceContext()


def seeded_store(settings: Settings) -> ModelStore:
    """The store, with the starter versions that it lacks."""
    store = open_store(settings)
    store.seed(settings.starters)
    return store


def stored_version(store: ModelStore, model: str, reference: str, task: Task) -> int:
    """The number of a version; raises NotFound, or InvalidRequest where no model of that name can do the task."""
    families = find_families()
    stored = {name: families[family] for name in store.models() if (family := store.family(name)) in families}
    able = {name: family for name, family in {**built_in(families), **stored}.items() if family.task == task}
    if model not in able:
        raise InvalidRequest(f"there is no model {model!r} that can {task}; models: {', '.join(able)}")
    if not store.versions(model):
        raise InvalidRequest(f"{model} has no version yet: train one with fitserve train {able[model].name}")
    return store.resolve(model, reference)


async def classify(
    settings: Settings, store: ModelStore, target: Target, pictures: Sequence[bytes]
) -> list[Classification | InvalidRequest]:
    """The labels of encoded pictures, in order; an error in place of each that cannot be read."""
    options = ClassifyOptions(top_k=2)
    async with _inference(settings, store) as inference:
        loaded = await inference.classifier(target)
        return [(await inference.classify(loaded, [picture], options, NOBODY))[0] for picture in pictures]


async def write(settings: Settings, store: ModelStore, target: Target, text: str, options: WordOptions) -> None:
    """Write the text and each word after it as it comes; notes go to standard error.

    Raises InvalidRequest for a text that the terminal sent in another encoding than this one's.
    """
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidRequest(f"the text is not {sys.getfilesystemencoding().upper()}, which the terminal should send")
    async with _inference(settings, store) as inference:
        generation = await inference.generate(target, text, options, NOBODY)
        _put(generation.seed_text.strip())
        async for word in generation.words():
            _put(f" {word.text}")
        _put("\n")
        for note in (await generation.result()).notes:
            errors.print(note, style="yellow")


@asynccontextmanager
async def _inference(settings: Settings, store: ModelStore) -> AsyncIterator[Inference]:
    """An inference service for one request at a time, which loads the version that it is asked for."""
    limits = ServingLimits(max_batch=1, max_queue_size=1, max_loaded=1)
    servables = Servables(store, find_families(), SelectedRuntime(settings).open(), limits)
    with ThreadPoolExecutor(1) as threads:
        try:
            yield Inference(servables, PictureDecoder(threads, max_pixels=settings.max_pixels, crop=settings.crop))
        finally:
            servables.close()


def _put(text: str) -> None:
    sys.stdout.write(printable(text))
    sys.stdout.flush()
