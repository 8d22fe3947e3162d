"""GET /: the web page and the JavaScript client, small static files held in memory."""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response

from app.errors import NotFound

STATIC = Path(__file__).with_name("static")
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
    """A static file as it is sent."""

    content: bytes
    packed: bytes
    etag: str
    media: str


def page_router() -> APIRouter:
    """The page at `/` and its files under `/static`; those under their common digest never change."""
    contents = {path.name: path.read_bytes() for path in sorted(STATIC.iterdir())}
    digest = hashlib.sha256(b"".join(contents.values())).hexdigest()[:12]
    contents["index.html"] = contents["index.html"].replace(b"{digest}", digest.encode())
    files = {name: _file(name, content) for name, content in contents.items()}
    router = APIRouter(include_in_schema=False)

    @router.api_route("/", methods=["GET", "HEAD"])
    async def page(request: Request) -> Response:
        return _send(request, files["index.html"], ASK_FIRST)

    @router.api_route("/static/{name:path}", methods=["GET", "HEAD"])
    async def static(request: Request, name: str) -> Response:
        bare = name.removeprefix(f"{digest}/")
        if bare not in files:
            raise NotFound(f"there is no file {bare!r} here")
        return _send(request, files[bare], ASK_FIRST if bare == name else FOREVER)

    return router


def _file(name: str, content: bytes) -> File:
    etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    return File(content, gzip.compress(content, mtime=0), etag, MEDIA[Path(name).suffix])


def _send(request: Request, file: File, cache: str) -> Response:
    headers = {"ETag": file.etag, "Cache-Control": cache, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=file.media)
    return Response(file.content, headers=headers, media_type=file.media)
