# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Plan the measurements and run each in a process whose environment is set for it."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isokern.cli import info

from .cases import AREAS
from .peers import PEERS
from .ratios import ratios

__all__ = ["ALLOCATORS", "Request", "environment", "run"]

Progress = Callable[[str, str], None]

ALLOCATORS = ("tuned", "default")

# Pinning, by every name that some library obeys.
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
)  # fmt: skip

# A team's threads stay on cores of their own. Left to the scheduler, two of them may wake on one
# core, where the one that waits spins in the way of the other for a time slice or more. OpenBLAS's
# threads, which `start` places, spin for 2^24 ticks, less than the pause before a sample (see
# `timing`); by default it is 2^26 or more.
_SETTINGS = {
    "OMP_PROC_BIND": "true", "OMP_PLACES": "cores", "OMP_DYNAMIC": "false",
    "OPENBLAS_THREAD_TIMEOUT": "24", "MKL_DYNAMIC": "false", "NUMPY_MADVISE_HUGEPAGE": "1",
}  # fmt: skip

# Large results come from the heap, in huge pages, and stay with the process when they are freed:
# no page is faulted in twice. (glibc; others ignore the variable.)
_KEEP = 1 << 34
_TUNABLES = ":".join(
    (
        "glibc.malloc.hugetlb=1",
        f"glibc.malloc.mmap_threshold={_KEEP}",
        f"glibc.malloc.trim_threshold={_KEEP}",
    )
)


@dataclass(frozen=True)
class Request:
    """What to measure."""

    areas: Sequence[str] = AREAS
    threads: Sequence[int] = (1,)
    quick: bool = False
    peers: Sequence[str] | None = None
    case: str = ""
    allocators: Sequence[str] = ("tuned",)


def environment(threads: int, allocator: str, base: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for one thread count and allocator."""
    result = dict(base)
    for name in ("OPENBLAS_CORETYPE", "GLIBC_TUNABLES", "OMP_WAIT_POLICY"):
        result.pop(name, None)
    result.update({name: str(threads) for name in _THREAD_VARIABLES})
    result.update(_SETTINGS)
    if allocator == "tuned":
        result["GLIBC_TUNABLES"] = _TUNABLES
    # Compiled peers are kept between runs; the thread count is part of their key.
    folder = Path(tempfile.gettempdir()) / f"isokern-bench-{getattr(os, 'getuid', int)()}"
    result.setdefault("TORCHINDUCTOR_CACHE_DIR", str(folder))
    return result


def _processors() -> list[int]:
    """Return the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _commit() -> str | None:
    """Return the commit of the checkout that this file lies in, if it lies in one."""
    folder = Path(__file__).resolve().parent
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        inside = subprocess.run(
            ["git", "-C", str(folder), "ls-files", "--error-unmatch", Path(__file__).name],
            capture_output=True, check=False,
        )  # fmt: skip
        if inside.returncode != 0:
            return None
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _child(job: dict[str, Any], allocator: str, progress: Progress, label: str) -> dict[str, Any]:
    """Run one worker to its end and return what it found."""
    result: dict[str, Any] = {
        "area": job["area"], "threads": job["threads"], "allocator": allocator,
        "versions": {}, "skipped": {}, "cases": [], "failed": [],
    }  # fmt: skip
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log,
        subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("start.py")), f"{__package__}.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment(job["threads"], allocator, os.environ),
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        finished, text = False, ""
        try:
            process.stdin.write(json.dumps(job))
            process.stdin.close()
            for line in process.stdout:
                event = json.loads(line)
                kind = event.pop("event")
                if kind == "progress":
                    text = event.get("text", text)
                    progress(f"{label}: {text}", event.get("detail", ""))
                elif kind == "peers":
                    result.update(event)
                elif kind == "case":
                    case = event["case"]
                    result["cases"].append(case | {"ratios": ratios(case)})
                elif kind == "failed":
                    result["failed"].append(event)
                finished = finished or kind == "done"
        except BrokenPipeError:
            pass  # it died before it read the job: told below
        except BaseException:
            process.kill()
            raise
        code = process.wait()
        if not finished:
            log.seek(0)
            last = [line for line in log.read().splitlines() if line.strip()][-1:]
            reason = f"the process ended with code {code}: {' '.join(last)}"
            result["failed"].append({"case": "all further cases", "reason": reason})
    return result


def _machine() -> dict[str, Any]:
    """Return what `isokern info` says, less the place on this disk."""
    facts = info.collect() | {"processors": len(_processors())}
    return {name: fact for name, fact in facts.items() if name != "library"}


def run(request: Request, progress: Progress = lambda _text, _detail: None) -> dict[str, Any]:
    """Measure and return everything, ready for JSON.

    Parameters
    ----------
    request : Request
        What to measure.
    progress : callable
        Is told in a few words what is being done, and what of it.
    """
    jobs = [
        (area, count, allocator)
        for area in request.areas
        for allocator in request.allocators
        for count in request.threads
    ]
    runs = []
    for number, (area, count, allocator) in enumerate(jobs, 1):
        job = {
            "area": area,
            "threads": count,
            "quick": request.quick,
            "peers": None if request.peers is None else list(request.peers),
            "case": request.case,
            "processors": _processors(),
        }
        plural = "thread" if count == 1 else "threads"
        label = f"[{number}/{len(jobs)}] {area}, {count} {plural}, {allocator} allocator"
        runs.append(_child(job, allocator, progress, label))
    progress("", "")
    return {
        "schema": 1,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": _machine(),
        "peers": {name: version for entry in runs for name, version in entry["versions"].items()},
        "known_peers": list(PEERS),
        "quick": request.quick,
        "case_filter": request.case,
        "tuned_allocator": _TUNABLES,
        "runs": runs,
    }
