"""GET / and /docs: the web page, the page of the API, and the JavaScript client."""

import hashlib
from functools import cache
from importlib import resources
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from app.errors import NotFound
from app.web.static_files import ASK_FIRST, FOREVER, StaticFile

STATIC = Path(__file__).parents[1] / "static"
PAGES = ("index.html", "docs.html")
VIEWER = resources.files("fastapi_swagger") / "resources"  # Swagger UI, as its project makes it
VIEWER_FILES = ("swagger-ui-bundle.js", "swagger-ui.css")


def page_router() -> APIRouter:
    """The page at `/`, that of the API at `/docs`, and their files under `/static`; those under their common digest
    never change.
    """
    contents = {path.name: path.read_bytes() for path in sorted(STATIC.iterdir())}
    digest = hashlib.sha256(b"".join(contents.values())).hexdigest()[:12]
    for name in PAGES:
        contents[name] = contents[name].replace(b"{digest}", digest.encode())
    files = {name: StaticFile.of(name, content) for name, content in contents.items()}
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def page(request: Request) -> Response:
        return files["index.html"].response(request, ASK_FIRST)

    @router.get("/docs")
    async def docs(request: Request) -> Response:
        return files["docs.html"].response(request, ASK_FIRST)

    @router.get("/docs/{name}")
    async def viewer(request: Request, name: str) -> Response:
        if name not in VIEWER_FILES:
            raise NotFound(f"there is no file {name!r} here")
        file = await run_in_threadpool(_viewer_file, name)
        return file.response(request, ASK_FIRST)

    @router.get("/static/{name:path}")
    async def static(request: Request, name: str) -> Response:
        bare = name.removeprefix(f"{digest}/")
        if bare not in files:
            raise NotFound(f"there is no file {bare!r} here")
        return files[bare].response(request, ASK_FIRST if bare == name else FOREVER)

    return router


@cache  # nobody may ever look at it, and packing it takes as long as the rest of a start
def _viewer_file(name: str) -> StaticFile:
    return StaticFile.of(name, (VIEWER / name).read_bytes())
