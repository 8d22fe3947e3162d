"""multipart/form-data, read at one go from a body in memory: half the cost of spooling every part to a file first."""

from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.errors import InvalidRequest, TooLarge


def read_form(content_type: str, body: bytes, max_parts: int) -> list[tuple[str, bytes]]:
    """The parts of a form as (name, content), in order; raises InvalidRequest, or TooLarge above `max_parts`."""
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise InvalidRequest("multipart/form-data without a boundary")
    form = _Form(max_parts)
    try:
        parser = MultipartParser(boundary, form.callbacks())
        parser.write(body)
        parser.finalize()
    except FormParserError as fault:
        raise InvalidRequest(f"the form cannot be read: {fault}") from fault
    if not form.ended:
        raise InvalidRequest("the form is cut off: its last boundary is missing")
    return form.parts


class _Form:
    """Collects what the parser finds."""

    def __init__(self, max_parts: int) -> None:
        self.parts: list[tuple[str, bytes]] = []
        self.ended = False
        self._max_parts = max_parts
        self._content = bytearray()
        self._header = bytearray()
        self._value = bytearray()
        self._disposition = b""

    def callbacks(self) -> Any:
        """What the parser calls, by its names."""
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_part_data": lambda data, start, end: self._content.extend(data[start:end]),
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _part_begin(self) -> None:
        if len(self.parts) == self._max_parts:
            raise TooLarge(f"the form has more than the {self._max_parts} parts that are accepted")
        self._content = bytearray()
        self._disposition = b""

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _part_end(self) -> None:
        name = parse_options_header(self._disposition)[1].get(b"name", b"")
        self.parts.append((name.decode(errors="replace"), bytes(self._content)))

    def _end(self) -> None:
        self.ended = True
