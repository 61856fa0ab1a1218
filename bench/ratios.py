# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""How much faster isokern is than the best peer, from the samples of one case."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["paired_ratio", "ratios"]

# Against whom a mode is held: with the same kind of output first, and any kind where a new
# output and a given one are the same work.
_STRICTER = {"new output": ("new output", "out="), "out=": ("new output", "out=")}


def paired_ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """Return the median over the rounds of their time by ours, each from the same round.

    The machine's regime may change within a run, but hardly within a round.
    """
    return statistics.median(a / b for a, b in zip(theirs, ours, strict=True))


def _best(rows: Sequence[Mapping[str, Any]], modes: Sequence[str]) -> Mapping[str, Any] | None:
    peers = [
        row
        for row in rows
        if row["library"] != "isokern" and row["counts"] and row["mode"] in modes
    ]
    return min(peers, key=lambda row: float(row["median_s"]), default=None)


def _against(peer: Mapping[str, Any] | None, mine: Mapping[str, Any]) -> dict[str, Any] | None:
    if peer is None:
        return None
    return {
        "peer": peer["name"],
        "peer_mode": peer["mode"],
        "peer_median_s": peer["median_s"],
        "ratio": paired_ratio(peer["times_s"], mine["times_s"]),
        "ratio_of_minima": peer["min_s"] / mine["min_s"],
    }


def ratios(case: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return, for each mode of isokern, the ratio to the best peer like for like and to any."""
    rows = case["competitors"]
    result = []
    for mine in rows:
        if mine["library"] != "isokern" or not mine["counts"]:
            continue
        mode = mine["mode"]
        variant = mine["name"].removeprefix("isokern").lstrip(" ,")
        result.append(
            {
                "mode": f"{mode} {variant}".rstrip(),
                "median_s": mine["median_s"],
                "like_for_like": _against(_best(rows, (mode,)), mine),
                "strongest": _against(_best(rows, _STRICTER.get(mode, (mode,))), mine),
            }
        )
    return result
