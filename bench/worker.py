# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""One area at one thread count, in a process of its own that `run` starts.

The job comes as JSON on standard input; events go out as JSON lines on standard output.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import isokern

from .cases import TOLERANCES, Case, Competitor, load
from .peers import Peers
from .timing import CopyProbe, Effort, interleave

__all__ = ["main"]

Emit = Callable[[dict[str, Any]], None]


def _real(result: Any) -> Any:
    """Return a result as a NumPy array of float32 or float64."""
    if hasattr(result, "detach"):
        result = (result.float() if result.element_size() == 2 else result).numpy()
    array = np.asarray(result)
    return array.astype(np.float32) if array.dtype.itemsize == 2 else array


def _error(result: Any, expected: Any) -> float:
    """Return the largest difference relative to the largest entry."""
    scale = float(np.max(np.abs(expected)))
    return float(np.max(np.abs(result - expected))) / scale


def _why(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0].strip() if lines else ''}"[:200]


def _judge(
    case: Case, competitors: list[Competitor], emit: Emit
) -> tuple[list[Competitor], list[float | None], list[dict[str, str]]]:
    """Call everyone once and keep those that give isokern's answer; this is a warm-up, too.

    What isokern itself raises is not caught.
    """
    expected = None
    agreeing: list[Competitor] = []
    errors: list[float | None] = []
    left_out = []
    for competitor in competitors:
        emit({"event": "progress", "detail": f"the answer of {competitor.name}"})
        try:
            result = competitor.call()
            if not competitor.answers:
                agreeing.append(competitor)
                errors.append(None)
                continue
            if competitor.result is not None:
                result = competitor.result(result)
            values = _real(result)
        except Exception as error:
            if competitor.library == "isokern":
                raise
            left_out.append({"name": competitor.name, "reason": _why(error)})
            continue
        if expected is None:
            expected = values
        error_size = _error(values, expected)
        if error_size <= TOLERANCES[case.dtype]:
            agreeing.append(competitor)
            errors.append(error_size)
        else:
            reason = f"disagrees: relative difference {error_size:.1e}"
            if competitor.library == "isokern":
                raise RuntimeError(f"{case.name}, {competitor.mode}: {reason}")
            left_out.append({"name": f"{competitor.name}, {competitor.mode}", "reason": reason})
    return agreeing, errors, left_out


def _measure(case: Case, job: dict[str, Any], peers: Peers, emit: Emit) -> dict[str, Any]:
    peers.forget_compiled()
    emit({"event": "progress", "detail": "data"})
    competitors, errors, left_out = _judge(case, case.setup(peers), emit)
    threads = job["threads"]
    probe = CopyProbe(case.moved_bytes, threads, job["processors"])

    def progress(turn: int, turns: int) -> None:
        emit({"event": "progress", "detail": f"round {turn + 1} of up to {turns}"})

    try:
        calls: list[Callable[[], Any]] = [*(competitor.call for competitor in competitors), probe]
        effort = Effort.of(job["quick"])
        *times, copies = interleave(calls, threads=threads, effort=effort, progress=progress)
    finally:
        probe.close()
    copy_speed = probe.moved_bytes / statistics.median(copies)
    in_cache = case.moved_bytes < CopyProbe.smallest_bytes
    rows = []
    for competitor, error, seconds in zip(competitors, errors, times, strict=True):
        median = statistics.median(seconds)
        # Of a part of the work no rate is told.
        speed = case.moved_bytes / median if competitor.answers else None
        work = case.operations / median if competitor.answers and case.operations else None
        rows.append(
            {
                "name": competitor.name,
                "library": competitor.library,
                "mode": competitor.mode,
                "counts": competitor.counts,
                "difference": error,
                "median_s": median,
                "min_s": min(seconds),
                "gb_per_s": speed and speed / 1e9,
                "share_of_copy": None if in_cache else speed and speed / copy_speed,
                "gflop_per_s": work and work / 1e9,
                "times_s": seconds,
            }
        )
    return {
        "name": case.name,
        "area": case.area,
        "dtype": case.dtype,
        "shape": case.shape,
        "moved_bytes": case.moved_bytes,
        "operations": case.operations or None,
        "tolerance": TOLERANCES[case.dtype],
        "copy_gb_per_s": copy_speed / 1e9,
        "copy_times_s": copies,
        "competitors": rows,
        "left_out": left_out,
    }


def run(job: dict[str, Any], emit: Emit) -> None:
    """Measure all cases of the job."""
    emit({"event": "progress", "text": "loading the libraries"})
    peers = Peers(job["threads"], job["peers"], quick=job["quick"])
    isokern.set_num_threads(job["threads"])
    emit({"event": "peers", "versions": peers.versions(), "skipped": peers.skipped})
    wanted = str(job["case"]).lower().replace(",", " ").split()
    titled = [(f"{case.name} {case.dtype}", case) for case in load(job["area"], job["quick"])]
    chosen = [pair for pair in titled if all(word in pair[0].lower() for word in wanted)]
    for number, (title, case) in enumerate(chosen, 1):
        emit({"event": "progress", "text": f"case {number}/{len(chosen)}: {title}"})
        try:
            emit({"event": "case", "case": _measure(case, job, peers, emit)})
        except Exception as error:
            emit({"event": "failed", "case": title, "reason": _why(error)})


def main() -> int:
    """Take the job from standard input."""
    job = json.load(sys.stdin)
    # Nothing that a library prints may get between the events.
    events = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)

    def emit(event: dict[str, Any]) -> None:
        events.write(json.dumps(event) + "\n")

    run(job, emit)
    emit({"event": "done"})
    return 0


if __name__ == "__main__":
    sys.exit(main())
