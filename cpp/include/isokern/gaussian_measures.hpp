// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Measures of normal distributions; a part of gaussian.hpp, where the rules for arguments are.
#pragma once

#include "config.hpp"
#include "error.hpp"
#include "views.hpp"

namespace isokern {

/// What is given of a covariance S (..., d, d): itself; its lower Cholesky factor (what lies above
/// the diagonal is ignored; the diagonal must be positive); its inverse; any factor F (..., d, r)
/// with S = F F^T, which is never squared where a triangle will do; or the diagonal (..., d) of a
/// diagonal S.
enum class Covariance { cov, tril, precision, factor, diag };

/// A covariance F F^T + diag(D), F (..., d, r) and D (..., d) positive, whose batch axes broadcast.
struct LowRankDiagonal {
  ConstView factor, diagonal;
};

// ---- Measures of pairs

/// KL(1 | 2) = (tr(S2^-1 S1) - d - ln det(S2^-1 S1) + delta^T S2^-1 delta) / 2, delta = m1 - m2, as
/// a sum of terms that cannot be negative; exactly 0 for equal arguments, and with its relative
/// accuracy for nearly equal ones. Of factors of rank below d: infinity, unless both distributions
/// live on the same affine subspace.
ISOKERN_API void kl(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                    const ConstView& cov2, Covariance form, OnError on_error, const View& out);
ISOKERN_API void kl(const ConstView& mean1, const LowRankDiagonal& cov1, const ConstView& mean2,
                    const LowRankDiagonal& cov2, OnError on_error, const View& out);

/// Jeffreys' divergence KL(1 | 2) + KL(2 | 1), without a factor 1/2.
ISOKERN_API void jeffreys(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                          const ConstView& cov2, Covariance form, OnError on_error,
                          const View& out);
ISOKERN_API void jeffreys(const ConstView& mean1, const LowRankDiagonal& cov1,
                          const ConstView& mean2, const LowRankDiagonal& cov2, OnError on_error,
                          const View& out);

/// Cross-entropy -E_1 ln p_2, the entropy of the first plus KL(1 | 2).
ISOKERN_API void cross_entropy(const ConstView& mean1, const ConstView& cov1,
                               const ConstView& mean2, const ConstView& cov2, Covariance form,
                               OnError on_error, const View& out);
ISOKERN_API void cross_entropy(const ConstView& mean1, const LowRankDiagonal& cov1,
                               const ConstView& mean2, const LowRankDiagonal& cov2,
                               OnError on_error, const View& out);

/// delta^T S^-1 delta / 8 + (ln det S - (ln det S1 + ln det S2) / 2) / 2, S = (S1 + S2) / 2.
ISOKERN_API void bhattacharyya(const ConstView& mean1, const ConstView& cov1,
                               const ConstView& mean2, const ConstView& cov2, Covariance form,
                               OnError on_error, const View& out);
ISOKERN_API void bhattacharyya(const ConstView& mean1, const LowRankDiagonal& cov1,
                               const ConstView& mean2, const LowRankDiagonal& cov2,
                               OnError on_error, const View& out);
/// Of covariances given as such. log_det1 and log_det2, with the batch axes of cov1 and cov2, spare
/// the factorisation of these (and their checks); both may be absent.
ISOKERN_API void bhattacharyya(const ConstView& mean1, const ConstView& cov1,
                               const ConstView& mean2, const ConstView& cov2,
                               const ConstView& log_det1, const ConstView& log_det2,
                               OnError on_error, const View& out);

/// Hellinger's distance sqrt(1 - exp(-B)) with Bhattacharyya's distance B, from 0 to 1, and its
/// square.
ISOKERN_API void hellinger(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                           const ConstView& cov2, Covariance form, OnError on_error,
                           const View& out);
ISOKERN_API void hellinger(const ConstView& mean1, const LowRankDiagonal& cov1,
                           const ConstView& mean2, const LowRankDiagonal& cov2, OnError on_error,
                           const View& out);
ISOKERN_API void hellinger_squared(const ConstView& mean1, const ConstView& cov1,
                                   const ConstView& mean2, const ConstView& cov2, Covariance form,
                                   OnError on_error, const View& out);
ISOKERN_API void hellinger_squared(const ConstView& mean1, const LowRankDiagonal& cov1,
                                   const ConstView& mean2, const LowRankDiagonal& cov2,
                                   OnError on_error, const View& out);

/// Renyi's divergence of order alpha (positive, not 1): with Sa = alpha S2 + (1 - alpha) S1,
/// alpha delta^T Sa^-1 delta / 2 - (ln det Sa - (1 - alpha) ln det S1 - alpha ln det S2) / (2
/// (alpha - 1)); infinite where Sa is not positive definite.
ISOKERN_API void renyi(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                       const ConstView& cov2, double alpha, Covariance form, OnError on_error,
                       const View& out);
ISOKERN_API void renyi(const ConstView& mean1, const LowRankDiagonal& cov1, const ConstView& mean2,
                       const LowRankDiagonal& cov2, double alpha, OnError on_error,
                       const View& out);
/// Of covariances given as such.
ISOKERN_API void renyi(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                       const ConstView& cov2, double alpha, OnError on_error, const View& out);

/// Geometric Jensen-Shannon divergence (1 - a) KL(1 | g) + a KL(2 | g), a the weight from 0 to 1,
/// with the normal distribution g of precision (1 - a) S1^-1 + a S2^-1 that is the normalised
/// geometric mean of both densities; the dual one is (1 - a) KL(g | 1) + a KL(g | 2). Low rank plus
/// diagonal becomes dense here.
ISOKERN_API void geometric_js(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                              const ConstView& cov2, double weight, bool dual, Covariance form,
                              OnError on_error, const View& out);
ISOKERN_API void geometric_js(const ConstView& mean1, const LowRankDiagonal& cov1,
                              const ConstView& mean2, const LowRankDiagonal& cov2, double weight,
                              bool dual, OnError on_error, const View& out);

/// The 2-Wasserstein distance (between covariances alone: Bures'), and its square |delta|^2 + tr S1
/// + tr S2 - 2 tr (S1^(1/2) S2 S1^(1/2))^(1/2), from factors: covariances (but of the form
/// precision) may be singular. Exactly 0 for equal arguments. Low rank plus diagonal takes O(d^2 (d
/// + r)), and D may be 0.
ISOKERN_API void wasserstein2(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                              const ConstView& cov2, Covariance form, OnError on_error,
                              const View& out);
ISOKERN_API void wasserstein2(const ConstView& mean1, const LowRankDiagonal& cov1,
                              const ConstView& mean2, const LowRankDiagonal& cov2, OnError on_error,
                              const View& out);
ISOKERN_API void wasserstein2_squared(const ConstView& mean1, const ConstView& cov1,
                                      const ConstView& mean2, const ConstView& cov2,
                                      Covariance form, OnError on_error, const View& out);
ISOKERN_API void wasserstein2_squared(const ConstView& mean1, const LowRankDiagonal& cov1,
                                      const ConstView& mean2, const LowRankDiagonal& cov2,
                                      OnError on_error, const View& out);
/// The square in one pass: of positive definite covariances (form cov or tril), without a second
/// look at nearly equal ones: their error is not relative to the result.
ISOKERN_API void wasserstein2_squared_definite(const ConstView& mean1, const ConstView& cov1,
                                               const ConstView& mean2, const ConstView& cov2,
                                               Covariance form, OnError on_error, const View& out);

/// Mahalanobis' distance sqrt(delta^T S^-1 delta) of two points or means, and its square. S is
/// cov1, or, where cov2 is not absent, the mean of both covariances.
ISOKERN_API void mahalanobis(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                             const ConstView& cov2, Covariance form, OnError on_error,
                             const View& out);
ISOKERN_API void mahalanobis(const ConstView& mean1, const LowRankDiagonal& cov1,
                             const ConstView& mean2, const LowRankDiagonal& cov2, OnError on_error,
                             const View& out);
ISOKERN_API void mahalanobis_squared(const ConstView& mean1, const ConstView& cov1,
                                     const ConstView& mean2, const ConstView& cov2, Covariance form,
                                     OnError on_error, const View& out);
ISOKERN_API void mahalanobis_squared(const ConstView& mean1, const LowRankDiagonal& cov1,
                                     const ConstView& mean2, const LowRankDiagonal& cov2,
                                     OnError on_error, const View& out);

// ---- One distribution

/// Differential entropy (d (1 + ln 2 pi) + ln det S) / 2, in nats.
ISOKERN_API void entropy(const ConstView& cov, Covariance form, OnError on_error, const View& out);
ISOKERN_API void entropy(const LowRankDiagonal& cov, OnError on_error, const View& out);

/// -(d ln 2 pi + ln det S + (x - m)^T S^-1 (x - m)) / 2 for points x (..., d).
ISOKERN_API void log_prob(const ConstView& x, const ConstView& mean, const ConstView& cov,
                          Covariance form, OnError on_error, const View& out);
ISOKERN_API void log_prob(const ConstView& x, const ConstView& mean, const LowRankDiagonal& cov,
                          OnError on_error, const View& out);

// ---- Pairs of two sets

/// What `pairwise` computes.
enum class Metric {
  kl,
  bhattacharyya,
  wasserstein2_squared,
  jeffreys,
  cross_entropy,
  hellinger,
  hellinger_squared,
  renyi,
  geometric_js,
  wasserstein2,
  mahalanobis,
  mahalanobis_squared
};

/// What some metrics take: renyi its order, which has no default, geometric_js weight and dual.
struct MetricOptions {
  double alpha = 0;
  double weight = 0.5;
  bool dual = false;
};

/// A measure for all pairs of two sets, means (n, d) and (m, d) and covariances (n, d, d) and (m,
/// d, d), or of the shapes of their form: out has shape (n, m). Covariances are checked (and of the
/// first three metrics, in their forms cov, tril and precision, factored) once; a bad one is blamed
/// by its index in its own set, or makes its row or column NaN.
ISOKERN_API void pairwise(Metric metric, const ConstView& mean1, const ConstView& cov1,
                          const ConstView& mean2, const ConstView& cov2, Covariance form,
                          OnError on_error, const View& out);

/// The same with options, or of low rank plus diagonal.
ISOKERN_API void pairwise(Metric metric, const MetricOptions& options, const ConstView& mean1,
                          const ConstView& cov1, const ConstView& mean2, const ConstView& cov2,
                          Covariance form, OnError on_error, const View& out);
ISOKERN_API void pairwise(Metric metric, const MetricOptions& options, const ConstView& mean1,
                          const LowRankDiagonal& cov1, const ConstView& mean2,
                          const LowRankDiagonal& cov2, OnError on_error, const View& out);

/// How `kl_pairwise` computes: one matrix product of packed covariances and precisions for all
/// pairs; a triangular solve for each; or the product, and the solve for those entries which are so
/// small that the product has lost digits.
enum class PairwiseMethod { automatic, product, solve };

/// `pairwise` of Metric::kl, by a given method.
ISOKERN_API void kl_pairwise(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                             const ConstView& cov2, Covariance form, PairwiseMethod method,
                             OnError on_error, const View& out);

/// `pairwise` of Metric::bhattacharyya, of covariances whose ln det are given, (n) and (m), and
/// which are not checked: those of a bad one are NaN, and so is its row or column.
ISOKERN_API void bhattacharyya_pairwise(const ConstView& mean1, const ConstView& cov1,
                                        const ConstView& mean2, const ConstView& cov2,
                                        const ConstView& log_det1, const ConstView& log_det2,
                                        const View& out);

}  // namespace isokern
