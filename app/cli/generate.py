"""fitserve generate: a text is continued in the terminal, word by word."""

import sys
from concurrent.futures import ThreadPoolExecutor

from app.cli.terminal import errors
from app.errors import InvalidRequest
from app.families.generation import Generator
from app.safe_text import printable
from app.serving.batcher import Cost
from app.serving.generation import Generation
from app.serving.generation_notes import remarks
from app.serving.word_stream import Wish


async def write(generator: Generator, text: str, wish: Wish) -> None:
    """Write the text and each word after it as it comes; what should be known of them goes to standard error.

    Raises InvalidRequest for a text that the terminal sent in another encoding than this one's.
    """
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidRequest(f"the text is not {sys.getfilesystemencoding().upper()}, which the terminal should send")
    prompt = generator.read(text)
    _put(prompt.text.strip())
    with ThreadPoolExecutor(1) as threads:
        generation = Generation(generator, threads, max_batch=1, max_waiting=1, cost=Cost(fixed=0.0))
        telling = await generation.submit(prompt, wish, lambda word: _put(f" {word.text}")).done
    _put("\n")
    for remark in remarks(generator, prompt, telling):
        errors.print(remark, style="yellow")


def _put(text: str) -> None:
    sys.stdout.write(printable(text))
    sys.stdout.flush()
