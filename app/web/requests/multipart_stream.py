"""A form with one file, which is written to disk as it comes, and never whole in memory."""

from collections.abc import Callable

from fastapi import Request

from app.errors import InvalidRequest, TooLarge
from app.families.text.encodings import invalid_text
from app.web.requests.multipart import PartHandler, parsing

FORM = "multipart/form-data"
FILE = "file"
MAX_FIELD_BYTES = 1_000_000
MAX_FIELDS = 64


async def stream_form(
    request: Request, write: Callable[[bytes], object], end: Callable[[], object] = lambda: None
) -> tuple[dict[str, str], bool]:
    """The form's fields, and whether there was a file, which goes to `write` piece by piece, and then to `end`.

    Both may raise; raises InvalidRequest or TooLarge.
    """
    form = _Streamed(write, end)
    with parsing(request.headers["content-type"], form) as parser:
        async for chunk in request.stream():
            parser.write(chunk)
    return {name: _text(name, content) for name, content in form.fields.items()}, form.uploaded


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise invalid_text(f"{name[:40]!r} is not UTF-8", content) from None


class _Streamed(PartHandler):
    """Collects the fields, and passes the file on."""

    def __init__(self, write: Callable[[bytes], object], end: Callable[[], object]) -> None:
        super().__init__()
        self.fields: dict[str, bytes] = {}
        self.uploaded = False
        self._write, self._end_of_file = write, end
        self._name = ""

    def on_part_begin(self, name: str) -> None:
        self._name = name
        if name == FILE:
            if self.uploaded:
                raise InvalidRequest(f"expected one file; there are several parts named {FILE!r}")
            self.uploaded = True
        elif len(self.fields) == MAX_FIELDS:
            raise TooLarge(f"the form has more than {MAX_FIELDS} fields")
        else:
            self.fields[name] = b""

    def on_part_data(self, content: bytes) -> None:
        if self._name == FILE:
            self._write(content)
            return
        self.fields[self._name] += content
        if len(self.fields[self._name]) > MAX_FIELD_BYTES:
            raise TooLarge(f"{self._name[:40]!r} is longer than {MAX_FIELD_BYTES} bytes; send it as {FILE!r}")

    def on_part_end(self) -> None:
        if self._name == FILE:
            self._end_of_file()
