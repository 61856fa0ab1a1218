# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""``isokern info``: what is installed, and what this machine lets it use."""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from typing import Any

from isokern.cli._console import print_table

__all__ = ["add_parser", "collect", "cpu_model"]


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "info", help="version, instruction set, threads, compiler", description=__doc__
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_run)


def cpu_model() -> str:
    """Return the processor's name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model"):
            return value.strip()
    return platform.processor() or platform.machine()


def collect() -> dict[str, Any]:
    """Return all facts by name.

    Returns
    -------
    dict
        Of strings, numbers and lists, ready for JSON.
    """
    import numpy as np

    import isokern
    from isokern import _core

    build = dict(_core.build_info())
    return {
        "version": isokern.__version__,
        "isa": isokern.active_isa(),
        "isas_built": list(build.get("isas", ())),
        "threads": isokern.get_num_threads(),
        "compiler": str(build.get("compiler", "unknown")),
        "eigen": str(build.get("eigen", "unknown")),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "cpu": cpu_model(),
        "system": f"{platform.system()} {platform.machine()}",
        "library": str(Path(str(_core.__file__)).resolve().parent),
    }


def _run(arguments: argparse.Namespace) -> int:
    facts = collect()
    if arguments.json:
        print(json.dumps(facts, indent=2))
        return 0
    rows = [
        ("version", facts["version"]),
        ("instruction set", f"{facts['isa']} (built: {', '.join(facts['isas_built'])})"),
        ("threads", str(facts["threads"])),
        ("compiler", facts["compiler"]),
        ("Eigen", facts["eigen"]),
        ("NumPy", facts["numpy"]),
        ("Python", facts["python"]),
        ("processor", facts["cpu"]),
        ("system", facts["system"]),
        ("library", facts["library"]),
    ]
    print_table("isokern", ["", ""], rows)
    return 0
