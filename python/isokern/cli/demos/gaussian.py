# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Ten normal distributions of digits: how far apart they are, and the way from one to another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isokern import gaussian, reference
from isokern.cli.demos import Data, Report, compare, styled, torch

__all__ = ["run"]

Array = npt.NDArray[Any]

_NOISE = 1.0  # variance added to each pixel, some of which never change
_METRICS = {"kl": "KL(row | column)", "bhattacharyya": "Bhattacharyya", "wasserstein2": "W2"}
_FROM, _TO, _STEPS = 3, 8, 7


def _classes(data: Data) -> tuple[Array, Array]:
    """Return the mean and the covariance of each digit's images."""
    means, covs = [], []
    for digit in range(10):
        moments = gaussian.Moments(64).update(data.digits[data.labels == digit].astype(np.float64))
        means.append(moments.mean)
        covs.append(moments.cov() + _NOISE * np.eye(64))
    return np.stack(means), np.stack(covs)


@styled
def _matrices(plt: Any, distances: dict[str, Array], folder: Path) -> Path:
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), layout="constrained")
    for axis, (metric, matrix) in zip(axes, distances.items(), strict=True):
        image = axis.imshow(matrix, cmap="viridis")
        axis.set_title(_METRICS[metric])
        axis.set_xticks(range(10))
        axis.set_yticks(range(10))
        axis.grid(False)
        figure.colorbar(image, ax=axis, shrink=0.8)
    path = folder / "gaussian-distances.png"
    figure.savefig(path)
    plt.close(figure)
    return path


@styled
def _way(plt: Any, rows: list[Array], folder: Path) -> Path:
    figure, axes = plt.subplots(len(rows), _STEPS, figsize=(9, 1.35 * len(rows)))
    for line, images in zip(axes, rows, strict=True):
        for axis, image in zip(line, images, strict=True):
            axis.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
            axis.set_axis_off()
    figure.suptitle(
        f"From {_FROM} to {_TO}: the mean of the barycentre, and three images carried along"
    )
    path = folder / "gaussian-barycentre.png"
    figure.savefig(path)
    plt.close(figure)
    return path


def _transported(data: Data, means: Array, covs: Array) -> list[Array]:
    """Return the means of barycentres, and images on their way along the Monge map."""
    t = np.linspace(0, 1, _STEPS)
    ends = [_FROM, _TO]
    barycentres = [
        gaussian.barycenter(means[ends], covs[ends], [1 - weight, weight])[0] for weight in t
    ]
    some = data.digits[data.labels == _FROM][:3].astype(np.float64)
    there = gaussian.monge_map(means[_FROM], covs[_FROM], means[_TO], covs[_TO], some)
    carried = [
        [(1 - weight) * x + weight * y for weight in t] for x, y in zip(some, there, strict=True)
    ]
    return [np.stack(barycentres), *(np.stack(images) for images in carried)]


def _errors(means: Array, covs: Array) -> list[tuple[str, str, str]]:
    rows = []
    given = means[:3, :20], covs[:3, :20, :20], means[3:6, :20], covs[3:6, :20, :20]
    for metric in _METRICS:
        got = getattr(gaussian, metric)(*given)
        exact = getattr(reference.gaussian, metric)(*given)
        error = float(np.max(np.abs(got - exact) / exact))
        rows.append((metric, "3 pairs, 20 pixels", f"{error:.0e} of the value"))
    return rows


def _times(means: Array, covs: Array) -> list[tuple[str, str, str, str]]:
    calls = {"isokern": lambda: gaussian.pairwise("kl", means, covs)}
    library = torch()
    if library is not None:
        normal = library.distributions.MultivariateNormal
        m, s = library.from_numpy(means), library.from_numpy(covs)

        def divergence() -> Any:
            p, q = normal(m[:, None], s[:, None]), normal(m, s)
            return library.distributions.kl_divergence(p, q)

        calls["torch.distributions"] = divergence
    return compare("KL of all pairs, 64 pixels", calls)


def run(data: Data, folder: Path) -> Report:
    """Compare the digits' distributions, and move between two of them."""
    means, covs = _classes(data)
    report = Report("Normal distributions of digits")
    distances = {metric: gaussian.pairwise(metric, means, covs) for metric in _METRICS}
    report.pictures.append(_matrices(distances, folder))
    report.pictures.append(_way(_transported(data, means, covs), folder))
    for metric, matrix in distances.items():
        apart = matrix + np.diag(np.full(10, np.inf))
        i, j = np.unravel_index(int(np.argmin(apart)), apart.shape)
        report.kept.append((f"closest by {_METRICS[metric]}", f"{i} and {j}", f"{apart[i, j]:.3g}"))
        zero = float(np.max(np.abs(np.diag(matrix))))
        report.kept.append((f"{_METRICS[metric]} to itself", "", f"{zero:.3g}"))
    t, _ = gaussian.monge_map(means[_FROM], covs[_FROM], means[_TO], covs[_TO])
    gap = np.linalg.norm(t @ covs[_FROM] @ t - covs[_TO]) / np.linalg.norm(covs[_TO])
    report.kept.append(
        (f"covariance after the map {_FROM} to {_TO}", "relative error", f"{gap:.0e}")
    )
    if data.words is not None:
        half = len(data.words) // 2
        distance = gaussian.frechet_distance(data.words[:half], data.words[half:])
        text = f"2 x {half:,} vectors"
        report.kept.append(
            ("Fréchet distance of the word vectors' halves", text, f"{distance:.4g}")
        )
    report.errors = _errors(means, covs)
    report.times = _times(means, covs)
    return report
