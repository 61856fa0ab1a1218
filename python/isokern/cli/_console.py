# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""What the commands share: optional packages, and tables with or without rich."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["CommandError", "has", "need", "print_table", "progress_line", "say"]

_PYPI_NAMES = {"sklearn": "scikit-learn"}
_WIDTH = 160  # columns for a table that goes to a file or a pipe


class CommandError(Exception):
    """A failure to be told in one sentence, without a traceback."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


def has(module: str) -> bool:
    """Say whether a module is installed, without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def need(module: str, *, extra: str, purpose: str) -> Any:
    """Import an optional module, or say in one sentence what to install.

    Parameters
    ----------
    module : str
        The name to import.
    extra : str
        The extra of this package that brings it.
    purpose : str
        What needs it, the subject of the sentence.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        root = module.partition(".")[0]
        raise CommandError(
            f"{purpose} needs {_PYPI_NAMES.get(root, root)}, which is not installed: "
            f'pip install "isokern[{extra}]"'
        ) from error


def _console(stderr: bool = False) -> Any:
    """Return a rich console, or None where rich is missing."""
    try:
        console = importlib.import_module("rich.console")
    except ImportError:
        return None
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _WIDTH
    return console.Console(stderr=stderr, width=width, highlight=False)


def say(text: str = "", *, style: str = "") -> None:
    """Print a line, styled where rich is installed."""
    console = _console()
    if console is None:
        print(text)
    else:
        console.print(text, style=style or None, markup=False, soft_wrap=True)


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[int] = (),
    strong: Sequence[int] = (),
    sections: Sequence[int] = (),
    marks: Mapping[tuple[int, int], str] | None = None,
) -> None:
    """Print a table.

    Parameters
    ----------
    title : str
        The line above the table.
    columns : sequence of str
        The headings; all empty for none.
    rows : sequence of sequences of str
        The cells.
    right : sequence of int
        The columns that are set flush right.
    strong : sequence of int
        The rows that are printed bold.
    sections : sequence of int
        The rows after which a line is drawn.
    marks : mapping, optional
        The colour of cells, by row and column.
    """
    console = _console()
    if console is None:
        _print_plain(title, columns, rows, right=right, sections=sections)
        return
    tables = importlib.import_module("rich.table")
    boxes = importlib.import_module("rich.box")
    texts = importlib.import_module("rich.text")
    table = tables.Table(
        title=title, title_justify="left", title_style="bold", box=boxes.SIMPLE_HEAD,
        show_header=any(columns), pad_edge=False, padding=(0, 1, 0, 0),
    )  # fmt: skip
    for index, name in enumerate(columns):
        flush = index in right
        table.add_column(name, justify="right" if flush else "left", no_wrap=flush or index < 2)
    for index, row in enumerate(rows):
        colours = [(marks or {}).get((index, column), "") for column in range(len(row))]
        cells = [texts.Text(cell, style=colour) for cell, colour in zip(row, colours, strict=True)]
        table.add_row(
            *cells, style="bold" if index in strong else None, end_section=index in sections
        )
    console.print(table)


def _print_plain(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[int],
    sections: Sequence[int],
) -> None:
    lines = [list(columns), *(list(row) for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]

    def joined(line: Sequence[str]) -> str:
        cells = (
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        return "  ".join(cells).rstrip()

    print(title)
    if any(columns):
        print(joined(columns))
        print("  ".join("-" * width for width in widths))
    for index, row in enumerate(rows):
        print(joined(row))
        if index in sections and index + 1 < len(rows):
            print()
    print()


_told = ""


def progress_line(text: str, detail: str = "") -> None:
    """Show what is being done: one line that is written over, or plain lines in a log.

    Parameters
    ----------
    text : str
        What is being done; empty at the end.
    detail : str
        What of it; left out of logs.
    """
    global _told
    stream = sys.stderr
    if stream.isatty():
        width = shutil.get_terminal_size().columns - 1
        stream.write("\r\x1b[K" + ": ".join(filter(None, (text, detail)))[:width])
    elif text and text != _told:
        stream.write(text + "\n")
    _told = text
    stream.flush()
