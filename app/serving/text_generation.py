"""Text generation: one text under way, continued word by word."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.errors import TimedOut
from app.serving.generation_notes import generation_notes
from app.serving.loading import LoadedGenerator
from app.serving.word_stream import StopReason, Word, WordGeneration, WordOptions
from app.store.version import Card
from app.tracing import span

SEEDS = 2**53  # what readers of JSON keep exactly


@dataclass(frozen=True)
class GeneratedText:
    """A text and its continuation.

    `seed_text` is the text in composed form and without invisible characters; `ignored_words` and `unknown_scripts` are
    what the model has not learned of it; with `from_line_start` no word of it is known. `seed` repeats the
    continuation, None where nothing was drawn. `notes` say what a caller should know, a sentence each.
    """

    card: Card
    seed_text: str
    words: Sequence[Word]
    ignored_words: Sequence[str]
    unknown_scripts: Sequence[str]
    from_line_start: bool
    stopped: StopReason
    seed: int | None
    notes: Sequence[str]

    @property
    def text(self) -> str:
        """The text with its continuation."""
        begun = [self.seed_text.rstrip()] if self.seed_text.strip() else []
        return " ".join([*begun, *(word.text for word in self.words)])


class TextGeneration:
    """A continuation under way, which keeps hold of its version to the end.

    Raises InvalidRequest or Busy when it cannot begin. Where `deadline`, in seconds of the event loop's clock, passes
    first, `words` and `result` raise TimedOut.
    """

    def __init__(self, loaded: LoadedGenerator, text: str, options: WordOptions, deadline: float | None = None) -> None:
        self._loaded = loaded
        self._seed = None
        if options.sampling.temperature > 0:
            seed = options.sampling.seed
            self._seed = secrets.randbelow(SEEDS) if seed is None else seed
        options = replace(options, sampling=replace(options.sampling, seed=self._seed))
        self._prompt = loaded.servable.read(text)
        self._words: asyncio.Queue[Word | None] = asyncio.Queue()
        self._running: WordGeneration = loaded.batcher.submit(self._prompt, options, self._words.put_nowait)
        self._running.done.add_done_callback(lambda _: self._words.put_nowait(None))
        if deadline is not None:
            expire_at(deadline, self._running.done)

    @property
    def seed_text(self) -> str:
        """The text as it was read."""
        return self._prompt.text

    async def words(self) -> AsyncIterator[Word]:
        """Each word as soon as it is finished."""
        while (word := await self._words.get()) is not None:
            yield word

    async def result(self) -> GeneratedText:
        """The continued text when it is finished."""
        with span("generate"):
            running = await self._running.done
        prompt = self._prompt
        return GeneratedText(
            card=self._loaded.card,
            seed_text=prompt.text,
            words=running.words,
            ignored_words=list(prompt.unknown_words),
            unknown_scripts=list(prompt.unknown_scripts),
            from_line_start=len(prompt.tokens) == 1,
            stopped=running.stopped or "words",
            seed=self._seed,
            notes=generation_notes(self._loaded.servable, prompt, running),
        )

    def cancel(self) -> None:
        """Stop: nobody waits for it any more."""
        self._running.done.cancel()


def expire_at(deadline: float, done: asyncio.Future[Any]) -> None:
    """Fail a future with TimedOut at a moment of the event loop's clock, unless it is done before."""

    def expire() -> None:
        if not done.done():
            done.set_exception(TimedOut("the text was not finished before its deadline"))

    timer = asyncio.get_running_loop().call_at(deadline, expire)
    done.add_done_callback(lambda _: timer.cancel())
