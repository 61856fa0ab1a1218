# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""The tables of a finished run; `picture` draws it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from isokern.cli._console import print_table, say

__all__ = ["show"]

Run = Mapping[str, Any]
Rows = list[list[str]]


def _time(seconds: float) -> str:
    milliseconds = 1e3 * seconds
    return f"{milliseconds:.3g}" if milliseconds < 100 else f"{milliseconds:.0f}"


def _groups(document: Mapping[str, Any]) -> Iterator[tuple[str, str, list[Run]]]:
    """Yield area, allocator, and the runs of them by thread count."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in document["runs"]:
        if run["cases"]:
            groups.setdefault((run["area"], run["allocator"]), []).append(run)
    for (area, allocator), runs in groups.items():
        yield area, allocator, runs


def _key(case: Mapping[str, Any]) -> tuple[str, str, str]:
    return case["name"], case["dtype"], case["shape"]


def _by_case(runs: Sequence[Run]) -> dict[tuple[str, str, str], list[Mapping[str, Any] | None]]:
    """Return the cases, each with one entry a run (None where it is missing)."""
    keys = dict.fromkeys(_key(case) for run in runs for case in run["cases"])
    found: dict[tuple[str, str, str], list[Mapping[str, Any] | None]] = {}
    for key in keys:
        found[key] = [next((c for c in run["cases"] if _key(c) == key), None) for run in runs]
    return found


def _row(case: Mapping[str, Any] | None, name: str, mode: str) -> Mapping[str, Any] | None:
    if case is None:
        return None
    rows = case["competitors"]
    return next((row for row in rows if (row["name"], row["mode"]) == (name, mode)), None)


def _cells(case: Mapping[str, Any] | None, row: Mapping[str, Any] | None, wide: bool) -> list[str]:
    """Return median, minimum, the rate and, if `wide`, the share of the copy's."""
    if case is None or row is None:
        return ["-"] * (4 if wide else 3)
    rate, share = row["gb_per_s" if wide else "gflop_per_s"], row["share_of_copy"]
    cells = [_time(row["median_s"]), _time(row["min_s"]), "-" if rate is None else f"{rate:.3g}"]
    return [*cells, "-" if share is None else f"{share:.0%}"] if wide else cells


def _detail(cases: Sequence[Mapping[str, Any] | None], wide: bool) -> Rows:
    names = dict.fromkeys(
        (row["name"], row["mode"]) for case in cases if case for row in case["competitors"]
    )
    rows = []
    # The fastest at the last thread count comes first, whoever it is.
    order = {
        pair: (row["median_s"] if (row := _row(cases[-1], *pair)) is not None else float("inf"))
        for pair in names
    }
    for name, mode in sorted(names, key=order.__getitem__):
        cells = [cell for case in cases for cell in _cells(case, _row(case, name, mode), wide)]
        rows.append([name, mode, *cells])
    if not wide:
        return rows
    copies = [
        cell
        for case in cases
        for cell in (["", "", f"{case['copy_gb_per_s']:.3g}", "100%"] if case else ["-"] * 4)
    ]
    return [*rows, ["a plain copy", "", *copies]]


def _details(area: str, allocator: str, runs: Sequence[Run]) -> None:
    for key, cases in _by_case(runs).items():
        # Where arithmetic is the limit, the copy says nothing.
        wide = not any(case and case.get("operations") for case in cases)
        rates = ["GB/s", "of copy"] if wide else ["GFLOP/s"]
        headings = [""] * 2
        for run in runs:
            headings += [f"ms, {run['threads']} thr.", "min", *rates]
        rows = _detail(cases, wide)
        name, dtype, shape = key
        print_table(
            f"{area}: {name}, {dtype}, {shape} ({allocator} allocator)",
            headings,
            rows,
            right=range(2, len(headings)),
            strong=[i for i, row in enumerate(rows) if row[0] == "isokern"],
        )
        for case, run in zip(cases, runs, strict=True):
            for entry in case["left_out"] if case else ():
                say(f"  left out at {run['threads']} thr.: {entry['name']}: {entry['reason']}")


def _ratio_cells(entry: Mapping[str, Any] | None) -> list[str]:
    """Return time and ratios of one mode at one thread count."""
    if entry is None:
        return ["-", "-", "-"]
    against = (entry["like_for_like"], entry["strongest"])
    words = ["no peer" if found is None else f"{found['ratio']:.2f}x" for found in against]
    return [_time(entry["median_s"]), *words]


def _summary(document: Mapping[str, Any]) -> None:
    """Print the ratios, wins and losses alike."""
    for area, allocator, runs in _groups(document):
        rows: Rows = []
        sections = []
        for (name, dtype, _), cases in _by_case(runs).items():
            by_mode: dict[str, list[Mapping[str, Any] | None]] = {}
            for index, case in enumerate(cases):
                for entry in case["ratios"] if case else ():
                    by_mode.setdefault(entry["mode"], [None] * len(cases))[index] = entry
            for mode, entries in by_mode.items():
                cells = [cell for entry in entries for cell in _ratio_cells(entry)]
                found = [entry["like_for_like"] for entry in entries if entry]
                peers = dict.fromkeys(peer["peer"] for peer in found if peer)
                label = "" if rows and len(rows) - 1 not in sections else f"{name}, {dtype}"
                rows.append([label, mode, *cells, " / ".join(peers)])
            sections.append(len(rows) - 1)
        headings = ["", ""]
        for run in runs:
            headings += [f"ms, {run['threads']} thr.", "faster", "any"]
        marks = {
            (i, j): "green" if float(cell[:-1]) >= 1 else "red"
            for i, row in enumerate(rows)
            for j, cell in enumerate(row[:-1])
            if cell.endswith("x") and cell[0].isdigit()
        }
        print_table(
            f"{area}: how many times faster isokern is than the best peer ({allocator} allocator)",
            [*headings, "best peer like for like (any: of all modes)"], rows,
            right=range(2, len(headings)), sections=sections, marks=marks,
        )  # fmt: skip


def show(document: Mapping[str, Any], *, details: bool = True) -> None:
    """Print the tables: every competitor by case, then the ratios."""
    machine = document["machine"]
    say()
    if details:
        for group in _groups(document):
            _details(*group)
    _summary(document)
    say(f"{machine['cpu']}, {machine['isa']}, isokern {machine['version']}", style="dim")
    versions = ", ".join(f"{name} {version}" for name, version in document["peers"].items())
    if versions:
        say(f"peers: {versions}", style="dim")
    skipped = {k: v for run in document["runs"] for k, v in run["skipped"].items()}
    for name, reason in skipped.items():
        say(f"skipped: {name}: {reason}")
    for run in document["runs"]:
        for entry in run["failed"]:
            where = f"{run['area']}, {run['threads']} thr.: {entry['case']}"
            say(f"failed: {where}: {entry['reason']}", style="bold red")
