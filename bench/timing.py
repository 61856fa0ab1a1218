# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The clock: warm-up, interleaved rounds, and a copy that says what the memory gives today."""

from __future__ import annotations

import gc
import itertools
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .cases import aligned_empty

__all__ = ["CopyProbe", "Effort", "interleave"]

Call = Callable[[], Any]

# Threads that wait for work go on spinning for a while after a call (OpenMP, OpenBLAS), on the
# very cores that the next competitor needs. With more than one thread we wait for them.
_SETTLE_SECONDS = 0.02

# A call as long as this brings its own data and threads back, and its noise evens out within.
_LONG_SECONDS = 1.0


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    rounds: int
    sample_seconds: float  # a sample repeats a short call until it is this long
    budget_seconds: float  # for one case; at least `fewest` rounds are made however long they take
    fewest: int
    fewest_long: int  # where a call takes a second or more

    @classmethod
    def of(cls, quick: bool) -> Effort:
        """Return the usual effort, or that of a quick look."""
        return cls(3, 3e-4, 0.5, 3, 3) if quick else cls(25, 5e-3, 20.0, 7, 3)


def _settle(free: queue.SimpleQueue[int]) -> None:
    """Take a processor: the thread that starts us is bound to one, and we would share it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(threading.get_native_id(), {free.get()})


class CopyProbe:
    """A plain copy of half of the given bytes to the other half, by as many threads.

    It moves as much as the case beside which it runs, so that both meet the same level of the
    memory.
    """

    smallest_bytes = 16 << 20  # below, caches answer and threads cost more than they bring

    def __init__(self, moved_bytes: int, threads: int, processors: Sequence[int]) -> None:
        count = max(moved_bytes, self.smallest_bytes) // 2
        self.moved_bytes = 2 * count
        self._source = aligned_empty((count,), np.uint8)
        self._target = aligned_empty((count,), np.uint8)
        self._source[...] = 1
        self._target[...] = 0
        edges = [count * part // threads // 4096 * 4096 for part in range(threads)] + [count]
        self._parts = [slice(*pair) for pair in itertools.pairwise(edges)]
        self._pool = None
        if threads > 1:
            free = queue.SimpleQueue[int]()
            for number in range(threads):
                free.put(processors[number % len(processors)])
            self._pool = ThreadPoolExecutor(threads, initializer=_settle, initargs=(free,))

    def _copy(self, part: slice) -> None:
        np.copyto(self._target[part], self._source[part])

    def __call__(self) -> npt.NDArray[np.uint8]:
        if self._pool is None:
            self._copy(self._parts[0])
        else:
            list(self._pool.map(self._copy, self._parts))
        return self._target

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()


def _seconds(call: Call, repeats: int, threads: int) -> float:
    """Return the time of one call out of a run of them.

    One thread's time is the smaller of the wall clock and the processor time: what another
    program took from us is not ours. With several threads only the wall clock means something.
    """
    cpu = time.process_time()
    wall = time.perf_counter()
    for _ in range(repeats):
        call()
    wall = time.perf_counter() - wall
    cpu = time.process_time() - cpu
    return (min(wall, cpu) if threads == 1 and cpu > 0 else wall) / repeats


def interleave(
    calls: Sequence[Call],
    *,
    threads: int,
    effort: Effort,
    progress: Callable[[int, int], None],
) -> list[list[float]]:
    """Time all calls in turn, A B A B.

    Each sample is preceded by one call that is not timed, unless it takes a second: it brings the
    call's own data and threads back after the competitors.

    Returns
    -------
    list of list of float
        Seconds by call and round; sample r of one call stands beside sample r of the others.
    """
    repeats, long = [], []
    for call in calls:
        once = _seconds(call, 1, threads)
        long.append(once > _LONG_SECONDS)
        if not long[-1]:
            once = _seconds(call, 1, threads)
        repeats.append(max(1, round(effort.sample_seconds / max(once, 1e-7))))
    times: list[list[float]] = [[] for _ in calls]
    fewest = effort.fewest_long if any(long) else effort.fewest
    start = time.perf_counter()
    collecting = gc.isenabled()
    gc.disable()
    try:
        for turn in range(effort.rounds):
            progress(turn, effort.rounds)
            for index, call in enumerate(calls):
                if threads > 1:
                    time.sleep(_SETTLE_SECONDS)
                if not long[index]:
                    call()
                times[index].append(_seconds(call, repeats[index], threads))
            used = time.perf_counter() - start
            if turn + 1 >= fewest and used > effort.budget_seconds:
                break
    finally:
        if collecting:
            gc.enable()
    return times
