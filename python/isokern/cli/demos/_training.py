# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""A small network that learns the digits, with weights that stay orthogonal or do not."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import isokern
from isokern.cli.demos import BLUE, RED, Data, Report, styled, torch

__all__ = ["Curves", "draw", "show", "train"]

Array = npt.NDArray[Any]

_EPOCHS, _BATCH, _RATE, _WIDTH = 10, 32, 3e-3, 64
_TESTED = 450


@dataclass
class Curves:
    """Accuracy on images that were not trained on, and max |W^T W - I|, after each epoch."""

    accuracy: list[float] = field(default_factory=list)
    deviation: list[float] = field(default_factory=list)


def _deviation(library: Any, layers: Any) -> float:
    """Return how far the weights are from orthogonal, measured in double precision."""
    worst = 0.0
    for layer in layers:
        weight = layer.weight.detach().double()
        gram = weight.T @ weight
        worst = max(worst, float((gram - library.eye(len(gram), dtype=gram.dtype)).abs().max()))
    return worst


def train(digits: Array, labels: Array, *, orthogonal: bool) -> Curves:
    """Train two layers of 64 and a last one of 10; both kinds start at the same weights."""
    library: Any = importlib.import_module("torch")
    maps: Any = importlib.import_module("isokern.torch.orthogonal")
    generator = library.Generator().manual_seed(0)
    x = library.from_numpy((digits - digits.mean(axis=0)) / 6)
    y = library.from_numpy(np.asarray(labels, np.int64))
    order = library.randperm(len(x), generator=generator)
    tested, trained = order[:_TESTED], order[_TESTED:]

    layers = []
    for seed in (1, 2):
        layer = library.nn.Linear(_WIDTH, _WIDTH)
        with library.no_grad():
            layer.weight.copy_(maps.haar(_WIDTH, seed=seed))
            layer.bias.zero_()
        layers.append(maps.orthogonalize(layer) if orthogonal else layer)
    last = library.nn.Linear(_WIDTH, 10)
    with library.no_grad():
        last.weight.copy_(0.5 * maps.haar(_WIDTH, k=10, seed=3).T)
        last.bias.zero_()
    relu = library.nn.ReLU()
    network = library.nn.Sequential(layers[0], relu, layers[1], relu, last)
    optimizer = library.optim.Adam(network.parameters(), lr=_RATE)
    schedule = library.optim.lr_scheduler.CosineAnnealingLR(optimizer, _EPOCHS)

    curves = Curves()
    for _ in range(_EPOCHS):
        shuffled = trained[library.randperm(len(trained), generator=generator)]
        for batch in shuffled.split(_BATCH):
            optimizer.zero_grad()
            library.nn.functional.cross_entropy(network(x[batch]), y[batch]).backward()
            optimizer.step()
        schedule.step()
        with library.no_grad():
            right = network(x[tested]).argmax(dim=1) == y[tested]
        curves.accuracy.append(float(right.double().mean()))
        curves.deviation.append(_deviation(library, layers))
    return curves


def draw(plt: Any, curves: tuple[Curves, Curves], colours: tuple[str, str]) -> Any:
    """Return the figure of both kinds of layer, orthogonal ones first."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    epochs = range(1, _EPOCHS + 1)
    names = ("isokern: orthogonal layers", "plain layers")
    for curve, name, colour in zip(curves, names, colours, strict=True):
        left.plot(epochs, curve.accuracy, "o-", color=colour, markersize=4, label=name)
        right.semilogy(epochs, curve.deviation, "o-", color=colour, markersize=4, label=name)
    left.set(title="Accuracy on 450 other images", xlabel="epoch", xticks=epochs)
    right.set(title="max |WᵀW − I| of the two layers", xlabel="epoch", xticks=epochs)
    right.set_ylim(1e-8, 1e1)
    left.legend(loc="lower right")
    return figure


@styled
def _save(plt: Any, curves: tuple[Curves, Curves], path: Path) -> Path:
    figure = draw(plt, curves, (BLUE, RED))
    figure.savefig(path)
    plt.close(figure)
    return path


def show(data: Data, folder: Path, report: Report) -> None:
    """Train both, where torch is installed."""
    library = torch()
    if library is None:
        report.notes.append(
            'training an orthogonal layer needs torch: pip install "isokern[torch]"'
        )
        return
    before = library.get_num_threads()
    library.set_num_threads(1)  # the matrices are too small to share
    try:
        with isokern.threads(1):
            ours = train(data.digits, data.labels, orthogonal=True)
            plain = train(data.digits, data.labels, orthogonal=False)
    finally:
        library.set_num_threads(before)
    for epoch in range(_EPOCHS):
        text = f"epoch {epoch + 1:>2}: accuracy {ours.accuracy[epoch]:.1%}"
        text += f" (plain layers {plain.accuracy[epoch]:.1%}), max |W^T W - I|"
        values = f"{ours.deviation[epoch]:.1e} ({plain.deviation[epoch]:.1e})"
        report.kept.append(("" if epoch else "digits, orthogonal layers", text, values))
    report.pictures.append(_save((ours, plain), folder / "orthogonal-training.png"))
