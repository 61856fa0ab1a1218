// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Mean and scatter of rows. Rows are shared out in parts, whose number does not depend on that of
// the threads. A part goes block by block; each is centred about the mean of its first rows, so
// that neither an offset nor a drift of the data is in the products, and is merged with what was
// before it by the formula for two sets of rows. Products of float are float and summed as such
// over a block at the most.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "gaussian.hpp"
#include "parallel.hpp"

namespace isokern {
namespace {

constexpr Index kBlockRows = 2048, kNearRows = 32;
constexpr Index kMostParts = 16, kLeastPart = 1024;
constexpr Index kPartNumbers = Index{1} << 24;  // of all parts together

// Rows, and the roots of their weights in a unit near the largest one.
template <class S>
struct Rows {
  const S* x;
  Index stride, d;
  const double* weight;
  double unit;
};

// Of a triangle in strips of `width` columns, blocks above one another (see kernels/moments.cpp).
struct Part {
  double weight = 0;
  std::vector<double> mean, scatter;
  Index width = 0;

  double at(Index i, Index j) const {  // i <= j
    const Index s = j / width, t = i / width;
    return scatter[static_cast<std::size_t>((s * (s + 1) / 2 + t) * width * width +
                                            i % width * width + j % width)];
  }
};

// What products in T would make infinite, or too small for all their digits.
bool extreme(const float* largest, Index d) {
  constexpr float most = 0x1p48F;
  return !std::all_of(largest, largest + d,
                      [](float v) { return v == 0 || (v < most && v > 1 / most); });
}
bool extreme(const double*, Index) {
  return false;
}

// A part of the rows with products in T; false where these are extreme.
template <class S, class T>
bool sum_part(const Rows<S>& rows, Index begin, Index end, Part& part) {
  const MomentKernels<T>& k = moment_kernels<T>();
  const Index d = rows.d, strips = (d + k.width - 1) / k.width, padded = strips * k.width;
  const auto size = [](Index n) { return static_cast<std::size_t>(n); };
  const Index triangle = strips * (strips + 1) / 2 * k.width * k.width;
  part.weight = 0;
  part.width = k.width;
  part.mean.assign(size(padded), 0.0);
  part.scatter.assign(size(triangle), 0.0);
  std::vector<double> near(size(padded)), offset(size(padded)), gap(size(padded));
  std::vector<T> shift(size(padded)), sums(size(padded)), largest(size(padded));
  std::vector<T> roots(size(rows.weight != nullptr ? k.rows : 0));
  const Workspace workspace(1, (k.packed_size(d) + triangle) * Index{sizeof(T)});
  T* const packed = workspace.of<T>(0);
  T* const products = packed + k.packed_size(d);
  const auto weight_of = [&](Index row) {
    return rows.weight != nullptr ? rows.weight[row] / rows.unit : 1.0;
  };
  for (Index block = begin; block < end; block += kBlockRows) {
    const Index stop = std::min(end, block + kBlockRows);
    Index counted = 0;
    std::fill(near.begin(), near.end(), 0.0);
    for (Index row = block; row < stop && counted < kNearRows; ++row) {
      if (!(weight_of(row) > 0)) continue;
      ++counted;
      for (Index j = 0; j < d; ++j)
        near[size(j)] += static_cast<double>(rows.x[row * rows.stride + j]);
    }
    if (counted == 0) continue;
    for (Index j = 0; j < d; ++j)
      shift[size(j)] = static_cast<T>(static_cast<S>(near[size(j)] / static_cast<double>(counted)));
    std::fill(offset.begin(), offset.end(), 0.0);
    double weight = 0;
    for (Index first = block; first < stop; first += k.rows) {
      const Index count = std::min(k.rows, stop - first);
      std::fill(sums.begin(), sums.end(), T(0));
      std::fill(largest.begin(), largest.end(), T(0));
      for (Index i = 0; i < count; ++i) {
        weight += weight_of(first + i);
        if (rows.weight != nullptr)
          roots[size(i)] = static_cast<T>(std::sqrt(weight_of(first + i)));
      }
      const MomentPack<S, T> run{rows.x + first * rows.stride,
                                 rows.stride,
                                 count,
                                 d,
                                 shift.data(),
                                 roots.empty() ? nullptr : roots.data(),
                                 packed,
                                 sums.data(),
                                 largest.data()};
      if constexpr (std::is_same_v<S, T>) {
        k.pack(run);
      } else {
        k.pack_float(run);
      }
      if (extreme(largest.data(), d)) return false;
      Ahead ahead{};
      if (first + count < end) {
        const Index next = std::min(k.rows, end - first - count);
        ahead.spans[0] = {rows.x + (first + count) * rows.stride,
                          next * rows.stride * Index{sizeof(S)}};
      }
      k.add(packed, count, d, first == block, ahead, products);
      for (Index j = 0; j < d; ++j) offset[size(j)] += static_cast<double>(sums[size(j)]);
    }
    const double total = part.weight + weight;
    for (Index j = 0; j < d; ++j) {
      offset[size(j)] /= weight;
      const double mean = static_cast<double>(shift[size(j)]) + offset[size(j)];
      gap[size(j)] = part.weight > 0 ? mean - part.mean[size(j)] : 0;
      part.mean[size(j)] =
          part.weight > 0 ? part.mean[size(j)] + gap[size(j)] * (weight / total) : mean;
    }
    k.merge({products, d, offset.data(), weight, gap.data(), part.weight * (weight / total),
             part.scatter.data()});
    part.weight = total;
  }
  return true;
}

template <class S>
void sum_rows(const Rows<S>& rows, Index n, double* mean, double* scatter) {
  const Index d = rows.d;
  const Index room = std::max(Index{1}, kPartNumbers / (d * (d + 1) / 2));
  const Index count = std::clamp(n / kLeastPart, Index{1}, std::min(kMostParts, room));
  std::vector<Part> parts(static_cast<std::size_t>(count));
  const double size = static_cast<double>(d);
  const int threads = threads_for_flops(static_cast<double>(n) * size * size);
  parallel_for(count, threads, [&](Index begin, Index end, int) {
    for (Index i = begin; i < end; ++i) {
      Part& part = parts[static_cast<std::size_t>(i)];
      const Index from = n / count * i + std::min(i, n % count);
      const Index to = from + n / count + (i < n % count ? 1 : 0);
      if (!sum_part<S, S>(rows, from, to, part)) sum_part<S, double>(rows, from, to, part);
    }
  });
  // The means are merged part after part, and with them the scatter of every row of the result.
  std::vector<double> gaps(static_cast<std::size_t>(count * d)), shares(parts.size());
  double weight = 0;
  std::fill(mean, mean + d, 0.0);
  for (std::size_t p = 0; p < parts.size(); ++p) {
    const double own = parts[p].weight, total = weight + own;
    if (!(own > 0)) continue;
    double* const gap = gaps.data() + static_cast<Index>(p) * d;
    for (Index j = 0; j < d; ++j) {
      const double found = parts[p].mean[static_cast<std::size_t>(j)];
      gap[j] = weight > 0 ? found - mean[j] : 0;
      mean[j] = weight > 0 ? mean[j] + gap[j] * (own / total) : found;
    }
    shares[p] = weight * (own / total);
    weight = total;
  }
  parallel_for(d, threads, [&](Index begin, Index end, int) {
    for (Index i = begin; i < end; ++i) {
      for (Index j = i; j < d; ++j) {
        double sum = 0;
        for (std::size_t p = 0; p < parts.size(); ++p) {
          if (!(parts[p].weight > 0)) continue;
          const double* const gap = gaps.data() + static_cast<Index>(p) * d;
          sum += parts[p].at(i, j) + shares[p] * gap[i] * gap[j];
        }
        scatter[i * d + j] = sum * rows.unit;
      }
    }
  });
  for (Index i = 0; i < d; ++i) {
    for (Index j = 0; j < i; ++j) scatter[i * d + j] = scatter[j * d + i];
  }
}

}  // namespace

void mean_and_scatter(const ConstView& x, const double* weight, double* mean, double* scatter) {
  const Index n = x.shape[0], d = x.shape[1];
  const double largest = weight == nullptr ? 1 : *std::max_element(weight, weight + n);
  // Weights of any scale have roots in float.
  const double unit = std::exp2(std::floor(std::log2(largest)));
  if (x.strides[1] != 1 && d > 1) {
    const Items rows(x, 1);
    sum_rows<double>({rows.values.data(), d, d, weight, unit}, n, mean, scatter);
  } else if (x.dtype == Dtype::float32) {
    sum_rows<float>({x.as<float>(), x.strides[0], d, weight, unit}, n, mean, scatter);
  } else {
    sum_rows<double>({x.as<double>(), x.strides[0], d, weight, unit}, n, mean, scatter);
  }
}

void scatter(const ConstView& x, const ConstView& weight, const View& mean, const View& out) {
  constexpr const char* f = "scatter";
  require_float(f, {"x", x});
  if (x.rank != 2 || x.shape[0] == 0 || x.shape[1] == 0) {
    throw invalid_argument(std::string(f) + ": x has shape " + shape_text(x) +
                           ", expected (n, d) with both of at least 1");
  }
  const Index n = x.shape[0], d = x.shape[1];
  std::vector<double> weights;
  if (weight) {
    weights = take_weights(f, weight, n);
    if (!std::any_of(weights.begin(), weights.end(), [](double w) { return w > 0; }))
      throw invalid_argument(std::string(f) + ": weight has no positive number");
  }
  require_exact(f, "mean", mean, Layout{d}, Dtype::float64);
  require_exact(f, "out", out, Layout{d, d}, Dtype::float64);
  Items means(Layout{d}, 1), sums(Layout{d, d}, 1);
  mean_and_scatter(x, weights.empty() ? nullptr : weights.data(), means.values.data(),
                   sums.values.data());
  store(means, mean);
  store(sums, out);
}

}  // namespace isokern
