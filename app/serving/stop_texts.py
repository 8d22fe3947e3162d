"""Text up to the first of some stop strings, as far as it is certain while it grows."""

from collections.abc import Sequence


class StopTexts:
    """Gives out text piece by piece and nothing of a stop string: what may begin one is held back."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._held = ""
        self.met = False

    def pass_on(self, piece: str) -> str:
        """What is certain now; nothing more once a stop string was met."""
        if not self._stops:
            return piece
        if self.met:
            return ""
        text = self._held + piece
        places = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        if places:
            self.met, self._held = True, ""
            return text[: min(places)]
        kept = max((self._beginning(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - kept :]
        return text[: len(text) - kept]

    def rest(self) -> str:
        """What was held back and is followed by nothing."""
        held, self._held = self._held, ""
        return held

    @staticmethod
    def _beginning(text: str, stop: str) -> int:
        """How many of the last characters of the text a stop string begins with."""
        return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0)
