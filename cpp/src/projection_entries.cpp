// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Entries of maps of every kind by row, blocks of their matrices, and compressed rows.
#include <unordered_map>

#include "isokern/orthogonal.hpp"
#include "isokern/random.hpp"
#include "matrices.hpp"
#include "projection.hpp"

namespace isokern {
namespace {

// The upper half of a product of 64-bit numbers.
std::uint64_t high_product(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t a0 = a & 0xFFFFFFFFu, a1 = a >> 32, b0 = b & 0xFFFFFFFFu, b1 = b >> 32;
  const std::uint64_t low = a0 * b0, middle = a1 * b0 + (low >> 32);
  const std::uint64_t other = a0 * b1 + (middle & 0xFFFFFFFFu);
  return a1 * b1 + (middle >> 32) + (other >> 32);
}

}  // namespace

Index hadamard_size(const Sketch& map) {
  Index n = 1;
  while (n < map.d() || n < map.k()) n *= 2;
  return n;
}

std::vector<std::uint32_t> hadamard_rows_of(const Sketch& map) {
  const std::uint64_t n = static_cast<std::uint64_t>(hadamard_size(map));
  const std::size_t k = static_cast<std::size_t>(map.k());
  std::vector<std::uint32_t> words(2 * k), rows(k);
  random_bits(map.seed(), sketch_stream_srht + 1, 0, 2 * map.k(), words.data());
  // The first steps of a shuffle; only places that have been touched are kept.
  std::unordered_map<std::uint64_t, std::uint32_t> moved;
  for (std::size_t t = 0; t < k; ++t) {
    const std::uint64_t u = words[2 * t] | static_cast<std::uint64_t>(words[2 * t + 1]) << 32;
    const std::uint64_t other = t + high_product(u, n - t);
    const auto at = [&](std::uint64_t place) {
      const auto found = moved.find(place);
      return found == moved.end() ? static_cast<std::uint32_t>(place) : found->second;
    };
    rows[t] = at(other);
    moved[other] = at(t);
  }
  return rows;
}

template <class T>
std::vector<T> hadamard_signs(const Sketch& map, Index first, Index count) {
  std::vector<T> signs(static_cast<std::size_t>(count));
  MapSpec spec = spec_of(map);
  spec.entries = MapEntries::signs;
  spec.stream = sketch_stream_srht;
  projection_kernels<T>().entries(spec, 0, first, count, signs.data());
  return signs;
}

template <class T>
EntrySource<T>::EntrySource(const Sketch& map) : map_(map), spec_(spec_of(map)) {
  if (map.kind() == SketchKind::srht) {
    hadamard_ = hadamard_rows_of(map);
    signs_ = hadamard_signs<T>(map, 0, map.d());
  } else if (map.kind() == SketchKind::haar) {
    haar_.resize(static_cast<std::size_t>(map.d() * map.k()));
    haar(map.seed(), false, View(haar_.data(), {map.d(), map.k()}));
    for (T& value : haar_) value = static_cast<T>(static_cast<double>(value) * map.scale());
  }
}

template <class T>
void EntrySource<T>::row(Index row, Index first, Index count, T* out) const noexcept {
  if (map_.kind() == SketchKind::srht) {
    const std::uint32_t pattern = hadamard_[static_cast<std::size_t>(row)];
    for (Index j = 0; j < count; ++j) {
      std::uint32_t common = pattern & static_cast<std::uint32_t>(first + j);
      for (int shift = 16; shift > 0; shift /= 2) common ^= common >> shift;
      const T value = signs_[static_cast<std::size_t>(first + j)];
      out[j] = (common & 1) != 0 ? -value : value;
    }
  } else if (map_.kind() == SketchKind::haar) {
    const T* from = haar_.data() + first * map_.k() + row;
    for (Index j = 0; j < count; ++j) out[j] = from[j * map_.k()];
  } else {
    projection_kernels<T>().entries(spec_, row, first, count, out);
  }
}

template class EntrySource<float>;
template class EntrySource<double>;
template std::vector<float> hadamard_signs(const Sketch&, Index, Index);
template std::vector<double> hadamard_signs(const Sketch&, Index, Index);

void Sketch::matrix(const std::ptrdiff_t* rows, const std::ptrdiff_t* columns,
                    const View& out) const {
  constexpr const char* f = "Sketch.matrix";
  require_float(f, {"out", out});
  require_matrix(f, {"out", out}, out.dtype);
  require_writable(out, f, "out");
  if (out.rank != 2)
    throw invalid_argument("Sketch.matrix: out has shape " + shape_text(out) +
                           ", expected two axes");
  const Index n = out.shape[0], m = out.shape[1];
  const auto check = [](const std::ptrdiff_t* indices, Index count, Index end, const char* name) {
    for (Index i = 0; i < count; ++i) {
      if (indices[i] < 0 || indices[i] >= end) {
        throw invalid_argument("Sketch.matrix: " + std::string(name) + " has " +
                               std::to_string(indices[i]) + ", expected 0 to " +
                               std::to_string(end - 1));
      }
    }
  };
  check(rows, n, k_, "rows");
  check(columns, m, d_, "cols");
  if (n == 0 || m == 0) return;
  with_dtype(out.dtype, [&](auto zero) {
    using T = decltype(zero);
    const EntrySource<T> source(*this);
    parallel_for(n, threads_for(8.0 * static_cast<double>(n) * static_cast<double>(m)),
                 [&](Index begin, Index end, int) {
                   for (Index i = begin; i < end; ++i) {
                     T* to = out.as<T>() + i * out.strides[0];
                     // Columns that follow one another are made together.
                     for (Index j = 0; j < m;) {
                       Index run = 1;
                       while (j + run < m && columns[j + run] == columns[j] + run) ++run;
                       source.row(rows[i], columns[j], run, to + j);
                       j += run;
                     }
                   }
                 });
  });
}

std::ptrdiff_t Sketch::nonzeros() const {
  if (!is_sparse(kind_))
    throw invalid_argument("Sketch.to_csr: the map is dense, expected a sparse kind");
  if (s_ > 0) return d_ * s_;
  const Workspace memory(1, (d_ + 1) * static_cast<Index>(sizeof(Nonzero)));
  Index n = 0;
  for (Index row = 0; row < k_; ++row)
    n += kernels().maps.row_nonzeros(spec_of(*this), row, 0, d_, memory.of<Nonzero>(0));
  return n;
}

void Sketch::to_csr(std::int64_t* starts, std::int64_t* indices, const View& values) const {
  const Index n = nonzeros();
  require_float("Sketch.to_csr", {"values", values});
  require_shape("Sketch.to_csr", "values", values, {n}, values.dtype);
  if (n > Index{0xFFFFFFFF}) throw invalid_argument("Sketch.to_csr: more than 2^32 nonzeros");
  const MapSpec spec = spec_of(*this);
  Index at = 0;
  starts[0] = 0;
  const auto put = [&](Nonzero entry) {
    indices[at] = entry >> 1;
    with_dtype(values.dtype, [&](auto zero) {
      const auto value = static_cast<decltype(zero)>(scale_);
      values.as<decltype(zero)>()[at] = entry % 2 == 1 ? -value : value;
    });
    ++at;
  };
  if (s_ > 0) {
    const Lists lists = lists_by_row(spec, 0, d_);
    for (Index row = 0; row < k_; ++row) {
      for (Index i = lists.starts.get()[row]; i < lists.starts.get()[row + 1]; ++i)
        put(lists.entries.get()[i]);
      starts[row + 1] = at;
    }
    return;
  }
  const Workspace memory(1, (d_ + 1) * static_cast<Index>(sizeof(Nonzero)));
  for (Index row = 0; row < k_; ++row) {
    const Index count = kernels().maps.row_nonzeros(spec, row, 0, d_, memory.of<Nonzero>(0));
    for (Index i = 0; i < count; ++i) put(memory.of<Nonzero>(0)[i]);
    starts[row + 1] = at;
  }
}

}  // namespace isokern
