"""What the commands write with: text is shown as it is, whatever in it looks like markup or steers a terminal."""

from typing import Any

from rich.console import Console
from rich.progress import Task, TextColumn
from rich.text import Text

from app.safe_text import printable


class PlainConsole(Console):
    """A console to which square brackets and control characters in a string are text."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, emoji=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """rich asks this for every string that it prints, cells and titles of tables too."""
        return super().render_str(printable(text), **options)


class PlainColumn(TextColumn):
    """The same for a part of a progress bar: a template with fields of the task."""

    def render(self, task: Task) -> Text:
        """rich asks this at every look."""
        return Text(printable(self.text_format.format(task=task)))


def styled(text: str, style: str) -> Text:
    """A text of one colour or weight, for a part of a line or a cell."""
    return Text(printable(text), style)


console = PlainConsole()
errors = PlainConsole(stderr=True)
