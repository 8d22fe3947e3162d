"""Files held in memory, sent packed or plain and only when the browser has not got them already."""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request, Response

from app.web.content_encodings import preferred

MEDIA = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
FOREVER = "public, max-age=31536000, immutable"
ASK_FIRST = "no-cache"  # kept, but used only after the service said that it is still the same


@dataclass(frozen=True)
class File:
    """A file as it is sent."""

    content: bytes
    packed: bytes
    etag: str
    media: str


def file_of(name: str, content: bytes) -> File:
    """The file that a browser gets under this name."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    return File(content, gzip.compress(content, mtime=0), etag, MEDIA[Path(name).suffix])


def send(request: Request, file: File, cache: str) -> Response:
    """The file, or word that it has not changed; `cache` says how long it may be kept."""
    headers = {"ETag": file.etag, "Cache-Control": cache, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    if preferred(request.headers.get("accept-encoding", "")) == "gzip":
        return Response(file.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=file.media)
    return Response(file.content, headers=headers, media_type=file.media)
