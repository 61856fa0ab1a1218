// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Divergences between normal distributions N(m1, S1) and N(m2, S2), their gradients, optimal
// transport, and the linear algebra below them, on batches of small matrices.
//
// Arrays are float or double, of one dtype a call; everything is computed in double. Means have
// shape (..., d), covariances (..., d, d); the batch axes "..." broadcast as in NumPy; the last
// axis must be contiguous, the others may have any stride. Of two means both may be absent: they
// are equal then. `out` has the broadcast shape of the batch and must overlap no input. A
// covariance that is not symmetric throws invalid_argument, one that is not positive definite (or
// not finite) numerical_error, and nothing has been written; with OnError::nan the item becomes
// NaN. NaN in a mean gives NaN in its items alone. Results do not depend on the number of threads,
// nor on how a batch is cut. The measures run on all threads, with scratch of 32 (or less) d^2
// numbers each; the gradients, maps and moments run on one, in O(d^3) an item, and make dense
// copies of arguments.
#pragma once

#include <cstddef>
#include <vector>

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

/// The same of covariances in any form, of which S is made: digits in which two distributions
/// differ get lost to its rounding.
ISOKERN_API void bhattacharyya(const ConstView& mean1, const ConstView& cov1,
                               const ConstView& mean2, const ConstView& cov2, Covariance form,
                               OnError on_error, const View& out);

/// Renyi's divergence of order alpha (positive, not 1): with Sa = alpha S2 + (1 - alpha) S1,
/// alpha delta^T Sa^-1 delta / 2 - (ln det Sa - (1 - alpha) ln det S1 - alpha ln det S2) / (2
/// (alpha - 1)); infinite where Sa is not positive definite.
ISOKERN_API void renyi(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                       const ConstView& cov2, double alpha, OnError on_error, const View& out);

/// The same of covariances in any form, of which S is made: digits in which two distributions
/// differ get lost to its rounding.
ISOKERN_API void renyi(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                       const ConstView& cov2, double alpha, Covariance form, OnError on_error,
                       const View& out);

/// The squared 2-Wasserstein distance |delta|^2 + tr S1 + tr S2 - 2 tr (S1^(1/2) S2 S1^(1/2))^(1/2)
/// of positive definite covariances (form cov or tril); exactly 0 for equal arguments.
ISOKERN_API void wasserstein2_squared(const ConstView& mean1, const ConstView& cov1,
                                      const ConstView& mean2, const ConstView& cov2,
                                      Covariance form, OnError on_error, const View& out);

/// Differential entropy (d (1 + ln 2 pi) + ln det S) / 2, in nats.
ISOKERN_API void entropy(const ConstView& cov, Covariance form, OnError on_error, const View& out);

/// -(d ln 2 pi + ln det S + (x - m)^T S^-1 (x - m)) / 2 for points x (..., d).
ISOKERN_API void log_prob(const ConstView& x, const ConstView& mean, const ConstView& cov,
                          Covariance form, OnError on_error, const View& out);

/// What `pairwise` computes.
enum class Metric { kl, bhattacharyya, wasserstein2_squared };

/// A measure for all pairs of two sets, means (n, d) and (m, d) and covariances (n, d, d) and (m,
/// d, d): out has shape (n, m). Covariances are checked and factored once; a bad one is blamed by
/// its index in its own set, or makes its row or column NaN.
ISOKERN_API void pairwise(Metric metric, const ConstView& mean1, const ConstView& cov1,
                          const ConstView& mean2, const ConstView& cov2, Covariance form,
                          OnError on_error, const View& out);

/// How `kl_pairwise` computes: one matrix product of packed covariances and precisions for all
/// pairs; a triangular solve for each; or the product, and the solve for those entries which are so
/// small that the product has lost digits.
enum class PairwiseMethod { automatic, product, solve };

/// `pairwise` of Metric::kl, by a given method.
ISOKERN_API void kl_pairwise(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                             const ConstView& cov2, Covariance form, PairwiseMethod method,
                             OnError on_error, const View& out);

// ---- Vector-Jacobian products
//
// With the cotangent g of the result's shape: the gradients of <g, result>, of the shapes of the
// arguments; sums over axes in which an argument was broadcast are made here, in the order of the
// batch. Absent means have absent gradients. In a covariance or precision they are the symmetric G
// with dD = tr(G dS), in a triangular factor lower triangular. None has a difference of eigenvalues
// in a denominator: all exist for equal arguments. No output may overlap anything; nothing is
// written where a call throws.

ISOKERN_API void kl_vjp(const ConstView& g, const ConstView& mean1, const ConstView& cov1,
                        const ConstView& mean2, const ConstView& cov2, Covariance form,
                        OnError on_error, const View& mean1_bar, const View& cov1_bar,
                        const View& mean2_bar, const View& cov2_bar);
ISOKERN_API void bhattacharyya_vjp(const ConstView& g, const ConstView& mean1,
                                   const ConstView& cov1, const ConstView& mean2,
                                   const ConstView& cov2, Covariance form, OnError on_error,
                                   const View& mean1_bar, const View& cov1_bar,
                                   const View& mean2_bar, const View& cov2_bar);
/// NaN where the divergence is infinite.
ISOKERN_API void renyi_vjp(const ConstView& g, const ConstView& mean1, const ConstView& cov1,
                           const ConstView& mean2, const ConstView& cov2, double alpha,
                           Covariance form, OnError on_error, const View& mean1_bar,
                           const View& cov1_bar, const View& mean2_bar, const View& cov2_bar);
