"""Traffic: which versions answer the requests that name none, and which one works in their shadow, unheard."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from app import metrics
from app.errors import Busy, Conflict, TooLarge
from app.families.contract import Array
from app.serving.loading import LoadedClassifier, LoadedVersion
from app.store.version import Card

Outcome: TypeAlias = Literal["agreed", "differed", "failed", "skipped"]


@dataclass(frozen=True)
class TrafficPolicy:
    """What the store wants: by what weights versions share the requests, and which one is to be in the shadow."""

    weights: Mapping[int, float] = field(default_factory=dict)
    shadow: int | None = None


@dataclass(frozen=True)
class Traffic:
    """A plan that is carried out. Without any `versions` the live version answers alone and casts no shadow.

    `loaded` are the loaded versions that it takes, by number.
    """

    policy: TrafficPolicy
    versions: tuple[LoadedVersion, ...] = ()
    shadow: "Shadow | None" = None
    loaded: Mapping[int, LoadedVersion] = field(default_factory=dict)

    @property
    def weights(self) -> Mapping[int, float]:
        """The weights of the versions that answer, where there are several."""
        return self.policy.weights if len(self.versions) > 1 else {}

    def pick(self) -> LoadedVersion:
        """One of those who answer, by chance."""
        if len(self.versions) == 1:
            return self.versions[0]
        (picked,) = random.choices(self.versions, tuple(self.policy.weights.values()))
        return picked


NO_SPLIT = Traffic(TrafficPolicy())


class Shadow:
    """A version that is asked what others are asked, and whose answers are only counted: by how often they agree.

    `counts` are those since it was loaded; /metrics has them by the version that answered.
    """

    def __init__(self, loaded: LoadedClassifier) -> None:
        self.loaded = loaded
        self.counts: dict[Outcome, int] = dict.fromkeys(("agreed", "differed", "failed", "skipped"), 0)

    def with_shadow(self, answering: LoadedVersion) -> LoadedVersion:
        """The same version, casting this shadow; itself where the two are one."""
        if not isinstance(answering, LoadedClassifier) or answering.card.version == self.loaded.card.version:
            return answering
        return replace(answering, batcher=ShadowingBatcher(answering, self))

    def count(self, answering: Card, outcome: Outcome, number: int = 1) -> None:
        """Add to the counts."""
        self.counts[outcome] += number
        card = self.loaded.card
        metrics.shadow_comparisons.labels(card.model, answering.version, card.version, outcome).inc(number)


class ShadowingBatcher:
    """A batcher whose instances a shadow gets too. Nobody waits for it: while others wait for either, it is skipped."""

    def __init__(self, answering: LoadedClassifier, shadow: Shadow) -> None:
        self._card = answering.card
        self._batcher = answering.batcher
        self._shadow = shadow
        self._shadow_batcher = shadow.loaded.batcher
        self.max_batch = answering.batcher.max_batch
        self.statistics = answering.batcher.statistics
        self.check_room = answering.batcher.check_room

    @property
    def waiting(self) -> int:
        """How many instances wait to be answered."""
        return self._batcher.waiting

    def submit(self, instances: Sequence[Array]) -> list[asyncio.Future[Array]]:
        """As the batcher's own."""
        idle = not (self._batcher.waiting or self._shadow_batcher.waiting)
        futures = self._batcher.submit(instances)
        try:
            shadowed = self._shadow_batcher.submit(instances) if idle else ()
        except (Busy, TooLarge):
            shadowed = ()
        for pair in zip(futures, shadowed, strict=False):
            asyncio.gather(*pair, return_exceptions=True).add_done_callback(self._compare)
        self._shadow.count(self._card, "skipped", len(futures) - len(shadowed))
        return futures

    def _compare(self, pair: "asyncio.Future[tuple[Array | BaseException, Array | BaseException]]") -> None:
        output, shadowed = pair.result()
        if isinstance(shadowed, BaseException):
            self._shadow.count(self._card, "failed")
        elif isinstance(output, BaseException):  # nobody waited, or there is nothing to compare with
            self._shadow.count(self._card, "skipped")
        else:
            agreed = _label(self._card, output) == _label(self._shadow.loaded.card, shadowed)
            self._shadow.count(self._card, "agreed" if agreed else "differed")


def check_comparable(answering: Card, shadow: Card) -> None:
    """Raise Conflict unless the second classifies whatever was decoded for the first."""
    if shadow.states:
        raise Conflict(f"{shadow.model} generates text and cannot be shadowed: there are no labels to compare")
    if (answering.input.shape, answering.input.dtype) != (shadow.input.shape, shadow.input.dtype):
        raise Conflict(
            f"version {shadow.version} of {shadow.model} has other inputs than version {answering.version} "
            "and cannot shadow it"
        )


def _label(card: Card, output: Array) -> str:
    return card.labels[int(output.argmax())]
