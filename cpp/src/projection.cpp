// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Random maps: their parameters, and the checks of what they are applied to.
#include "projection.hpp"

#include <atomic>
#include <cmath>
#include <type_traits>

#include "matrices.hpp"

namespace isokern {
namespace {

constexpr double kLeastDensity = 1e-6;
constexpr Index kLargest = (Index{1} << 30) - 1, kLargestHadamard = Index{1} << 24;

[[noreturn]] void reject(const char* function, const std::string& what) {
  throw invalid_argument(std::string(function) + ": " + what);
}

void require_size(const char* name, Index value, Index largest) {
  if (value < 1 || value > largest) {
    reject("Sketch", std::string(name) + " is " + std::to_string(value) + ", expected 1 to " +
                         std::to_string(largest));
  }
}

// Rows (..., columns) of a float type beside an output (..., outputs).
void require_rows_pair(const char* function, const char* name, const ConstView& x, Index columns,
                       const View& out, Index outputs) {
  require_float(function, {name, x});
  require_rows(function, {name, x}, columns, x.dtype);
  require_output(function, "out", out, batch_of(x), outputs, x.dtype);
  require_disjoint(out, x, false, function, "out", name);
}

void require_start(const char* function, Index start, Index columns, Index d) {
  if (start < 0 || start > d - columns) {
    reject(function, "columns " + std::to_string(start) + " to " +
                         std::to_string(start + columns - 1) + " are given, expected columns of " +
                         std::to_string(d));
  }
}

template <class T>
void apply_rows(const Sketch& map, const ConstView& x, const Features& features, const View& out) {
  if (is_sparse(map.kind())) {
    apply_lists<T>(map, x, features, out);
  } else if (map.kind() == SketchKind::srht) {
    apply_srht<T>(map, x, features, out);
  } else {
    apply_panels<T>(map, x, features, out);
  }
}

template <class I>
void require_indices(const char* function, const SparseView& x) {
  const I* starts = static_cast<const I*>(x.starts);
  const I* indices = static_cast<const I*>(x.indices);
  const Index lines = x.by_column ? x.columns : x.rows, extent = x.by_column ? x.rows : x.columns;
  const Index n = x.values.shape[0];
  bool ascending = starts[0] == 0 && static_cast<Index>(starts[lines]) == n;
  for (Index i = 0; i < lines; ++i) ascending = ascending && starts[i] <= starts[i + 1];
  if (!ascending) {
    reject(function,
           "indptr is not ascending from 0 to the number of values, " + std::to_string(n));
  }
  // The sign bits of all numbers, and of their distances from the last index.
  using U = std::make_unsigned_t<I>;
  const U last = static_cast<U>(extent - 1);
  std::atomic<bool> inside{true};
  parallel_for(n, threads_for(static_cast<double>(n) * sizeof(I)),
               [&](Index begin, Index end, int) {
                 U negative = 0, beyond = 0;
                 for (Index i = begin; i < end; ++i) {
                   const U index = static_cast<U>(indices[i]);
                   negative |= index;
                   beyond |= last - index;
                 }
                 if (static_cast<I>(negative | beyond) < 0) inside = false;
               });
  if (inside) return;
  for (Index i = 0; i < n; ++i) {
    if (indices[i] >= 0 && static_cast<Index>(indices[i]) < extent) continue;
    reject(function, "indices has " + std::to_string(indices[i]) + ", expected 0 to " +
                         std::to_string(extent - 1));
  }
}

void require_sparse(const char* function, const char* name, const SparseView& x, const View& out,
                    Index outputs) {
  require_float(function, {name, x.values});
  Layout wanted;
  wanted.append(x.rows, 0);
  require_output(function, "out", out, wanted, outputs, x.values.dtype);
  // Indices that were looked at must not change while rows are written.
  const Index lines = (x.by_column ? x.columns : x.rows) + 1, words = x.wide ? 2 : 1;
  const ConstView indices(static_cast<const float*>(x.indices), {x.values.size() * words});
  const ConstView starts(static_cast<const float*>(x.starts), {lines * words});
  require_disjoint(out, x.values, false, function, "out", name);
  require_disjoint(out, indices, false, function, "out", name);
  require_disjoint(out, starts, false, function, "out", name);
  if (x.wide) {
    require_indices<std::int64_t>(function, x);
  } else {
    require_indices<std::int32_t>(function, x);
  }
}

}  // namespace

Sketch::Sketch(SketchKind kind, std::ptrdiff_t d, std::ptrdiff_t k, const Options& options)
    : kind_(kind), d_(d), k_(k), s_(0), seed_(options.seed), density_(0), scale_(1) {
  const Index largest = kind == SketchKind::srht ? kLargestHadamard : kLargest;
  require_size("d", d, largest);
  require_size("k", k, kind == SketchKind::haar ? std::min(d, largest) : largest);
  const double rows = static_cast<double>(k);
  switch (kind) {
    case SketchKind::sparse_jl:
    case SketchKind::count_sketch: {
      const Index usual = kind == SketchKind::count_sketch ? 1 : std::min<Index>(8, k);
      s_ = options.s == 0 ? usual : options.s;
      require_size("s", s_, kind == SketchKind::count_sketch ? 1 : k);
      scale_ = 1 / std::sqrt(static_cast<double>(s_));
      break;
    }
    case SketchKind::achlioptas:
    case SketchKind::very_sparse: {
      const bool third = kind == SketchKind::achlioptas;
      const double usual = third ? 1.0 / 3 : 1 / std::sqrt(static_cast<double>(d));
      density_ = third || options.density == 0 ? usual : options.density;
      // Below, the probability that is drawn, a multiple of 2^-31, would differ from it.
      if (!(density_ >= kLeastDensity && density_ <= 1)) {
        reject("Sketch", "density is " + std::to_string(density_) + ", expected from 1e-6 to 1");
      }
      scale_ = 1 / std::sqrt(density_ * rows);
      break;
    }
    case SketchKind::haar:
      scale_ = std::sqrt(static_cast<double>(d) / rows);
      break;
    default:
      scale_ = 1 / std::sqrt(rows);
  }
}

MapSpec spec_of(const Sketch& map) {
  MapSpec spec{};
  spec.seed = map.seed();
  spec.d = map.d();
  spec.k = map.k();
  spec.groups = std::max<Index>(map.s(), 1);
  spec.scale = map.scale();
  switch (map.kind()) {
    case SketchKind::achlioptas:
    case SketchKind::very_sparse:
      spec.entries = MapEntries::iid;
      spec.stream = sketch_stream_iid;
      spec.threshold =
          static_cast<std::uint32_t>(std::max(1.0, std::nearbyint(map.density() * 0x1p31)));
      break;
    case SketchKind::rademacher:
      spec.entries = MapEntries::signs;
      spec.stream = sketch_stream_signs;
      break;
    case SketchKind::gaussian:
      spec.entries = MapEntries::normals;
      spec.stream = sketch_stream_normals;
      break;
    default:
      spec.entries = MapEntries::groups;
      spec.stream = sketch_stream;
  }
  return spec;
}

void Sketch::apply(const ConstView& x, const View& out) const {
  require_rows_pair("Sketch.apply", "x", x, d_, out, k_);
  if (out.size() == 0) return;
  with_dtype(x.dtype,
             [&](auto zero) { apply_rows<decltype(zero)>(*this, x, {0, d_, false}, out); });
}

void Sketch::accumulate(const ConstView& x_columns, std::ptrdiff_t start, const View& out) const {
  constexpr const char* f = "Sketch.accumulate";
  require_float(f, {"x_columns", x_columns});
  const Index columns = x_columns.rank > 0 ? x_columns.shape[x_columns.rank - 1] : 0;
  if (x_columns.rank > 0 && columns == 0) {
    require_output(f, "out", out, batch_of(x_columns), k_, x_columns.dtype);
    return;
  }
  require_rows_pair(f, "x_columns", x_columns, columns, out, k_);
  require_start(f, start, columns, d_);
  if (out.size() == 0) return;
  with_dtype(x_columns.dtype, [&](auto zero) {
    apply_rows<decltype(zero)>(*this, x_columns, {start, columns, true}, out);
  });
}

void Sketch::adjoint(const ConstView& y, const View& out) const {
  require_rows_pair("Sketch.adjoint", "y", y, k_, out, d_);
  if (out.size() == 0) return;
  with_dtype(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    if (is_sparse(kind_)) {
      adjoint_lists<T>(*this, y, out);
    } else if (kind_ == SketchKind::srht) {
      adjoint_srht<T>(*this, y, out);
    } else {
      adjoint_panels<T>(*this, y, out);
    }
  });
}

void Sketch::apply(const SparseView& x, const View& out) const {
  if (x.columns != d_) {
    reject("Sketch.apply", "x has shape (" + std::to_string(x.rows) + ", " +
                               std::to_string(x.columns) + "), expected (n, " + std::to_string(d_) +
                               ")");
  }
  require_sparse("Sketch.apply", "x", x, out, k_);
  if (out.size() == 0) return;
  with_dtype(out.dtype,
             [&](auto zero) { apply_sparse<decltype(zero)>(*this, x, {0, d_, false}, out); });
}

void Sketch::accumulate(const SparseView& x_columns, std::ptrdiff_t start, const View& out) const {
  require_start("Sketch.accumulate", start, x_columns.columns, d_);
  require_sparse("Sketch.accumulate", "x_columns", x_columns, out, k_);
  if (out.size() == 0 || x_columns.columns == 0) return;
  with_dtype(out.dtype, [&](auto zero) {
    apply_sparse<decltype(zero)>(*this, x_columns, {start, x_columns.columns, true}, out);
  });
}

}  // namespace isokern
