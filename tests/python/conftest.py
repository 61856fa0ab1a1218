# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures for all tests."""

import numpy as np
import pytest

import isokern


@pytest.fixture
def rng():
    """Return a generator that is the same in every run."""
    return np.random.default_rng(20_240_229)


@pytest.fixture(params=[1, 2, 3], ids=lambda n: f"{n}thread")
def thread_count(request):
    """Run the test with this many threads."""
    with isokern.threads(request.param):
        yield request.param
