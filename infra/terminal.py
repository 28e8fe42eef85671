"""Text of the commands of a stack: wrapped between words on a terminal, whole lines elsewhere."""

from rich.console import Console
from rich.table import Table
from rich.text import Text


def print_text(text: str, *, err: bool = False) -> None:
    """Print text to standard output or, if ``err``, to standard error."""
    console = Console(stderr=err)
    console.print(text, markup=False, highlight=False, soft_wrap=not console.is_terminal)


def print_labeled(label: str, text: str, console: Console, *, label_width: int, style: str = "") -> None:
    """Print a label and a text. On a terminal, the further lines of the text are below its first line."""
    if not console.is_terminal:
        console.print(f"{label:<{label_width}}{text}", markup=False, highlight=False, soft_wrap=True)
        return
    grid = Table.grid()
    grid.add_column(width=label_width)
    grid.add_column(overflow="fold")
    grid.add_row(Text(label, style=style), Text(text))
    console.print(grid)
