# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""``isokern demo``: every area at work on real data, in under a minute."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from isokern.cli._console import CommandError, need, print_table, progress_line, say

__all__ = ["AREAS", "add_parser"]

# A new area adds its word here and a module of that name in demos/.
AREAS = ("orthogonal", "projection", "rope", "gaussian")


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "demo", help="see it at work on real data, with pictures", description=__doc__
    )
    parser.add_argument(
        "--output", type=Path, default=Path("isokern-demo"), metavar="DIR",
        help="the folder for the pictures (default: isokern-demo)",
    )  # fmt: skip
    parser.add_argument(
        "--area", action="append", choices=AREAS, help="only this area; may be repeated"
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    for module in ("sklearn", "matplotlib"):
        need(module, extra="demo", purpose="isokern demo")
    from isokern.cli import demos, info

    start = time.perf_counter()
    folder: Path = arguments.output
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"--output {folder}: {error.strerror}") from error
    facts = info.collect()
    plural = "thread" if facts["threads"] == 1 else "threads"
    say(
        f"isokern {facts['version']}, instruction set {facts['isa']}, {facts['threads']} {plural}\n"
    )
    progress_line("reading the data")
    data = demos.load_data()
    progress_line("")
    for note in data.notes:
        say(note)
    pictures = []
    for area in dict.fromkeys(arguments.area or AREAS):
        progress_line(f"{area} ...")
        report = demos.load(area).run(data, folder)
        progress_line("")
        say(f"\n{report.heading}", style="bold")
        print_table("What was kept", ["", "", ""], report.kept, right=(2,))
        print_table(
            "Against the definition in isokern.reference (extended precision)",
            ["", "vectors", "largest error"], report.errors, right=(1, 2),
        )  # fmt: skip
        print_table(
            "Time", ["", "with", "ms", "isokern is"], report.times, right=(2, 3),
            strong=[i for i, row in enumerate(report.times) if row[1] == "isokern"],
        )  # fmt: skip
        for note in report.notes:
            say(note)
        pictures += report.pictures
    say("Times are the best of a few calls; isokern bench is the comparison with care taken.\n")
    say("Pictures")
    for picture in pictures:
        say(f"  {picture}")
    say(f"\nDone in {time.perf_counter() - start:.0f} seconds.")
    return 0
