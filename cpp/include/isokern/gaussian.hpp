// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Divergences between normal distributions N(m1, S1) and N(m2, S2), their gradients, optimal
// transport, and the linear algebra below them, on batches of small matrices.
//
// Arrays are float or double, of one dtype a call; everything is computed in double. Means have
// shape (..., d), covariances (..., d, d) or that of their form; the batch axes "..." broadcast as
// in NumPy; the last axis must be contiguous, the others may have any stride. Of two means both
// may be absent: they are equal then. `out` has the broadcast shape of the batch and must overlap
// no input. A covariance that is not symmetric throws invalid_argument, one that is not positive
// definite (or not finite) numerical_error, and nothing has been written; with OnError::nan the
// item becomes NaN. NaN in a mean gives NaN in its items alone. Results do not depend on the number
// of threads, nor on how a batch is cut.
//
// Work is O(d^3) an item, on all threads, item by item; of values (not gradients) O(d) for
// diagonals and, but for geometric_js and wasserstein2, O(d r^2) for low rank plus diagonal. kl,
// bhattacharyya and renyi of covariances given as such, and kl of triangles and precisions, take
// scratch of 32 (or less) d^2 numbers a thread; all else makes dense matrices in double of what it
// factors, and dense copies of arguments in float or with other strides.
//
// Nearly equal distributions: every measure is computed from the difference of what was given (of
// the covariances, triangles, factors, variances or precisions), not of what was made of it, so
// that its error is relative to the result, eps times the condition, however small that is. There
// are three exceptions, of squared Wasserstein distances: of singular covariances of the form cov
// (an error of eps times the traces), of factors that have a rank below d (eps^2 times the traces),
// and wasserstein2_squared_definite.
#pragma once

#include <cstddef>
#include <vector>

#include "config.hpp"
#include "error.hpp"
#include "gaussian_measures.hpp"
#include "views.hpp"

namespace isokern {

// ---- Vector-Jacobian products
//
// With the cotangent g of the result's shape: the gradients of <g, result>, of the shapes of the
// arguments; sums over axes in which an argument was broadcast are made here, in the order of the
// batch. Absent means have absent gradients. In a covariance or precision they are the symmetric G
// with dD = tr(G dS), in a triangular factor lower triangular; factors F must have full rank d.
// None has a difference of eigenvalues
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

// ---- Optimal transport; covariances of all forms but precision may be singular

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
