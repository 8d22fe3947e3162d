"""fitserve generate: a text is continued in the terminal, word by word."""

import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor

from app.cli.terminal import errors
from app.families.generation import Generator
from app.printable import printable
from app.serving.batcher import Cost
from app.serving.generation import Generation
from app.serving.telling import Wish


async def write(generator: Generator, text: str, wish: Wish) -> None:
    """Write the text and each word after it as it comes; what was not known goes to standard error."""
    text = unicodedata.normalize("NFC", text).strip()
    prompt = generator.read(text)
    if prompt.ignored:
        errors.print(f"not known, so ignored: {', '.join(prompt.ignored)}", style="yellow")
    if len(prompt.tokens) == 1:
        errors.print("no known word: continued as at the beginning of a line", style="yellow")
    _put(text)
    with ThreadPoolExecutor(1) as threads:
        generation = Generation(generator, threads, max_batch=1, max_waiting=1, cost=Cost(fixed=0.0))
        await generation.submit(prompt, wish, lambda word: _put(f" {word.text}")).done
    _put("\n")


def _put(text: str) -> None:
    sys.stdout.write(printable(text))
    sys.stdout.flush()
