"""One choice under way: its tokens become text and log-probabilities, piece by piece, up to a stop text."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from app.serving.loading import Loaded
from app.serving.token_stream import Order, Score, Writing
from app.web.protocols.openai.prompts import Beginning
from app.web.protocols.openai.request import CompletionRequest
from app.web.protocols.openai.responses import Logprobs
from app.web.protocols.openai.stops import Stops


class Entry(NamedTuple):
    """A token as it is told: its name, its logarithm and the likeliest ones' where there are any, and its place."""

    name: str
    logprob: float | None
    top: dict[str, float] | None
    place: int


class Piece(NamedTuple):
    """Some text, and the tokens that are told with it."""

    text: str
    entries: Sequence[Entry]


class Choosing:
    """Begins to write at once: `pieces` grow, with a call of `wake` each time and at the end; then comes the `last`.

    A token is told with the text that it begins with; those behind a stop text are not told.
    """

    def __init__(
        self, loaded: Loaded, beginning: Beginning, order: Order, body: CompletionRequest, wake: Callable[[], None]
    ) -> None:
        self._generator = loaded.servable
        self._beginning = beginning
        self._echoes, self._tells = body.echo, body.logprobs is not None
        self._letters = beginning.letters()
        self._stops = Stops(body.stops)
        self._shown = len(beginning.text)  # characters of prompt and continuation that are certain
        self._held: deque[Entry] = deque()
        self._wake = wake
        self.pieces: deque[Piece] = deque()
        self.writing: Writing = loaded.batcher.begin(Writing(self._generator, beginning.prompt, order, self._hear))
        self.writing.done.add_done_callback(lambda _: wake())

    @property
    def reason(self) -> Literal["stop", "length"]:
        """Why it ended."""
        return "length" if self.writing.stopped == "length" else "stop"

    @property
    def likelihood(self) -> float:
        """The mean of its tokens' logarithms."""
        return self.writing.total / max(1, self.writing.taken)

    def last(self) -> Piece:
        """What is left when the writing has ended, perhaps nothing."""
        text, entries = self._opening()
        return Piece(text + self._stops.rest(), [*entries, *(() if self._stops.met else self._held)])

    def _hear(self, token: int, score: Score | None) -> bool:
        text, entries = self._opening()
        place = self._letters.length
        if token != self._generator.end:
            more = self._stops.pass_on(self._letters.add(token))
            self._shown += len(more)
            text += more
        if self._tells:
            self._held.append(self._entry(token, score, place))
            while self._held and self._held[0].place < self._shown:
                entries.append(self._held.popleft())
        if text or entries:
            self.pieces.append(Piece(text, entries))
            self._wake()
        return self._stops.met

    def _opening(self) -> tuple[str, list[Entry]]:
        """The prompt, where it is echoed and has not been yet."""
        if not self._echoes:
            return "", []
        self._echoes = False
        return self._beginning.text, self._prompt_entries() if self._tells else []

    def _prompt_entries(self) -> list[Entry]:
        """The prompt's tokens. The first has no logarithm in this interface, though here it follows a line's end."""
        given = self._beginning.prompt.given
        known = self.writing.prompt_scores
        scores = [None, *known[len(known) - len(given) + 1 :]] if given else []
        places = self._beginning.places()
        return [self._entry(token, score, place) for token, score, place in zip(given, scores, places, strict=True)]

    def _entry(self, token: int, score: Score | None, place: int) -> Entry:
        names = self._generator.names
        if score is None:
            return Entry(names[token], None, None, place)
        top = {names[other]: value for other, value in score.likeliest.items()}
        return Entry(names[token], score.own, {**top, names[token]: score.own}, place)


def told(entries: Sequence[Entry]) -> Logprobs:
    """Some tokens in the four lists of an answer."""
    return Logprobs(
        tokens=[entry.name for entry in entries],
        token_logprobs=[entry.logprob for entry in entries],
        top_logprobs=[entry.top for entry in entries],
        text_offset=[entry.place for entry in entries],
    )
