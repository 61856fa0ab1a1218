# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Moments of Dask arrays equal those of the whole in memory."""

import numpy as np
import pytest

import isokern
from isokern import gaussian

da = pytest.importorskip("dask.array")
dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")


def check(rng):
    x, y = rng.normal(size=(500, 6)) + 1e6, 1.3 * rng.normal(size=(400, 6)) + 1e6
    w = rng.uniform(size=500)
    a, b = da.from_array(x, chunks=(37, 4)), da.from_array(y, chunks=(100, 6))
    whole = gaussian.Moments(6).update(x)
    got = isokern.dask.moments(a)
    assert got.count == 500
    np.testing.assert_allclose(got.mean, whole.mean, rtol=1e-14)
    np.testing.assert_allclose(got.cov(), whole.cov(), atol=1e-9)
    weighted = isokern.dask.moments(a, da.from_array(w, chunks=90))
    np.testing.assert_allclose(weighted.cov(), gaussian.Moments(6).update(x, w).cov(), atol=1e-9)
    np.testing.assert_allclose(
        isokern.dask.frechet_distance(a, b), gaussian.frechet_distance(x, y), rtol=1e-7
    )


def test_with_threads(rng):
    with dask.config.set(scheduler="threads"):
        check(rng)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("dask"))
    settings = {"distributed.admin.tick.limit": "1h", "temporary-directory": folder}
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as connected,
    ):
        connected.wait_for_workers(2, timeout=60)
        yield connected


def test_in_two_processes(client, rng):
    check(rng)


def test_both_workers_work(client):
    """Blocks are reduced where they are: what travels are moments, not rows."""
    x = da.random.default_rng(1).normal(size=(4000, 5), chunks=(100, 5)).persist()
    distributed.wait(x)
    places = client.who_has(x)
    assert len({worker for workers in places.values() for worker in workers}) == 2
    got = isokern.dask.moments(x)
    whole = gaussian.Moments(5).update(x.compute())
    np.testing.assert_allclose(got.cov(), whole.cov(), rtol=1e-12)
    again = isokern.dask.moments(x)
    np.testing.assert_array_equal(again.cov(), got.cov())


def test_float32_and_errors_from_workers(client, rng):
    x = rng.normal(size=(300, 4)).astype(np.float32)
    got = isokern.dask.moments(da.from_array(x, chunks=(64, 2)))
    np.testing.assert_allclose(got.cov(), gaussian.Moments(4).update(x).cov(), atol=1e-5)
    few = da.from_array(x[:1], chunks=1)
    with pytest.raises(ValueError, match="too little for ddof"):
        isokern.dask.frechet_distance(few, da.from_array(x, chunks=64))
    weights = da.from_array(-np.ones(300), chunks=300)
    with pytest.raises(ValueError, match="weight is negative"):
        isokern.dask.moments(da.from_array(x, chunks=64), weights)


def test_refusals(rng):
    x = da.from_array(rng.normal(size=(10, 3)), chunks=5)
    with pytest.raises(TypeError, match="x is no Dask array"):
        isokern.dask.moments(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="weight has no shape"):
        isokern.dask.moments(x, da.ones(3))
