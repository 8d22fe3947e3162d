"""Tokens become text: bytes are held until they are whole characters, and the characters are counted."""

from codecs import getincrementaldecoder
from collections.abc import Sequence

SPACE, NEW_LINE = b" ", b"\n"


class IncrementalDetokenizer:
    """The text that tokens add to what is there, by the bytes in `texts`; bytes that are no character are left out.

    `length` counts the characters so far, from `length` on; `pending` are the bytes that may begin another one. The
    first token begins with `first_space` in place of its own space, unless that is None; the first of a line begins
    without one.
    """

    def __init__(
        self, texts: Sequence[bytes], length: int = 0, first_space: bytes | None = b"", pending: bytes = b""
    ) -> None:
        self._texts = texts
        self._first_space = first_space
        self._decoder = getincrementaldecoder("utf-8")(errors="ignore")
        self._decoder.decode(pending)
        self.length = length

    def add(self, token: int) -> str:
        """The characters that are whole now."""
        spelling = self._texts[token]
        if self._first_space is not None:
            spelling = self._first_space + spelling.removeprefix(SPACE)
            self._first_space = None
        if spelling == NEW_LINE:
            self._first_space = b""
        text = self._decoder.decode(spelling)
        self.length += len(text)
        return text

    def fork(self) -> "IncrementalDetokenizer":
        """Another one that goes on from here."""
        pending, _ = self._decoder.getstate()
        return IncrementalDetokenizer(self._texts, self.length, self._first_space, pending)
