"""The inference service: the one way to ask a model, through whatever door a request comes. It knows no HTTP.

Every operation resolves a target, decodes, batches and answers. Errors are those of `app.errors`; a door translates
them. Whoever cancels an operation has its work dropped before the next batch.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np

from app import tracing
from app.errors import InvalidRequest, NotFound, TimedOut, Unusable
from app.families.contract import Array, Classification, Crop, Family, Task
from app.serving.completion import Completion, CompletionOptions
from app.serving.decoding import PictureDecoder
from app.serving.loading import LoadedClassifier, LoadedGenerator, LoadedVersion
from app.serving.tensors import as_instances
from app.serving.text_generation import TextGeneration
from app.serving.word_stream import WordOptions
from app.store.version import Card

EncodedPictures: TypeAlias = Sequence[bytes]
Result = TypeVar("Result")

DOES: Mapping[Task, str] = {"classify": "classifies pictures", "generate": "continues texts"}


@dataclass(frozen=True, slots=True)
class Target:
    """What a request asks: a model, and a version number or an alias; without one the version that traffic picks."""

    model: str
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class ClassifyOptions:
    """How many labels are listed (by default all), and which part of a picture is looked at."""

    top_k: int | None = None
    crop: Crop | None = None


@dataclass(frozen=True, slots=True)
class InferenceContext:
    """Who asks, and until when: `deadline` is in seconds of the event loop's clock, None where the door has its own."""

    request_id: str | None = None
    key_name: str | None = None
    deadline: float | None = None

    def annotate(self) -> None:
        """Say in the trace who asks."""
        facts = {"request": self.request_id, "key": self.key_name}
        tracing.annotate(**{name: value for name, value in facts.items() if value})


@dataclass(frozen=True, slots=True)
class InferenceResult:
    """The outputs of a version by name, each (n, ...), and the version's card."""

    card: Card
    outputs: Mapping[str, Array]


class Versions(Protocol):
    """Where loaded versions come from; `models` names the family of each model."""

    @property
    def models(self) -> Mapping[str, Family]: ...

    def task_of(self, model: str) -> Task | None: ...

    async def get(self, model: str, reference: str | None) -> LoadedVersion: ...


