# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Who is measured against: found, pinned to the thread count, or named as skipped."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import shutil
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["PEERS", "Peers"]

# The libraries that the cases know how to call, by the name for --peers.
PEERS = ("numpy", "scipy", "sklearn", "fht_cpu", "torch", "torch.compile")

_DISTRIBUTIONS = {
    "numpy": "numpy",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "fht_cpu": "fht_cpu",
    "torch": "torch",
    "torch.compile": "torch",
}


class Peers:
    """The libraries at hand in this process, and why the others are not.

    Parameters
    ----------
    threads : int
        What every library is pinned to.
    wanted : sequence of str or None
        Names out of `PEERS`; None for all. "torch" brings "torch.compile" along.
    quick : bool
        Leave out "torch.compile" unless it is wanted by name.
    """

    def __init__(
        self, threads: int, wanted: Sequence[str] | None = None, *, quick: bool = False
    ) -> None:
        self.threads = threads
        self.skipped: dict[str, str] = {}
        self.torch: Any = None
        self._wanted = set(PEERS if wanted is None else wanted)
        if "torch" in self._wanted:
            self._wanted.add("torch.compile")
        for name in PEERS:
            if name not in self._wanted:
                self.skipped[name] = "not asked for"
        for name in ("scipy", "sklearn", "fht_cpu"):
            if importlib.util.find_spec(name) is None:
                self.skipped.setdefault(name, 'not installed (pip install "isokern[bench]")')
        if quick and (wanted is None or "torch.compile" not in wanted):
            reason = "compiling takes longer than a quick look (--peers torch.compile insists)"
            self.skipped.setdefault("torch.compile", reason)
        if self._wanted & {"torch", "torch.compile"}:
            self._start_torch()

    def _start_torch(self) -> None:
        if importlib.util.find_spec("torch") is None:
            for name in self._wanted & {"torch", "torch.compile"}:
                self.skipped[name] = 'not installed (pip install "isokern[torch]")'
            return
        self.torch = importlib.import_module("torch")
        self.torch.set_num_threads(self.threads)
        self.torch.set_grad_enabled(False)
        if not self.has("torch.compile"):
            return
        if not any(shutil.which(compiler) for compiler in ("g++", "clang++", "c++", "cl")):
            self.skipped["torch.compile"] = "no C++ compiler on the path"
            return
        # As a part of the configuration the thread count also becomes a part of the key under
        # which compiled code is cached: one thread's code is never run with two.
        config = importlib.import_module("torch._inductor.config")
        config.cpp.threads = self.threads

    def has(self, name: str) -> bool:
        """Say whether a library takes part."""
        return name in self._wanted and name not in self.skipped

    def forget_compiled(self) -> None:
        """Drop what was compiled for the case before: its guards would be tried at every call."""
        if self.has("torch.compile"):
            importlib.import_module("torch._dynamo").reset()

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as torch.compile makes it, for fixed shapes."""
        result: Callable[..., Any] = self.torch.compile(function, fullgraph=True, dynamic=False)
        return result

    def versions(self) -> dict[str, str]:
        """Return the version of each library that takes part."""
        return {
            name: importlib.metadata.version(_DISTRIBUTIONS[name])
            for name in PEERS
            if self.has(name)
        }
