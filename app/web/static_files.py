"""Files that are sent from memory, packed or plain, and only where the browser does not have them yet.

Starlette's `StaticFiles` decides whether the browser has them. It sends nothing from memory and nothing packed, and its
tag of a file is made of time and size, which a page has in common with that of another release.
"""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from fastapi import Request, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles

from app.web.content_encodings import preferred

FOREVER = "public, max-age=31536000, immutable"
ASK_FIRST = "no-cache"  # kept, but used only after the service said that it is still the same
MEDIA_TYPES = {  # the same on every machine, unlike what Python's mimetypes reads from it
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
STARLETTE = StaticFiles()


@dataclass(frozen=True)
class StaticFile:
    """A file in both of its encodings, each with a tag of its own."""

    media_type: str
    plain: bytes
    packed: bytes
    tag: str

    @classmethod
    def of(cls, name: str, content: bytes) -> Self:
        """The file that a browser gets under this name. Packing takes about 20 ms for each MB."""
        packed, tag = gzip.compress(content, mtime=0), hashlib.sha256(content).hexdigest()[:16]
        return cls(MEDIA_TYPES[Path(name).suffix], content, packed, tag)

    def response(self, request: Request, cache: str) -> Response:
        """The file, or word that it has not changed; `cache` says how long it may be kept."""
        headers = {"Cache-Control": cache, "Vary": "Accept-Encoding"}
        if preferred(request.headers.get("accept-encoding", "")) == "gzip":
            headers |= {"ETag": f'"{self.tag}-gzip"', "Content-Encoding": "gzip"}
            answer = Response(self.packed, headers=headers, media_type=self.media_type)
        else:
            headers |= {"ETag": f'"{self.tag}"'}
            answer = Response(self.plain, headers=headers, media_type=self.media_type)
        if STARLETTE.is_not_modified(answer.headers, request.headers):
            return NotModifiedResponse(answer.headers)
        return answer