class Inference:
    """Asks the models of one source of versions."""

    def __init__(self, versions: Versions, decoder: PictureDecoder) -> None:
        self._versions = versions
        self._decoder = decoder

    async def resolve(self, target: Target) -> LoadedVersion:
        """The loaded version of a target, which serves for as long as somebody holds it.

        Raises NotFound, Conflict where a model has no version yet, Damaged or Unavailable.
        """
        return await self._versions.get(target.model, target.reference)

    async def classifier(self, target: Target) -> LoadedClassifier:
        """The loaded version of a model that classifies pictures; raises NotFound for another model."""
        loaded = await self._able(target, "classify")
        if not isinstance(loaded, LoadedClassifier):
            raise self._unable(target, "classify")
        return loaded

    async def generator(self, target: Target) -> LoadedGenerator:
        """The loaded version of a model that continues texts; raises NotFound for another model."""
        loaded = await self._able(target, "generate")
        if not isinstance(loaded, LoadedGenerator):
            raise self._unable(target, "generate")
        return loaded

    async def stateless(self, target: Target) -> LoadedClassifier:
        """The loaded version whose answer is one run of its network; raises InvalidRequest for one of many steps."""
        loaded = await self.resolve(target)
        if isinstance(loaded, LoadedGenerator):
            raise InvalidRequest(f"{target.model} continues texts: use POST /v1/completions or POST /generate")
        return loaded

    async def classify_one(
        self, target: Target | LoadedClassifier, picture: bytes, options: ClassifyOptions, context: InferenceContext
    ) -> Classification:
        """The labels of one encoded picture, most likely first; raises InvalidRequest, TooLarge or Busy."""
        return await _within(context, self._classify_one(target, picture, options))

    async def classify(
        self,
        target: Target | LoadedClassifier,
        examples: EncodedPictures | Array,
        options: ClassifyOptions,
        context: InferenceContext,
    ) -> list[Classification | InvalidRequest]:
        """The labels of encoded pictures, or of an array (n, ...) of instances, in their order; an error in place of
        each picture that cannot be read. Raises InvalidRequest for an array that does not fit, TooLarge or Busy.
        """
        return await _within(context, self._classify(target, examples, options))

    async def preview(self, target: Target | LoadedClassifier, picture: bytes, options: ClassifyOptions) -> bytes:
        """The PNG of what the network gets of an encoded picture; raises InvalidRequest, TooLarge or Busy."""
        loaded = await self._classifier(target)
        loaded.batcher.check_room()
        return loaded.servable.preview(await self._decoder.decode(loaded.servable, picture, options.crop))

    async def infer(
        self,
        target: LoadedClassifier,
        inputs: Mapping[str, EncodedPictures | Array | Sequence[Any]],
        context: InferenceContext,
    ) -> InferenceResult:
        """The outputs for named inputs: arrays (n, ...), or encoded pictures where the input is one.

        Raises InvalidRequest, Busy, or Unusable for outputs that are not finite.
        """
        return await _within(context, self._infer(target, inputs))

    async def generate(
        self, target: Target | LoadedGenerator, text: str, options: WordOptions, context: InferenceContext
    ) -> TextGeneration:
        """A continuation of a text, under way; raises NotFound, InvalidRequest or Busy before anything is written."""
        context.annotate()
        return TextGeneration(await self._generator(target), text, options, context.deadline)

    async def complete(
        self,
        target: Target | LoadedGenerator,
        prompts: Sequence[str | Sequence[int]],
        options: CompletionOptions,
        context: InferenceContext,
    ) -> Completion:
        """Continuations of prompts, token by token, under way; raises NotFound, InvalidRequest or Busy before that."""
        context.annotate()
        return Completion(await self._generator(target), prompts, options, context.deadline)

    # ---- inside

    async def _classifier(self, target: Target | LoadedClassifier) -> LoadedClassifier:
        return await self.classifier(target) if isinstance(target, Target) else target

    async def _generator(self, target: Target | LoadedGenerator) -> LoadedGenerator:
        return await self.generator(target) if isinstance(target, Target) else target

    async def _able(self, target: Target, task: Task) -> LoadedVersion:
        """The loaded version, unless its model is known to have another task, whether it has a version or not."""
        if self._versions.task_of(target.model) not in (task, None):
            raise self._unable(target, task)
        return await self.resolve(target)

    def _unable(self, target: Target, task: Task) -> NotFound:
        able = ", ".join(model for model, family in self._versions.models.items() if family.task == task)
        return NotFound(f"{target.model} is no model that {DOES[task]}; models that do: {able}")

    async def _classify_one(
        self, target: Target | LoadedClassifier, picture: bytes, options: ClassifyOptions
    ) -> Classification:
        loaded = await self._classifier(target)
        loaded.batcher.check_room()
        instance = await self._decoder.decode(loaded.servable, picture, options.crop)
        (output,) = loaded.batcher.submit([instance])
        return loaded.servable.answer(await output, options.top_k)

    async def _classify(
        self, target: Target | LoadedClassifier, examples: EncodedPictures | Array, options: ClassifyOptions
    ) -> list[Classification | InvalidRequest]:
        loaded = await self._classifier(target)
        decoded = await self._decoded(loaded, examples, options.crop)
        instances = [one for one in decoded if not isinstance(one, InvalidRequest)]
        outputs = iter(await _run(loaded, instances))
        return [
            one if isinstance(one, InvalidRequest) else loaded.servable.answer(next(outputs), options.top_k)
            for one in decoded
        ]

    async def _infer(
        self, loaded: LoadedClassifier, inputs: Mapping[str, EncodedPictures | Array | Sequence[Any]]
    ) -> InferenceResult:
        card = loaded.card
        if list(inputs) != [card.input.name]:
            raise InvalidRequest(f"expected one input, {card.input.name!r}")
        decoded = await self._decoded(loaded, inputs[card.input.name], None)
        for one in decoded:
            if isinstance(one, InvalidRequest):
                raise one
        if not decoded:
            raise InvalidRequest(f"{card.input.name} holds no example; at least one is expected")
        outputs = np.stack(await _run(loaded, [one for one in decoded if not isinstance(one, InvalidRequest)]))
        if not np.isfinite(outputs).all():
            raise Unusable(f"version {card.version} of {card.model} gave numbers that are not finite")
        return InferenceResult(card, {card.output.name: outputs})

    async def _decoded(
        self, loaded: LoadedClassifier, examples: EncodedPictures | Array | Sequence[Any], crop: Crop | None
    ) -> list[Array | InvalidRequest]:
        """Instances, in order; an error in place of each encoded picture that cannot be read."""
        if isinstance(examples, np.ndarray) or not all(isinstance(one, bytes) for one in examples):
            return list(as_instances(examples, loaded.card.input))
        loaded.batcher.check_room(len(examples))
        return list(await asyncio.gather(*(self._decode_or_error(loaded, picture, crop) for picture in examples)))

    async def _decode_or_error(
        self, loaded: LoadedClassifier, picture: bytes, crop: Crop | None
    ) -> Array | InvalidRequest:
        try:
            return await self._decoder.decode(loaded.servable, picture, crop)
        except InvalidRequest as fault:
            return fault


async def _run(loaded: LoadedClassifier, instances: Sequence[Array]) -> list[Array]:
    """Outputs in order. A long request has one batch in the queue at a time, which leaves room for others."""
    batcher, outputs = loaded.batcher, []
    batcher.check_room(len(instances))
    for start in range(0, len(instances), batcher.max_batch):
        outputs += await asyncio.gather(*batcher.submit(instances[start : start + batcher.max_batch]))
    return outputs


async def _within(context: InferenceContext, work: Coroutine[Any, Any, Result]) -> Result:
    """The result before the context's deadline; raises TimedOut."""
    context.annotate()
    if context.deadline is None:
        return await work
    try:
        async with asyncio.timeout_at(context.deadline):
            return await work
    except TimeoutError:
        raise TimedOut("the answer was not there before its deadline") from None
