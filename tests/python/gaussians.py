# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Random normal distributions for the tests of `isokern.gaussian`."""

import numpy as np

FORMS = ("cov", "tril", "factor", "diag", "precision")
MEASURES = {  # name: options
    "kl": [{}],
    "jeffreys": [{}],
    "bhattacharyya": [{}],
    "hellinger": [{}, {"squared": True}],
    "renyi": [{"alpha": 0.3}, {"alpha": 0.999999}, {"alpha": 1.05}],
    "geometric_js": [{}, {"weight": 0.2}, {"weight": 0.7, "dual": True}],
    "wasserstein2": [{}, {"squared": True}],
    "mahalanobis": [{}, {"squared": True}],
    "cross_entropy": [{}],
}


def random_cov(rng, *shape, rows=None):
    """Return symmetric positive definite matrices (..., d, d) of moderate condition."""
    *batch, d = shape
    x = rng.normal(size=(*batch, d, rows or 2 * d + 2))
    cov = x @ np.swapaxes(x, -1, -2) / x.shape[-1]
    return (cov + np.swapaxes(cov, -1, -2)) / 2


def in_form(cov, form, rng=None):
    """Return a positive definite covariance in one of its forms."""
    if form == "tril":
        return np.linalg.cholesky(cov)
    if form == "factor":
        lower = np.linalg.cholesky(cov)
        q = np.linalg.qr(rng.normal(size=(cov.shape[-1] + 2, cov.shape[-1])))[0]
        return lower @ q.T
    if form == "diag":
        return np.ascontiguousarray(np.diagonal(cov, axis1=-2, axis2=-1))
    if form == "precision":
        inverse = np.linalg.inv(cov)
        return (inverse + np.swapaxes(inverse, -1, -2)) / 2
    return cov


def random_pair(rng, d, batches=((), (), (), ()), form="cov", dtype=np.float64):
    """Return mean1, cov1, mean2, cov2 with the given batch axes."""
    m1, c1, m2, c2 = batches
    return [
        rng.normal(size=(*m1, d)).astype(dtype),
        in_form(random_cov(rng, *c1, d), form, rng).astype(dtype),
        rng.normal(size=(*m2, d)).astype(dtype),
        in_form(random_cov(rng, *c2, d), form, rng).astype(dtype),
    ]
