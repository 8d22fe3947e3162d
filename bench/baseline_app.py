"""The least that an upload costs in FastAPI: read the file, say its size."""

from typing import Annotated

from fastapi import FastAPI, File, UploadFile

app = FastAPI()


@app.post("/size")
async def size(file: Annotated[UploadFile, File()]) -> dict[str, int]:
    """The number of bytes in the file."""
    return {"size": len(await file.read())}
