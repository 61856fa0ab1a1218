# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Fast, exact CPU kernels for the mathematics that preserves something.

Lengths, angles, relative positions: each subject is a module of its own, imported when it is first
used.

=================  ===============================================================
``gaussian``       divergences between normal distributions, their moments and transport
``orthogonal``     orthogonal maps: reflections, minimal rotations, their gradients
``projection``     random maps that keep distances, the Walsh-Hadamard transform
``rope``           rotary position embedding
``reference``      the same functions as plain NumPy definitions
``torch``          twins of them for torch tensors, with autograd; needs PyTorch
``dask``           random maps of Dask arrays and bags; needs Dask
=================  ===============================================================
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from types import ModuleType

from isokern import _core as _core
from isokern._core import __version__, active_isa, get_num_threads

_MODULES = ("dask", "gaussian", "orthogonal", "projection", "reference", "rope", "torch")

__all__ = [
    "__version__",
    "active_isa",
    "get_num_threads",
    "release_memory",
    "set_num_threads",
    "threads",
    # A star must not hide torch or Dask themselves.
    *(name for name in _MODULES if name not in ("dask", "torch")),
]


def set_num_threads(n: int) -> None:
    """Set how many threads later calls may use.

    Parameters
    ----------
    n : int
        1 or more. No result depends on it.

    Raises
    ------
    TypeError
        If `n` is not an integer.
    ValueError
        If `n` is below 1.
    """
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(f"set_num_threads: n is {n!r}, expected an integer of 1 or more")
    if not 1 <= n <= 4096:
        raise ValueError(f"set_num_threads: n is {n!r}, expected an integer from 1 to 4096")
    _core.set_num_threads(n)


@contextlib.contextmanager
def threads(n: int) -> Iterator[None]:
    """Use `n` threads inside a ``with`` block, for the whole process.

    Examples
    --------
    >>> import isokern
    >>> with isokern.threads(1):
    ...     isokern.get_num_threads()
    1
    """
    before = _core.requested_threads()  # 0: as OpenMP says
    set_num_threads(n)
    try:
        yield
    finally:
        _core.set_num_threads(before)


def release_memory() -> None:
    """Give the memory that is kept for large outputs back to the system.

    Blocks of freed outputs, at most 8 and 512 MiB in all, are kept for the next large output,
    because memory that comes fresh from the system costs more than most functions here. A block
    that the next 16 large outputs have no use for is given back without being asked.
    """
    _core.release_memory()


def __getattr__(name: str) -> ModuleType:
    if name in _MODULES:
        return importlib.import_module(f"isokern.{name}")
    raise AttributeError(f"module 'isokern' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
