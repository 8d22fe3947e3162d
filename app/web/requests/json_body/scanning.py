"""How much a JSON text will become, counted over its bytes as they arrive, before any object exists."""

import numpy as np

from app.errors import TooLarge

MAX_DEPTH = 32
PIECE_BYTES = 1 << 16  # scanned at a time; takes less than a millisecond

_STRUCTURE = bytes(set(range(256)) - set(b",[]{}"))  # what is left out to keep those five
_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = np.zeros(256, np.int32)
_STEPS[list(b"[{")], _STEPS[list(b"]}")] = 1, -1


class JsonScan:
    """Counts elements and depth over the pieces of one text; what is within strings does not count.

    Elements are the items of lists and the members of objects, those containers themselves included.
    """

    def __init__(self, max_elements: int) -> None:
        self._max_elements = max_elements
        self._elements = self._depth = 0
        self._within_string = False
        self._held = b""  # a backslash whose character comes with the next piece

    def feed(self, piece: bytes) -> None:
        """Count what comes next, in time proportional to its length; raises TooLarge."""
        structure = self._outside_strings(piece).translate(None, _STRUCTURE)
        opened = structure.count(b"[") + structure.count(b"{")
        self._elements += opened + structure.count(b",")
        if self._elements > self._max_elements:
            raise TooLarge(f"the JSON has more than the {self._max_elements} elements that are accepted here")
        if self._depth + opened > MAX_DEPTH:
            steps = _STEPS[np.frombuffer(structure.translate(None, _BRACKETS), np.uint8)]
            depths = self._depth + steps.cumsum()
            if depths.max() > MAX_DEPTH:
                raise TooLarge(f"the JSON is nested more than {MAX_DEPTH} deep")
            self._depth = int(depths[-1])
        else:
            self._depth += opened - structure.count(b"]") - structure.count(b"}")

    def _outside_strings(self, piece: bytes) -> bytes:
        """The bytes of a piece that are not within strings."""
        if self._held or b"\\" in piece:
            piece = self._without_escapes(self._held + piece)
        if b'"' not in piece:
            return b"" if self._within_string else piece
        parts = piece.split(b'"')
        outside = b"".join(parts[self._within_string :: 2])
        self._within_string ^= len(parts) % 2 == 0
        return outside

    def _without_escapes(self, piece: bytes) -> bytes:
        """A piece without escaped backslashes and quotes, so that every quote that is left begins or ends a string."""
        run = len(piece) - len(piece.rstrip(b"\\"))
        self._held = b"\\" * (run % 2)
        whole = piece[: len(piece) - len(self._held)]
        return whole.replace(b"\\\\", b"").replace(b'\\"', b"")
