# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The command line: ``isokern info | demo | bench``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from isokern.cli import bench, demo, info
from isokern.cli._console import CommandError

__all__ = ["main"]


def _parser(prog: str) -> argparse.ArgumentParser:
    from isokern import __version__

    parser = argparse.ArgumentParser(
        prog=prog,
        description="Fast, exact CPU kernels for the mathematics that preserves something.",
        epilog="python -m isokern --cmakedir | --includedir | --libdir says where the C++ "
        "package is.",
    )
    parser.add_argument("--version", action="version", version=f"isokern {__version__}")
    commands = parser.add_subparsers(metavar="command", required=True)
    for command in (info, demo, bench):
        command.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None, *, prog: str = "isokern") -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process by default.
    prog : str
        The name to show in help texts.

    Returns
    -------
    int
        The exit code: 0, or 2 where something that the command needs is not there.
    """
    arguments = _parser(prog).parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except CommandError as error:
        print(f"isokern: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print("\nisokern: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader (head, less) has seen enough
        sys.stderr.close()
        return 0
    return code
