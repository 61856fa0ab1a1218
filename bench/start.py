# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Start a worker with the OpenBLAS of NumPy and of SciPy loaded first.

OpenMP binds the thread that loads it to the first core. OpenBLAS, when it is loaded after that,
finds one core and makes no threads: NumPy and SciPy would compute with one thread whatever they are
told. Loaded before, it makes its threads, and each is given a core here, as OpenMP's have theirs.

This is run as a script: in the package it would load isokern, and OpenMP with it, before its first
line. The argument is the worker's module.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path


def _threads() -> set[int]:
    """Return this process's threads, by the numbers that Linux gives them."""
    folder = Path("/proc/self/task")
    return {int(path.name) for path in folder.iterdir()} if folder.is_dir() else set()


def _load(module: str) -> None:
    """Import a module, and bind the threads that it starts to the cores after the first."""
    before = _threads()
    importlib.import_module(module)
    if not hasattr(os, "sched_setaffinity"):
        return
    processors = sorted(os.sched_getaffinity(0))
    for number, thread in enumerate(sorted(_threads() - before), 1):
        os.sched_setaffinity(thread, {processors[number % len(processors)]})


def main() -> int:
    """Load and start."""
    sys.path.pop(0)  # this folder, whose names are those of a package's modules
    for module in ("numpy", "scipy.linalg"):
        if importlib.util.find_spec(module.partition(".")[0]) is not None:
            _load(module)
    code: int = importlib.import_module(sys.argv[1]).main()
    return code


if __name__ == "__main__":
    sys.exit(main())
