// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Divergences between normal distributions N(m1, S1) and N(m2, S2), and the linear algebra below
// them, on batches of small matrices.
//
// All arrays are float64. Means have shape (..., d), covariances (..., d, d); the batch axes "..."
// broadcast as in NumPy; the last axis must be contiguous. Of two means both may be absent: they
// are equal then. `out` has the broadcast shape of the batch and must overlap no input. A
// covariance that is not symmetric throws invalid_argument, one that is not positive definite (or
// not finite) numerical_error, and nothing has been written; with OnError::nan the item becomes
// NaN. NaN in a mean gives NaN in its items alone. Results do not depend on the number of threads,
// nor on how a batch is cut. Scratch grows as 32 (or less) d^2 numbers a thread.
#pragma once

#include "config.hpp"
#include "error.hpp"
#include "views.hpp"

namespace isokern {

/// What is given of a covariance S: itself, its lower Cholesky factor (what lies above the diagonal
/// is ignored; the diagonal must be positive), or its inverse.
enum class Covariance { cov, tril, precision };

/// KL(1 | 2) = (tr(S2^-1 S1) - d - ln det(S2^-1 S1) + delta^T S2^-1 delta) / 2, delta = m1 - m2, as
/// a sum of terms that cannot be negative; exactly 0 for equal arguments, and with its relative
/// accuracy for nearly equal ones.
ISOKERN_API void kl(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                    const ConstView& cov2, Covariance form, OnError on_error, const View& out);

/// delta^T S^-1 delta / 8 + (ln det S - (ln det S1 + ln det S2) / 2) / 2, S = (S1 + S2) / 2.
/// log_det1 and log_det2, with the batch axes of cov1 and cov2, spare the factorisation of these
/// (and their checks); both may be absent.
ISOKERN_API void bhattacharyya(const ConstView& mean1, const ConstView& cov1,
                               const ConstView& mean2, const ConstView& cov2,
                               const ConstView& log_det1, const ConstView& log_det2,
                               OnError on_error, const View& out);

/// Renyi's divergence of order alpha (positive, not 1): with Sa = alpha S2 + (1 - alpha) S1,
/// alpha delta^T Sa^-1 delta / 2 - (ln det Sa - (1 - alpha) ln det S1 - alpha ln det S2) / (2
/// (alpha - 1)); infinite where Sa is not positive definite.
ISOKERN_API void renyi(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                       const ConstView& cov2, double alpha, OnError on_error, const View& out);

/// The squared 2-Wasserstein distance |delta|^2 + tr S1 + tr S2 - 2 tr (S1^(1/2) S2 S1^(1/2))^(1/2)
/// of positive definite covariances (form cov or tril); exactly 0 for equal arguments.
ISOKERN_API void wasserstein2_squared(const ConstView& mean1, const ConstView& cov1,
                                      const ConstView& mean2, const ConstView& cov2,
                                      Covariance form, OnError on_error, const View& out);

/// What `factor` makes of S = L L^T: L, L^-1 or S^-1.
enum class FactorResult { cholesky, inverse_factor, inverse };

/// Of symmetric positive definite matrices x (..., d, d), zeros above the diagonal of triangular
/// results. out has the shape of x and overlaps nothing. One pass: OnError::raise acts as
/// raise_after.
ISOKERN_API void factor(const ConstView& x, FactorResult result, OnError on_error, const View& out);

/// out = L^-1 b for a lower triangular L (..., n, n), of which the lower triangle is read, and b
/// (..., n, columns), of which the lower triangle is all that is not zero if `lower`. out has the
/// broadcast shape and overlaps nothing.
ISOKERN_API void solve_triangular(const ConstView& l, const ConstView& b, bool lower,
                                  const View& out);

}  // namespace isokern
