"""multipart/form-data: the parts that the parser finds, whatever is made of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.errors import InvalidRequest, TooLarge


class PartHandler:
    """What the parser calls; who derives from it says what becomes of each part: `on_part_begin`, `on_part_data` and
    `on_part_end`.
    """

    def __init__(self) -> None:
        self.ended = False
        self._header, self._value, self._disposition = bytearray(), bytearray(), b""

    def on_part_begin(self, name: str) -> None:
        """A part of this name begins."""

    def on_part_data(self, content: bytes) -> None:
        """Some bytes more of it."""

    def on_part_end(self) -> None:
        """It is whole."""

    def callbacks(self) -> Any:
        """These, by the parser's names."""
        return {
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": lambda data, start, end: self.on_part_data(data[start:end]),
            "on_part_end": self.on_part_end,
            "on_end": self._end,
        }

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _headers_finished(self) -> None:
        name = parse_options_header(self._disposition)[1].get(b"name", b"")
        self._disposition = b""
        self.on_part_begin(name.decode(errors="replace"))

    def _end(self) -> None:
        self.ended = True


@contextmanager
def parsing(content_type: str, handler: PartHandler) -> Iterator[MultipartParser]:
    """A parser to write a form to; raises InvalidRequest when it is none, or not whole in the end."""
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise InvalidRequest("multipart/form-data without a boundary")
    try:
        parser = MultipartParser(boundary, handler.callbacks())
        yield parser
        parser.finalize()
    except FormParserError as fault:
        raise InvalidRequest(f"the form cannot be read: {fault}") from fault
    if not handler.ended:
        raise InvalidRequest("the form is cut off: its last boundary is missing")


def read_parts(content_type: str, body: bytes, max_parts: int) -> list[tuple[str, bytes]]:
    """The parts of a form in memory as (name, content), in order; raises InvalidRequest, or TooLarge above `max_parts`.

    Half the cost of spooling every part to a file first.
    """
    form = _InMemory(max_parts)
    with parsing(content_type, form) as parser:
        parser.write(body)
    return [(name, bytes(content)) for name, content in form.parts]


class _InMemory(PartHandler):
    """Collects all parts."""

    def __init__(self, max_parts: int) -> None:
        super().__init__()
        self.parts: list[tuple[str, bytearray]] = []
        self._max_parts = max_parts

    def on_part_begin(self, name: str) -> None:
        if len(self.parts) == self._max_parts:
            raise TooLarge(f"the form has more than the {self._max_parts} parts that are accepted")
        self.parts.append((name, bytearray()))

    def on_part_data(self, content: bytes) -> None:
        self.parts[-1][1].extend(content)
