# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Moments of Dask arrays equal those of the whole in memory."""

import numpy as np
import pytest

from isokern import gaussian

da = pytest.importorskip("dask.array")
dask = pytest.importorskip("dask")
from isokern import _gaussian_dask as distributed_gaussian  # noqa: E402


def check(rng):
    x, y = rng.normal(size=(500, 6)) + 1e6, 1.3 * rng.normal(size=(400, 6)) + 1e6
    w = rng.uniform(size=500)
    a, b = da.from_array(x, chunks=(37, 4)), da.from_array(y, chunks=(100, 6))
    whole = gaussian.Moments(6).update(x)
    got = distributed_gaussian.moments(a)
    assert got.count == 500
    np.testing.assert_allclose(got.mean, whole.mean, rtol=1e-14)
    np.testing.assert_allclose(got.cov(), whole.cov(), atol=1e-9)
    weighted = distributed_gaussian.moments(a, da.from_array(w, chunks=90))
    np.testing.assert_allclose(weighted.cov(), gaussian.Moments(6).update(x, w).cov(), atol=1e-9)
    np.testing.assert_allclose(
        distributed_gaussian.frechet_distance(a, b), gaussian.frechet_distance(x, y), rtol=1e-7
    )


def test_with_threads(rng):
    with dask.config.set(scheduler="threads"):
        check(rng)


@pytest.mark.filterwarnings("ignore")
def test_on_a_local_cluster(rng):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, processes=False
        ) as cluster,
        distributed.Client(cluster),
    ):
        check(rng)


def test_refusals(rng):
    x = da.from_array(rng.normal(size=(10, 3)), chunks=5)
    with pytest.raises(TypeError, match="x is no Dask array"):
        distributed_gaussian.moments(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="weight has no shape"):
        distributed_gaussian.moments(x, da.ones(3))
