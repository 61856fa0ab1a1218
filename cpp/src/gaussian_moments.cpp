// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Moments of data that come in pieces, and Frechet's distance of data sets.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "gaussian.hpp"

namespace isokern {
namespace {

using dense::DenseMatrix;

// A distribution as its mean and a factor of its covariance.
struct Root {
  std::vector<double> mean;
  DenseMatrix factor;
};

Root root_of(const char* f, const char* name, const Moments& moments, double ddof) {
  const Index d = moments.d();
  Root root{std::vector<double>(static_cast<std::size_t>(d)), DenseMatrix(d, d)};
  DenseMatrix cov(d, d);
  moments.mean(View(root.mean.data(), {d}));
  moments.cov(ddof, Weights::frequency, View(cov.values.data(), {d, d}));
  if (!dense::semidefinite_factor(cov, root.factor))
    throw invalid_argument(std::string(f) + ": " + name + " is not finite");
  return root;
}

Root root_of(const char* f, const char* name, const ConstView& x, double ddof) {
  require_float(f, {name, x});
  if (x.rank != 2 || x.shape[1] == 0) {
    throw invalid_argument(std::string(f) + ": " + name + " has shape " + shape_text(x) +
                           ", expected (n, d)");
  }
  const Index n = x.shape[0], d = x.shape[1];
  if (n == 0 || !(static_cast<double>(n) - ddof > 0)) {
    throw invalid_argument(std::string(f) + ": " + name + " has " + std::to_string(n) +
                           " vectors, expected more than ddof = " + std::to_string(ddof));
  }
  if (n > d) {
    Moments moments(d);
    moments.update(x);
    return root_of(f, name, moments, ddof);
  }
  // Fewer vectors than dimensions are a factor themselves.
  const Items rows(x, 1);
  Root root{std::vector<double>(rows.own(0), rows.own(0) + d), DenseMatrix(d, n)};
  for (Index j = 0; j < d; ++j) {
    double sum = 0;
    for (Index i = 0; i < n; ++i) sum += rows.own(i)[j] - rows.own(0)[j];
    const double offset = sum / static_cast<double>(n);
    for (Index i = 0; i < n; ++i) {
      root.factor(j, i) =
          (rows.own(i)[j] - rows.own(0)[j] - offset) / std::sqrt(static_cast<double>(n) - ddof);
    }
    root.mean[static_cast<std::size_t>(j)] += offset;
  }
  if (!dense::finite(root.factor))
    throw invalid_argument(std::string(f) + ": " + name + " is not finite");
  return root;
}

DenseMatrix padded(const DenseMatrix& x, Index columns) {
  DenseMatrix y(x.rows, columns);
  for (Index i = 0; i < x.rows; ++i) {
    for (Index j = 0; j < x.columns; ++j) y(i, j) = x(i, j);
  }
  return y;
}

double distance(const char* f, const Root& one, const Root& other) {
  if (one.mean.size() != other.mean.size()) {
    throw invalid_argument(std::string(f) + ": y has d = " + std::to_string(other.mean.size()) +
                           ", expected " + std::to_string(one.mean.size()) + " as x");
  }
  double square = 0;
  for (std::size_t i = 0; i < one.mean.size(); ++i)
    square += (one.mean[i] - other.mean[i]) * (one.mean[i] - other.mean[i]);
  if (one.factor.columns == other.factor.columns && one.factor.values == other.factor.values)
    return square;
  const double traces = dense::squares(one.factor) + dense::squares(other.factor);
  double value = traces;
  for (double s : dense::svd(dense::times(dense::transposed(one.factor), other.factor)).s)
    value -= 2 * s;
  if (value > 1e-3 * traces) return square + value;
  // Where that cancels, a sum of squares.
  const Index columns = std::max(one.factor.columns, other.factor.columns);
  const DenseMatrix f1 = padded(one.factor, columns), f2 = padded(other.factor, columns);
  return square + dense::squares(dense::plus(f1, dense::times(f2, dense::polar(f1, f2)), -1));
}

}  // namespace

std::vector<double> take_weights(const char* f, const ConstView& weight, Index n) {
  require_float(f, {"weight", weight});
  if (weight.rank != 1 || weight.shape[0] != n) {
    throw invalid_argument(std::string(f) + ": weight has shape " + shape_text(weight) +
                           ", expected (" + std::to_string(n) + ",)");
  }
  std::vector<double> w = Items(weight, 1).values;
  if (!std::all_of(w.begin(), w.end(), [](double v) { return v >= 0 && std::isfinite(v); }))
    throw invalid_argument(std::string(f) + ": weight is negative or not finite");
  return w;
}

Moments::Moments(std::ptrdiff_t d) : d_(d) {
  if (d < 1) throw invalid_argument("Moments: d is " + std::to_string(d) + ", expected 1 or more");
  mean_.resize(static_cast<std::size_t>(d));
  scatter_.resize(static_cast<std::size_t>(d * d));
}

void Moments::absorb(const Moments& other) {
  count_ += other.count_;
  if (!(other.weight_ > 0)) return;
  const double total = weight_ + other.weight_, share = other.weight_ / total;
  const double factor = weight_ * share;
  const auto at = [](Index i) { return static_cast<std::size_t>(i); };
  for (Index i = 0; i < d_; ++i) {
    const double delta = other.mean_[at(i)] - mean_[at(i)];
    for (Index j = 0; j < d_; ++j) {
      const std::size_t k = at(i * d_ + j);
      scatter_[k] += other.scatter_[k];
      if (weight_ > 0) scatter_[k] += delta * (other.mean_[at(j)] - mean_[at(j)]) * factor;
    }
  }
  for (std::size_t i = 0; i < mean_.size(); ++i)
    mean_[i] = weight_ > 0 ? mean_[i] + (other.mean_[i] - mean_[i]) * share : other.mean_[i];
  weight_ = total;
  squares_ += other.squares_;
}

void Moments::update(const ConstView& x, const ConstView& weight) {
  constexpr const char* f = "Moments.update";
  require_float(f, {"x", x});
  if (x.rank != 2 || x.shape[1] != d_) {
    throw invalid_argument(std::string(f) + ": x has shape " + shape_text(x) + ", expected (n, " +
                           std::to_string(d_) + ")");
  }
  const Index n = x.shape[0];
  std::vector<double> w;
  if (weight) w = take_weights(f, weight, n);
  if (n == 0) return;
  Moments piece(d_);
  piece.count_ = n;
  piece.weight_ = piece.squares_ = weight ? 0 : static_cast<double>(n);
  for (double v : w) {
    piece.weight_ += v;
    piece.squares_ += v * v;
  }
  if (piece.weight_ > 0) {
    mean_and_scatter(x, weight ? w.data() : nullptr, piece.mean_.data(), piece.scatter_.data());
  }
  absorb(piece);
}

void Moments::merge(const Moments& other) {
  if (other.d_ != d_) {
    throw invalid_argument("Moments.merge: other has d = " + std::to_string(other.d_) +
                           ", expected " + std::to_string(d_));
  }
  const Moments copy = other;  // which may be this
  absorb(copy);
}

void Moments::mean(const View& out) const {
  require_exact("Moments.mean", "out", out, Layout{d_}, out.dtype);
  require_float("Moments.mean", {"out", out});
  Items values(Layout{}, d_);
  values.values = mean_;
  if (!(weight_ > 0)) fill_nan(values.own(0), 1, d_, d_);
  store(values, out);
}

void Moments::cov(double ddof, Weights weights, const View& out) const {
  require_float("Moments.cov", {"out", out});
  require_exact("Moments.cov", "out", out, Layout{d_, d_}, out.dtype);
  double lost = ddof;
  if (weights == Weights::reliability) lost = weight_ > 0 ? ddof * squares_ / weight_ : 0;
  if (!(weight_ - lost > 0)) {
    throw invalid_argument("Moments.cov: a weight of " + std::to_string(weight_) +
                           " is too little for ddof = " + std::to_string(ddof));
  }
  Items values(Layout{}, d_ * d_);
  for (std::size_t i = 0; i < scatter_.size(); ++i)
    values.values[i] = scatter_[i] / (weight_ - lost);
  store(values, out);
}

double frechet_distance(const ConstView& x, const ConstView& y, double ddof) {
  constexpr const char* f = "frechet_distance";
  return distance(f, root_of(f, "x", x, ddof), root_of(f, "y", y, ddof));
}

double frechet_distance(const Moments& x, const Moments& y, double ddof) {
  constexpr const char* f = "frechet_distance";
  return distance(f, root_of(f, "x", x, ddof), root_of(f, "y", y, ddof));
}

}  // namespace isokern