/// Of positive definite covariances.
ISOKERN_API void wasserstein2_squared_vjp(const ConstView& g, const ConstView& mean1,
                                          const ConstView& cov1, const ConstView& mean2,
                                          const ConstView& cov2, Covariance form, OnError on_error,
                                          const View& mean1_bar, const View& cov1_bar,
                                          const View& mean2_bar, const View& cov2_bar);
ISOKERN_API void entropy_vjp(const ConstView& g, const ConstView& cov, Covariance form,
                             OnError on_error, const View& cov_bar);
/// Memory for many points of one covariance is that of the points and of one matrix.
ISOKERN_API void log_prob_vjp(const ConstView& g, const ConstView& x, const ConstView& mean,
                              const ConstView& cov, Covariance form, OnError on_error,
                              const View& x_bar, const View& mean_bar, const View& cov_bar);

// ---- Optimal transport; covariances of the form cov may be singular

/// The map x -> T x + shift of least squared cost from the first distribution to the second: t
/// (..., d, d) is symmetric, shift (..., d) = m2 - T m1. Where S1 is singular T is determined on
/// its support alone, and 0 from its complement to itself.
ISOKERN_API void monge_map(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                           const ConstView& cov2, Covariance form, OnError on_error, const View& t,
                           const View& shift);

/// The distribution at `where`, from 0 to 1, on the shortest path in the 2-Wasserstein metric: mean
/// (..., d) and covariance (..., d, d) = F F^T, F = (1 - where) F1 + where F2 Q.
ISOKERN_API void geodesic(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                          const ConstView& cov2, double where, Covariance form, OnError on_error,
                          const View& mean, const View& cov);

/// The distribution of least mean squared 2-Wasserstein distance from n given ones, means (n, d),
/// covs (n, d, d), weights (n) (equal ones where absent), by a fixed point without inverses that
/// ends where the covariance changes by less than tol times its trace. Without that in max_iter
/// iterations: numerical_error.
ISOKERN_API void barycenter(const ConstView& means, const ConstView& covs, const ConstView& weights,
                            Covariance form, double tol, int max_iter, const View& mean,
                            const View& cov);

// ---- Moments

/// What weights mean: how often a vector occurred, or how much it is worth.
enum class Weights { frequency, reliability };

/// Weight, mean and scatter about the mean of vectors from any number of pieces in any order.
class ISOKERN_API Moments {
 public:
  explicit Moments(std::ptrdiff_t d);

  /// Takes in rows x (n, d), with weights (n) that are not negative, or 1 each.
  void update(const ConstView& x, const ConstView& weight = {});
  /// Takes in what another has seen.
  void merge(const Moments& other);

  std::ptrdiff_t d() const noexcept { return d_; }
  std::ptrdiff_t count() const noexcept { return count_; }
  double weight() const noexcept { return weight_; }
  /// out (d); NaN where there is no weight.
  void mean(const View& out) const;
  /// out (d, d): scatter / (weight - ddof), or of reliability weights / (weight - ddof sum w^2 /
  /// weight). Too little weight for that is an invalid_argument.
  void cov(double ddof, Weights weights, const View& out) const;

 private:
  void absorb(const Moments& other);

  std::ptrdiff_t d_, count_ = 0;
  double weight_ = 0, squares_ = 0;
  std::vector<double> mean_, scatter_;
};

/// Mean (d) and scatter about it, out (d, d), in double, of at least one row x (n, d), with weights
/// (n) of which one is positive, or 1 each. Products of float are made in float, of rows less a
/// number near their mean.
ISOKERN_API void scatter(const ConstView& x, const ConstView& weight, const View& mean,
                         const View& out);

/// Frechet's distance of data sets x (n, d) and y (m, d): the squared 2-Wasserstein distance
/// between the normals of their moments. Never negative; fewer vectors than dimensions are factors
/// themselves. More than ddof vectors, and finite ones, are wanted.
ISOKERN_API double frechet_distance(const ConstView& x, const ConstView& y, double ddof = 1);
ISOKERN_API double frechet_distance(const Moments& x, const Moments& y, double ddof = 1);

// ---- Linear algebra

/// What `factor` makes of S = L L^T: L, L^-1 or S^-1.
enum class FactorResult { cholesky, inverse_factor, inverse };

/// Of symmetric positive definite matrices x (..., d, d), zeros above the diagonal of triangular
/// results. out has the shape of x and overlaps nothing. One pass: OnError::raise acts as
/// raise_after.
ISOKERN_API void factor(const ConstView& x, FactorResult result, OnError on_error, const View& out);

/// What twice the Kullback-Leibler divergence of large pairs is the sum of, out (..., 2): with
/// Y = L2^-1 (S1 - S2) L2^-T, tr Y - ln det(I + Y), which is not made from the difference of the
/// covariances, and |L2^-1 (mean1 - mean2)|^2, 0 without means. The form is not the precision.
ISOKERN_API void kl_terms(const ConstView& mean1, const ConstView& cov1, const ConstView& mean2,
                          const ConstView& cov2, Covariance form, OnError on_error,
                          const View& out);

/// out = L^T S L, symmetric, for one lower triangular L (n, n), with zeros above its diagonal, and
/// one symmetric S, in double. out overlaps nothing.
ISOKERN_API void congruence(const ConstView& l, const ConstView& s, const View& out);

/// out = L^-1 b for a lower triangular L (..., n, n), of which the lower triangle is read, and b
/// (..., n, columns), of which the lower triangle is all that is not zero if `lower`. out has the
/// broadcast shape and overlaps nothing.
ISOKERN_API void solve_triangular(const ConstView& l, const ConstView& b, bool lower,
                                  const View& out);

}  // namespace isokern
