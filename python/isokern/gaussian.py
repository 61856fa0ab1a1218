# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
"""Divergences between multivariate normal distributions, and what stands beside them.

Means have shape (..., d), covariances one of five forms (see :func:`kl`); the batch axes broadcast
as in NumPy. float32 stays float32, float64 stays float64, integers become float64; one call takes
one dtype, and everything is computed in float64. Results do not depend on the number of threads.
"""

from __future__ import annotations

from isokern._gaussian_density import entropy, log_prob, sample
from isokern._gaussian_frechet import frechet_distance
from isokern._gaussian_measures import (
    bhattacharyya,
    cross_entropy,
    geometric_js,
    hellinger,
    jeffreys,
    kl,
    mahalanobis,
    renyi,
    wasserstein2,
)
from isokern._gaussian_moments import Moments
from isokern._gaussian_nearest import nearest, wasserstein2_lower_bound
from isokern._gaussian_pairwise import pairwise
from isokern._gaussian_single_vjp import entropy_vjp, log_prob_vjp
from isokern._gaussian_transport import barycenter, geodesic, monge_map
from isokern._gaussian_vjp import (
    bhattacharyya_vjp,
    cross_entropy_vjp,
    geometric_js_vjp,
    hellinger_vjp,
    jeffreys_vjp,
    kl_vjp,
    mahalanobis_vjp,
    renyi_vjp,
    wasserstein2_vjp,
)

__all__ = [
    "Moments",
    "barycenter",
    "bhattacharyya",
    "bhattacharyya_vjp",
    "cross_entropy",
    "cross_entropy_vjp",
    "entropy",
    "entropy_vjp",
    "frechet_distance",
    "geodesic",
    "geometric_js",
    "geometric_js_vjp",
    "hellinger",
    "hellinger_vjp",
    "jeffreys",
    "jeffreys_vjp",
    "kl",
    "kl_vjp",
    "log_prob",
    "log_prob_vjp",
    "mahalanobis",
    "mahalanobis_vjp",
    "monge_map",
    "nearest",
    "pairwise",
    "renyi",
    "renyi_vjp",
    "sample",
    "wasserstein2",
    "wasserstein2_lower_bound",
    "wasserstein2_vjp",
]
