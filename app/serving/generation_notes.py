"""Remarks: what a continuation's caller should know, above all why there is little or nothing of it."""

from collections.abc import Sequence

from app.families.generation import Generator, Prompt
from app.serving.word_stream import WordGeneration

MAX_NAMED_WORDS = 10  # of the unknown ones that are named


def generation_notes(generator: Generator, prompt: Prompt, generation: WordGeneration) -> list[str]:
    """Sentences; none where everything was known and something came."""
    return [*_about_prompt(generator, prompt), *_about_end(generation)]


def _about_prompt(generator: Generator, prompt: Prompt) -> Sequence[str]:
    notes = []
    if prompt.unknown_scripts:
        known, unknown = " and ".join(generator.scripts) or "no letters", ", ".join(prompt.unknown_scripts)
        notes.append(f"The model has learned {known}, but not {unknown}: what follows has little to do with that.")
    if prompt.unknown_words:
        more = ", …" * (len(prompt.unknown_words) > MAX_NAMED_WORDS)
        notes.append(f"It does not know and ignored: {', '.join(prompt.unknown_words[:MAX_NAMED_WORDS])}{more}.")
        if len(prompt.tokens) == 1:
            notes.append("No word of the beginning is known, so the text begins like a new line.")
    return notes


def _about_end(generation: WordGeneration) -> Sequence[str]:
    if generation.words:
        return []
    if generation.stopped == "end_of_line":
        return [
            "No word came: the model ended the line at once, as if the beginning were all of it. "
            "Another beginning, or a temperature above 0, may be continued."
        ]
    return ["No word came: what the model wrote are no readable characters."]
