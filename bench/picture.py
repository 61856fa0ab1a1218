# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The picture of a finished run: how much faster or slower, case by case."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["draw"]

_WIN, _LOSS, _PALE = "#2a6f97", "#bc4749", "#dddddd"
_MARKERS = "osD^vP"
_TICKS = (0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 20, 50)
_SHORT = {"float32": "f32", "float64": "f64", "bfloat16": "bf16", "float16": "f16"}

Points = list[tuple[int, float, str]]


def _rows(document: Mapping[str, Any]) -> list[tuple[str, Points]]:
    """Return label and (threads, ratio, peer) by case and mode, in the order of the run."""
    rows: dict[str, Points] = {}
    for run in document["runs"]:
        for case in run["cases"]:
            for entry in case["ratios"]:
                found = entry["like_for_like"]
                if found is None:
                    continue
                allocator = "" if run["allocator"] == "tuned" else ", default malloc"
                label = f"{case['name']}, {_SHORT[case['dtype']]}, {entry['mode']}{allocator}"
                rows.setdefault(label, []).append((run["threads"], found["ratio"], found["peer"]))
    return list(rows.items())


def _label(points: Points) -> str:
    ratios = "  ".join(f"{ratio:.2f}x" for _, ratio, _ in points)
    return f"{ratios}   {' / '.join(dict.fromkeys(peer for _, _, peer in points))}"


def draw(document: Mapping[str, Any], path: Path) -> None:
    """Write the picture.

    Parameters
    ----------
    document : mapping
        What `run.run` returned.
    path : Path
        Where to; the ending names the format.
    """
    matplotlib = importlib.import_module("matplotlib")
    matplotlib.use("Agg")
    plt = importlib.import_module("matplotlib.pyplot")
    rows = _rows(document)
    counts = sorted({threads for _, points in rows for threads, _, _ in points})
    ratios = [ratio for _, points in rows for _, ratio, _ in points] or [1.0]
    figure, axes = plt.subplots(figsize=(12, 2.0 + 0.24 * len(rows)), layout="constrained")
    for y, (_, points) in enumerate(rows):
        axes.axhline(y, color=_PALE, linewidth=0.6, zorder=0)
        for threads, ratio, _ in points:
            colour = _WIN if ratio >= 1 else _LOSS
            axes.plot([1, ratio], [y, y], color=colour, linewidth=2.5, alpha=0.35, zorder=1)
            marker = _MARKERS[counts.index(threads) % len(_MARKERS)]
            axes.plot(ratio, y, marker, color=colour, markersize=5.5, zorder=2)
    axes.set_xscale("log")
    ends = 0.85 * min(0.6, *ratios), 1.15 * max(2.0, *ratios)
    axes.set_xlim(*ends)
    axes.set_yticks(range(len(rows)), [label for label, _ in rows], fontsize=8.5)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    right = axes.secondary_yaxis("right")
    right.set_yticks(range(len(rows)), [_label(points) for _, points in rows], fontsize=8)
    for side in (axes, right):
        side.tick_params(axis="y", length=0)
        side.spines[:].set_visible(False)
    axes.axvline(1, color="#333333", linewidth=1)
    ticks = [tick for tick in _TICKS if ends[0] < tick < ends[1]]
    axes.set_xticks(ticks, [f"{tick:g}x" for tick in ticks], fontsize=8.5)
    axes.minorticks_off()
    axes.grid(axis="x", color=_PALE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel("times as fast as the best peer that does the same work")
    line = importlib.import_module("matplotlib.lines").Line2D
    handles = [
        line([], [], linestyle="", marker=_MARKERS[i % len(_MARKERS)], color="#666666",
             label=f"{count} thread{'s' * (count > 1)}")
        for i, count in enumerate(counts)
    ]  # fmt: skip
    handles += [
        line([], [], color=colour, linewidth=2.5, label=label)
        for colour, label in ((_WIN, "isokern is faster"), (_LOSS, "isokern is slower"))
    ]
    machine = document["machine"]
    figure.suptitle(
        f"isokern {machine['version']} and the best peer, as named on the right\n"
        f"{machine['cpu']}, instruction set {machine['isa']}"
        + ("; a quick look at small sizes" if document["quick"] else ""),
        x=0.01, ha="left", fontsize=11,
    )  # fmt: skip
    figure.legend(
        handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    plt.close(figure)
