// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Shared by the files on normal distributions.
#pragma once

#include <cstdint>
#include <vector>

#include "dense.hpp"
#include "isokern/gaussian.hpp"
#include "isokern/views.hpp"
#include "matrices.hpp"
#include "reflectors.hpp"

namespace isokern {

// Rounding errors of whoever made a covariance are below this, relative to its diagonal.
inline constexpr double kAsymmetry = 1e-6;

// Whether matrices are factored one by one, in blocks, rather than side by side in the lanes of
// vectors: where they do not fit into a cache side by side, or are too few to fill the lanes.
inline bool blocked_pays(Index d, Index items) {
  return d > 128 || (d > 48 && items < 4);
}

// Lower Cholesky factors, and what the kernel says of each item.
void factor_blocked(const ConstView& x, double tolerance, const View& out,
                    std::vector<std::int8_t>& status);

// ---- Arguments

struct PairArguments {
  const ConstView &mean1, &cov1, &mean2, &cov2;
  ConstView log1 = {}, log2 = {};
};

// Axes of one covariance.
inline int axes_of(Covariance form) {
  return form == Covariance::diag ? 1 : 2;
}
inline Layout batch_of_covariance(const Layout& layout, Covariance form) {
  return leading_axes(layout, layout.rank - axes_of(form));
}

void require_covariance(const char* f, const Named& argument, Index d, Dtype dtype,
                        Covariance form = Covariance::cov);

// The dimension of a covariance, of at least 1.
Index dimension_of(const char* f, const Named& argument, Covariance form);

// Throws for a covariance of status kIndefiniteFirst or kAsymmetricFirst (+ 1).
[[noreturn]] void throw_status(const char* f, int status, Index item, const Layout& batch,
                               const char* name, const Layout& own);

// Shapes and dtypes of a pair, whose dtype is that of cov1; the dimension.
Index require_pair(const char* f, const PairArguments& given, Covariance form = Covariance::cov);
Layout batch_of_pairs(const char* f, const PairArguments& given, Covariance form = Covariance::cov);

// An output of exactly this shape.
void require_exact(const char* f, const char* name, const View& out, const Layout& shape,
                   Dtype dtype);

// ---- Everything in double

// An argument in double: itself, or a copy of one in float.
class Wide {
 public:
  explicit Wide(const ConstView& given);
  operator const ConstView&() const { return view_; }

 private:
  std::vector<double> data_;
  ConstView view_;
};

// A dense array in double, whose items of `size` numbers have the batch axes `batch`.
struct Items {
  std::vector<double> values;
  Layout batch;
  Index size = 0;

  Items() = default;
  // All last `axes` axes of an argument make an item.
  Items(const ConstView& given, int axes);
  Items(const Layout& shape, Index numbers)
      : values(static_cast<std::size_t>(shape.size() * numbers)), batch(shape), size(numbers) {}

  // The same, without a copy where the argument is in double and lies as it would here. What is
  // borrowed must not be written to before make_owned().
  static Items borrowed(const ConstView& given, int axes);
  void make_owned();

  const double* data() const { return lent_ == nullptr ? values.data() : lent_; }
  // The item that serves an item of the broadcast batch `whole`.
  const double* at(Index item, const Layout& whole) const {
    return data() + item_within(item, whole, batch) * size;
  }
  double* own(Index item) { return values.data() + item * size; }
  const double* own(Index item) const { return data() + item * size; }

 private:
  const double* lent_ = nullptr;
};

// Items of one number as an output.
View row_major(Items& items);

// Writes items to an output of their shape, of float or double.
void store(const Items& items, const View& out);

// Adds the items of a broadcast batch, in their order, to those of an argument of the shape of
// `out`, whose last `axes` axes make an item, and writes these.
void store_sums(const Items& items, int axes, const View& out);

// The forms of covariances, F F^T + diag(D) among them.
enum class Kind { cov, tril, precision, factor, diag, lowrank };

Kind kind_of(const char* f, Covariance form);

// Covariances as they were given, (rows, columns): (d, 1) for diagonals, (d, r + 1) for (F, D), of
// which D is the last column.
struct GivenCovariances {
  const char* name;
  Kind kind;
  Index d, columns;
  Items values;

  dense::DenseMatrix matrix(Index item, const Layout& whole) const {
    return {d, columns, values.at(item, whole)};
  }
};

GivenCovariances take_given(const char* f, const Named& argument, Covariance form);
GivenCovariances take_given(const char* f, const char* name, const LowRankDiagonal& cov);

// Covariances in double and what they are made of.
struct Covariances {
  Index d = 0;
  Items s, lower;      // S, and its lower Cholesky factor
  Items factors = {};  // F, where that was given
  Index columns = 0;

  dense::DenseMatrix matrix(Index item, const Layout& whole) const {
    return {d, d, s.at(item, whole)};
  }
  dense::DenseMatrix factor(Index item, const Layout& whole) const {
    return {d, d, lower.at(item, whole)};
  }
};

// With checks: a bad item throws, or becomes NaN. `singular`: positive semidefinite ones are
// welcome (but as precisions), and `lower` is any square factor.
Covariances factorised(const char* f, const GivenCovariances& given, OnError on_error,
                       bool singular = false);
Covariances take_covariances(const char* f, const Named& argument, Covariance form,
                             OnError on_error, bool singular = false);

// A measure of pairs by the kernels, of the forms cov, tril and (not all) precision.
void measure_pairs(const char* f, const PairArguments& given, GaussianMeasure measure,
                   Covariance form, double alpha, OnError on_error, const View& out);

void kl_of_other_forms(const PairArguments& given, Covariance form, OnError on_error,
                       const View& out);

// `pairwise` of its first three metrics by the kernels, of the forms cov, tril and precision:
// positive definite covariances, factored once.
void pairwise_of_square(Metric metric, const ConstView& mean1, const ConstView& cov1,
                        const ConstView& mean2, const ConstView& cov2, Covariance form,
                        OnError on_error, const View& out);

// The cotangent of a result (or weights): exactly this shape, any strides.
void require_cotangent(const char* f, const ConstView& g, const Layout& batch, Dtype dtype);

void require_alpha(const char* f, double alpha);

// Two sets of distributions, (n, d) and (n, d, d), and an output (n, m); the dimension.
Index require_sets(const char* f, const PairArguments& given, const View& out);

GaussianForm kernel_form(Covariance form);

// ---- Moments

// Weights of n rows: finite, not negative.
std::vector<double> take_weights(const char* f, const ConstView& weight, Index n);

// Mean (d) and scatter about it (d, d) of rows x (n, d), of which one counts, with weights (n) or
// without (null).
void mean_and_scatter(const ConstView& x, const double* weight, double* mean, double* scatter);

void put(const dense::DenseMatrix& from, double* to);

// Numbers of one gradient in the given form.
Index gradient_size(const Covariances& cov, Covariance form);

// The gradient in the given form from the symmetric one in S.
dense::DenseMatrix to_form(const dense::DenseMatrix& slope, const Covariances& cov, Index item,
                           const Layout& whole, Covariance form);

}  // namespace isokern
