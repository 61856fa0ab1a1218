# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""``python -m isokern``: where the C++ files are, and otherwise the command line."""

from __future__ import annotations

import sys
from pathlib import Path

from isokern.cli import main

# The folder of the compiled module is the install prefix of a wheel. (In an editable install
# isokern.__file__ lies in the source tree, where there is nothing to link with.)
_FOLDERS = {"--cmakedir": "lib/cmake/isokern", "--includedir": "include", "--libdir": "lib"}


def _run(arguments: list[str]) -> int:
    if len(arguments) == 1 and arguments[0] in _FOLDERS:
        from isokern import _core

        folder = Path(str(_core.__file__)).resolve().parent / _FOLDERS[arguments[0]]
        if not folder.is_dir():
            print(f"isokern: {folder} is missing: this is not an installed wheel", file=sys.stderr)
            return 1
        print(folder)
        return 0
    return main(arguments, prog="python -m isokern")


if __name__ == "__main__":
    sys.exit(_run(sys.argv[1:]))
