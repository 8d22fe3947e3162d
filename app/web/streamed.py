"""A form with one file, which is written to disk as it comes, and never whole in memory."""

from collections.abc import Callable
from typing import Any

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.errors import InvalidRequest, TooLarge

FORM = "multipart/form-data"
FILE = "file"
MAX_FIELD_BYTES = 1_000_000
MAX_FIELDS = 64


async def read_form(
    request: Request, write: Callable[[bytes], object], end: Callable[[], object] = lambda: None
) -> tuple[dict[str, str], bool]:
    """The form's fields, and whether there was a file, which goes to `write` piece by piece, and then to `end`.

    Both may raise; raises InvalidRequest or TooLarge.
    """
    boundary = parse_options_header(request.headers["content-type"])[1].get(b"boundary")
    if not boundary:
        raise InvalidRequest("multipart/form-data without a boundary")
    form = _Form(write, end)
    parser = MultipartParser(boundary, form.callbacks())
    try:
        async for chunk in request.stream():
            parser.write(chunk)
        parser.finalize()
    except FormParserError as fault:
        raise InvalidRequest(f"the form cannot be read: {fault}") from fault
    if not form.ended:
        raise InvalidRequest("the form is cut off: its last boundary is missing")
    return {name: _text(name, content) for name, content in form.fields.items()}, form.uploaded


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InvalidRequest(f"{name[:40]!r} is not UTF-8") from None


class _Form:
    """Collects the fields that the parser finds, and passes the file on."""

    def __init__(self, write: Callable[[bytes], object], end: Callable[[], object]) -> None:
        self.fields: dict[str, bytes] = {}
        self.uploaded = self.ended = False
        self._write, self._end_of_file = write, end
        self._name = ""
        self._header, self._value, self._disposition = bytearray(), bytearray(), b""

    def callbacks(self) -> Any:
        """What the parser calls, by its names."""
        return {
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._begin,
            "on_part_data": self._data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _begin(self) -> None:
        self._name = parse_options_header(self._disposition)[1].get(b"name", b"").decode(errors="replace")
        self._disposition = b""
        if self._name == FILE:
            if self.uploaded:
                raise InvalidRequest(f"expected one file; there are several parts named {FILE!r}")
            self.uploaded = True
        elif len(self.fields) == MAX_FIELDS:
            raise TooLarge(f"the form has more than {MAX_FIELDS} fields")
        else:
            self.fields[self._name] = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        content = data[start:end]
        if self._name != FILE:
            self.fields[self._name] += content
            if len(self.fields[self._name]) > MAX_FIELD_BYTES:
                raise TooLarge(f"{self._name[:40]!r} is longer than {MAX_FIELD_BYTES} bytes; send it as {FILE!r}")
            return
        self._write(content)

    def _part_end(self) -> None:
        if self._name == FILE:
            self._end_of_file()

    def _end(self) -> None:
        self.ended = True
