# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""``isokern bench``: head to head with NumPy, SciPy and torch, by the rules of bench/README.md."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

from isokern.cli._console import CommandError, need, progress_line, say

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "bench", help="head to head with NumPy, SciPy and torch", description=__doc__
    )
    parser.add_argument("areas", nargs="*", metavar="area", help="all by default")
    parser.add_argument(
        "--threads", default="", help="thread counts, as in 1,2 (default: 1 and all)"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run?")
    parser.add_argument("--peers", default=None, help="as in numpy,torch (default: all installed)")
    parser.add_argument(
        "--case",
        default="",
        metavar="WORDS",
        help="only cases with all of these words in name or dtype",
    )
    parser.add_argument(
        "--allocator",
        choices=("tuned", "default", "both"),
        default="tuned",
        help="tuned malloc (the strong baseline), the default one, or both",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all times")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the ratios (PNG, SVG, PDF)")
    parser.add_argument("--summary", action="store_true", help="print the ratios only")
    parser.set_defaults(run=_run)


def _threads(text: str) -> list[int]:
    import isokern

    if not text:
        return sorted({1, isokern.get_num_threads()})
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = [0]
    if min(counts) < 1:
        raise CommandError(f"--threads {text}: expected counts of at least 1, as in 1,2")
    return list(dict.fromkeys(counts))


def _known(words: list[str], known: tuple[str, ...], what: str) -> list[str]:
    for word in words:
        if word not in known:
            raise CommandError(f"{what} {word!r} is not known: expected {', '.join(known)}")
    return list(dict.fromkeys(words))


def _run(arguments: argparse.Namespace) -> int:
    # The benchmarks lie beside the package in the source tree and are installed into it.
    try:
        run = importlib.import_module("isokern.bench.run")
    except ModuleNotFoundError as error:
        raise CommandError("the benchmarks are not part of this installation") from error
    report = importlib.import_module("isokern.bench.report")
    picture = importlib.import_module("isokern.bench.picture")
    if arguments.plot is not None:  # before the measuring, not after it
        need("matplotlib", extra="bench", purpose="isokern bench --plot")
    areas = _known(arguments.areas, run.AREAS, "area") or run.AREAS
    peers = None
    if arguments.peers is not None:
        words = [word for word in arguments.peers.split(",") if word]
        peers = _known(words, run.PEERS, "peer")
    allocator = arguments.allocator
    request = run.Request(
        areas=areas,
        threads=_threads(arguments.threads),
        quick=arguments.quick,
        peers=peers,
        case=arguments.case,
        allocators=run.ALLOCATORS if allocator == "both" else (allocator,),
    )
    document = run.run(request, progress_line)
    if not any(entry["cases"] or entry["failed"] for entry in document["runs"]):
        raise CommandError(f"no case has the words {arguments.case!r}")
    report.show(document, details=not arguments.summary)
    if arguments.json is not None:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        say(f"all times: {arguments.json}")
    if arguments.plot is not None:
        picture.draw(document, arguments.plot)
        say(f"picture: {arguments.plot}")
    failed = any(entry["failed"] for entry in document["runs"])
    if failed:
        print("isokern: some cases failed, see above", file=sys.stderr)
    return 1 if failed else 0
