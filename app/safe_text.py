"""Text from outside, made harmless for a terminal: what would steer it, or cannot be written, is spelt out."""

import re

UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # all but tabs and line ends


def printable(text: str) -> str:
    """The same text with control characters and halves of characters as escapes, such as `\\x1b`."""
    return UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text.replace("\r\n", "\n"))
