// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The reduction of a large symmetric matrix to a band, Q^T A Q with Q a product of I - V T V^T.
// Only tiles of the lower triangle are kept. A step takes a block column, of which the part below
// the diagonal is factored, A = Q R; the update of what is to the right,
//   A - V W^T - W V^T with Y = A V T, W = Y - V (T^T V^T Y) / 2,
// is put off until the next step has its V, so that a tile is updated and multiplied at a time.
//
// Threads share the rows in a number of parts that does not depend on how many threads there are,
// and what parts sum up is added in their order.
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "isokern/spectrum.hpp"
#include "matrices.hpp"
#include "parallel.hpp"
#include "reflectors.hpp"

namespace isokern {
namespace {

constexpr Index kSize = kBandBlock * kBandBlock;
constexpr Index kParts = 4;

// Blocks of vectors, also transposed.
struct Vectors {
  double *rows, *turned;
};

class Reduction {
 public:
  Reduction(Index d, int threads)
      : kernels_(kernels().band),
        n_((d + kBandBlock - 1) / kBandBlock),
        threads_(threads),
        workspace_(1, (n_ * (n_ + 1) / 2 + (9 + kParts) * n_ + 5) * kSize * Index{sizeof(double)}) {
    double* next = workspace_.of<double>(0);
    const auto take = [&](Index tiles) {
      double* const taken = next;
      next += tiles * kSize;
      return taken;
    };
    tiles_ = take(n_ * (n_ + 1) / 2);
    for (Vectors& v : v_) v = {take(n_), take(n_)};
    w_ = {take(n_), take(n_)};
    x_ = take(n_);
    diagonal_ = take(n_);
    below_ = take(n_);
    for (double*& z : z_) z = take(n_);
    t_ = take(1);
    small_ = take(1);
    other_ = take(1);
    scratch_ = take(2);
  }

  // The lower triangle, times `scale`; ones on the diagonal beyond it.
  void load(const Matrix<const double>& a, Index d, double scale) {
    parallel_for(n_, threads_, [&](Index begin, Index end, int) {
      for (Index i = begin; i < end; ++i) {
        for (Index j = 0; j <= i; ++j) {
          double* const to = tile(i, j);
          for (Index r = 0; r < kBandBlock; ++r) {
            const Index row = i * kBandBlock + r;
            for (Index c = 0; c < kBandBlock; ++c) {
              const Index column = j * kBandBlock + c;
              const Index low = std::max(row, column), first = std::min(row, column);
              to[r * kBandBlock + c] =
                  low < d ? a.data[low * a.row_stride + first * a.column_stride] * scale
                          : static_cast<double>(row == column);
            }
          }
        }
      }
    });
  }

  void run() {
    for (Index k = 0; k < n_; ++k) {
      Vectors &old = v_[k % 2], &own = v_[(k + 1) % 2];
      parallel_for(n_ - k, threads_, [&](Index begin, Index end, int) {
        for (Index i = k + begin; i < k + end; ++i) {
          if (k > 0) update(old, i, k);
          std::copy_n(tile(i, k), kSize, i == k ? at(diagonal_, k) : at(own.rows, i));
        }
      });
      if (k + 1 == n_) break;
      kernels_.panel(at(own.rows, k + 1), (n_ - k - 1) * kBandBlock, at(below_, k), t_, scratch_);
      for (Index i = k + 1; i < n_; ++i) kernels_.transpose(at(own.rows, i), at(own.turned, i));
      sweep(old, own, k);
      correct(own, k);
    }
  }

  // The traces of the band's root and inverse; NaN where these are not known.
  void traces(double& roots, double& inverse) {
    double largest = 0;
    for (Index i = 0; i < n_; ++i) {
      for (Index r = 0; r < kBandBlock; ++r) {
        double sum = 0;
        for (Index c = 0; c < kBandBlock; ++c) {
          sum += std::abs(at(diagonal_, i)[r * kBandBlock + c]);
          if (i + 1 < n_) sum += std::abs(at(below_, i)[c * kBandBlock + r]);
          if (i > 0) sum += std::abs(at(below_, i - 1)[r * kBandBlock + c]);
        }
        if (!(sum <= largest)) largest = sum;
      }
    }
    roots = inverse = std::numeric_limits<double>::quiet_NaN();
    if (!std::isfinite(largest)) return;
    const Index groups = kernels_.groups;
    std::vector<BandTraces> runs(static_cast<std::size_t>(groups));
    std::vector<std::int8_t> good(static_cast<std::size_t>(groups));
    const Workspace workspace(threads_,
                              (4 * kSize + kBandBlock) * kernels_.lanes * Index{sizeof(double)});
    parallel_for(groups, threads_, [&](Index begin, Index end, int thread) {
      for (Index group = begin; group < end; ++group) {
        BandTraces& own = runs[static_cast<std::size_t>(group)];
        own = {diagonal_, below_, n_, group, largest, workspace.of<double>(thread), 0, 0};
        good[static_cast<std::size_t>(group)] = kernels_.traces(own) ? 1 : 0;
      }
    });
    double sum = 0, total = 0;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      if (good[i] == 0) return;
      sum += runs[i].roots;
      total += runs[i].inverse;
    }
    // 1 / tr A^-1 is below the least eigenvalue.
    if (!(total * largest * kLeastRoot < 1)) return;
    roots = sum * std::sqrt(largest);
    inverse = total;
  }

