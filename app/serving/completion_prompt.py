"""The prompt of a completion, given as text or as tokens: its text, and the offsets of its tokens in it."""

from collections.abc import Sequence

from app.errors import InvalidRequest, invalid_parameter
from app.families.generation import Generator
from app.serving.incremental_detokenizer import SPACE, IncrementalDetokenizer


class CompletionPrompt:
    """One prompt, read by a generator; raises InvalidRequest when a token is none of its own.

    What follows a text begins another word; what follows tokens goes on as it is.
    """

    def __init__(self, generator: Generator, asked: str | Sequence[int]) -> None:
        self._generator = generator
        self._places: list[int] | None = None
        if isinstance(asked, str):
            self.prompt = generator.read(asked)
            self.text = self.prompt.text
            spaced = not self.text or self.text[-1].isspace()
            self._letters = IncrementalDetokenizer(generator.token_texts, len(self.text), b"" if spaced else SPACE)
        else:
            try:
                self.prompt = generator.read_tokens(asked)
            except InvalidRequest as fault:
                raise invalid_parameter("prompt", str(fault)) from fault
            self._letters = IncrementalDetokenizer(generator.token_texts)
            self._places, self.text = self._spelled()

    def detokenizer(self) -> IncrementalDetokenizer:
        """The detokenizer for the tokens that follow."""
        return self._letters.fork()

    def offsets(self) -> list[int]:
        """The offset of each of the prompt's tokens in the text, in characters."""
        return self._generator.offsets(self.text) if self._places is None else self._places

    def _spelled(self) -> tuple[list[int], str]:
        places, pieces = [], []
        for number, token in enumerate(self.prompt.client_tokens):
            places.append(self._letters.length)
            if number or token != self._generator.end:  # the line's beginning shows nothing
                pieces.append(self._letters.add(token))
        return places, "".join(pieces)
