# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Rounding errors of factorisations and of Q beside those of LAPACK, up to size 1024.

``python -m pytest -s tests/python/test_accuracy.py`` prints the tables of docs/accuracy.md. Errors
are lengths (Frobenius norms) in units of eps, sqrt(n) and the length of what is approximated.
"""

import numpy as np
import pytest
from support import FLOATS, column_norm, eps

from isokern import orthogonal

linalg = pytest.importorskip("scipy.linalg")

SIZES = (4, 8, 16, 32, 64, 128, 256, 512, 1024)
MEASURES = {
    "QᵀQ − 1": 5.0,  # what isokern must stay below, whatever LAPACK does
    "A − QR": 1.0,
    "worst column of A − QR": 1.5,
    "Q x": 1.0,
}
FACTOR, SLACK = 1.5, 0.25  # of LAPACK's error
COLUMNS = 32  # that are looked at in a large matrix


def length(x):
    """Return the Frobenius norm."""
    return float(np.sqrt(np.sum(np.square(x, dtype=np.longdouble))))


def product(a, b):
    """Return a b with errors far below those of the dtype."""
    wider = np.float64 if a.dtype == np.float32 else np.longdouble
    return a.astype(wider, order="C") @ b.astype(wider)


def applied(v, tau, x):
    """Return H_1 ... H_k x, one reflector after the other in long double."""
    v, x = v.astype(np.longdouble), x.astype(np.longdouble)
    for i in reversed(range(v.shape[1])):
        x -= v[:, i, None] * (tau[i] * (v[:, i] @ x))
    return x


def factored(a):
    """Return LAPACK's reflectors and factors, its Q and R, and a function that applies Q."""
    names = ("geqrf", "orgqr", "ormqr")
    geqrf, orgqr, ormqr = linalg.get_lapack_funcs(names, (a,))
    work = 64 * len(a)
    packed, tau, _, info = geqrf(a, lwork=work)
    q, _, other = orgqr(packed, tau, lwork=work)
    assert info == other == 0
    return packed, tau, q, np.triu(packed), lambda x: ormqr("L", "N", packed, tau, x, work)[0]


def measured(dtype, n, rng):
    """Return the errors of isokern and of LAPACK, by the names of MEASURES."""
    a = rng.standard_normal((n, n)).astype(dtype)
    x = rng.standard_normal((n, 8)).astype(dtype)
    packed, tau, lapack_q, lapack_r, apply = factored(a)
    unit = eps(dtype) * np.sqrt(n)
    exact = applied(np.tril(packed, -1) + np.eye(n, dtype=dtype), tau, x)
    ours = orthogonal.apply_reflectors(packed, x, tau=tau, storage="lapack")
    errors = {name: [] for name in MEASURES}
    sample = np.unique(np.linspace(0, n - 1, COLUMNS).astype(int))
    for (q, r), image in zip(
        (orthogonal.qr(a), (lapack_q, lapack_r)), (ours, apply(x)), strict=True
    ):
        assert q.dtype == r.dtype == image.dtype == dtype
        gram = product(q.T, q[:, sample]) - np.eye(n)[:, sample]
        residual = a[:, sample] - product(q, r[:, sample])
        each = (
            length(gram) / np.sqrt(len(sample) / n) / unit,
            length(residual) / length(a[:, sample]) / unit,
            float(np.max(column_norm(residual) / column_norm(a[:, sample]))) / unit,
            length(image - exact) / length(x) / unit,
        )
        for name, value in zip(MEASURES, each, strict=True):
            errors[name].append(value)
    return errors


def table(dtype, rng):
    """Return the errors at each size, {n: {measure: (isokern, LAPACK)}}, of several matrices."""
    errors = {}
    for n in SIZES:
        samples = [measured(dtype, n, rng) for _ in range(max(1, 64 // n))]
        errors[n] = {
            name: np.sqrt(np.mean(np.square([sample[name] for sample in samples]), axis=0))
            for name in MEASURES
        }
    return errors


def show(dtype, errors):
    """Print a table in Markdown."""
    print(f"\n\n{np.dtype(dtype).name}, isokern / LAPACK:\n")
    print("| n | " + " | ".join(MEASURES) + " |")
    print("|---:|" + "---:|" * len(MEASURES))
    for n, row in errors.items():
        cells = [f"{ours:.2f} / {lapack:.2f}" for ours, lapack in row.values()]
        print(f"| {n} | " + " | ".join(cells) + " |")


@pytest.mark.parametrize("dtype", FLOATS)
def test_errors_beside_those_of_lapack(dtype, rng):
    """A few eps for any size, in units of its square root, and never far above LAPACK's."""
    errors = table(dtype, rng)
    show(dtype, errors)
    for n, row in errors.items():
        for name, (ours, lapack) in row.items():
            assert ours <= MEASURES[name], (n, name)
            assert ours <= FACTOR * lapack + SLACK, (n, name)