  Index size() const noexcept { return n_ * kBandBlock; }

 private:
  double* tile(Index i, Index j) const noexcept { return tiles_ + (i * (i + 1) / 2 + j) * kSize; }
  static double* at(double* blocks, Index i) noexcept { return blocks + i * kSize; }

  void update(const Vectors& v, Index i, Index j) const {
    kernels_.product(BandInto::subtract, at(v.rows, i), false, at(w_.turned, j), tile(i, j));
    kernels_.product(BandInto::subtract, at(w_.rows, i), false, at(v.turned, j), tile(i, j));
  }

  // Updates what is right of block column k, and multiplies it by the new vectors: X = A V.
  void sweep(const Vectors& old, const Vectors& own, Index k) {
    const Index rows = n_ - k - 1;
    Index bounds[kParts + 1];
    for (Index p = 0; p <= kParts; ++p) {
      bounds[p] =
          k + 1 +
          std::llround(static_cast<double>(rows) * std::sqrt(static_cast<double>(p) / kParts));
    }
    parallel_for(kParts, threads_, [&](Index begin, Index end, int) {
      for (Index part = begin; part < end; ++part) {
        double* const z = z_[part];
        for (Index i = bounds[part]; i < bounds[part + 1]; ++i) {
          for (Index j = k + 1; j <= i; ++j) {
            if (k > 0) update(old, i, j);
            const double* const a = tile(i, j);
            kernels_.product(j == k + 1 ? BandInto::assign : BandInto::add, a, false,
                             at(own.rows, j), at(x_, i));
            if (j == i) break;
            const bool first = i == bounds[part] || j == i - 1;
            kernels_.product(first ? BandInto::assign : BandInto::add, a, true, at(own.rows, i),
                             at(z, j));
          }
        }
      }
    });
    parallel_for(rows, threads_, [&](Index begin, Index end, int) {
      for (Index i = k + 1 + begin; i < k + 1 + end; ++i) {
        double* const to = at(x_, i);
        for (Index part = 0; part < kParts; ++part) {
          // The part's last row has no tile above the diagonal of its own column.
          if (i >= bounds[part + 1] - 1 || bounds[part] == bounds[part + 1]) continue;
          const double* const from = at(z_[part], i);
          for (Index e = 0; e < kSize; ++e) to[e] += from[e];
        }
      }
    });
  }

  // W of this step.
  void correct(const Vectors& own, Index k) {
    double* const y = w_.rows;
    parallel_for(n_ - k - 1, threads_, [&](Index begin, Index end, int) {
      for (Index i = k + 1 + begin; i < k + 1 + end; ++i)
        kernels_.product(BandInto::assign, at(x_, i), false, t_, at(y, i));
    });
    for (Index i = k + 1; i < n_; ++i) {
      kernels_.product(i == k + 1 ? BandInto::assign : BandInto::add, at(own.rows, i), true,
                       at(y, i), small_);
    }
    kernels_.product(BandInto::assign, t_, true, small_, other_);
    for (Index e = 0; e < kSize; ++e) other_[e] *= 0.5;
    parallel_for(n_ - k - 1, threads_, [&](Index begin, Index end, int) {
      for (Index i = k + 1 + begin; i < k + 1 + end; ++i) {
        kernels_.product(BandInto::subtract, at(own.rows, i), false, other_, at(y, i));
        kernels_.transpose(at(y, i), at(w_.turned, i));
      }
    });
  }

  const BandKernels& kernels_;
  Index n_;
  int threads_;
  Workspace workspace_;
  double* tiles_;
  Vectors v_[2], w_;
  double *x_, *diagonal_, *below_, *z_[kParts], *t_, *small_, *other_, *scratch_;
};

}  // namespace

void trace_root(const ConstView& a, const View& out) {
  constexpr const char* f = "trace_root";
  require_matrix(f, {"a", a}, Dtype::float64);
  const Index d = a.shape[a.rank - 1];
  require_extent(f, {"a", a}, 2, d, "rows, as it has columns");
  Layout two;
  two.rank = 1;
  two.shape[0] = 2;
  require_shape(f, "out", out, two, Dtype::float64);
  require_outputs_apart(f, {{"out", out}}, {{"a", a}});
  if (a.rank != 2)
    throw invalid_argument(std::string(f) + ": a has shape " + shape_text(a) +
                           ", expected one matrix");
  const Index stride = a.strides[0];
  const double* const data = a.as<double>();
  double largest = 0;
  for (Index i = 0; i < d; ++i) {
    const double value = data[i * (stride + 1)];
    if (!(value <= largest)) largest = value;
  }
  double roots = 0, inverse = 0;
  if (d > 0) {
    // An even power of two, so that its root is exact.
    const int exponent = std::isfinite(largest) && largest > 0 ? std::ilogb(largest) / 2 * 2 : 0;
    const double size = static_cast<double>(d);
    Reduction reduction(d, threads_for_flops(size * size * size * 4 / 3));
    reduction.load({data, stride, 1}, d, std::ldexp(1.0, -exponent));
    reduction.run();
    reduction.traces(roots, inverse);
    const double padding = static_cast<double>(reduction.size() - d);
    roots = std::ldexp(roots - padding, exponent / 2);
    inverse = std::ldexp(inverse - padding, -exponent);
  }
  double* const to = out.as<double>();
  to[0] = roots;
  to[out.strides[0]] = inverse;
}

}  // namespace isokern
