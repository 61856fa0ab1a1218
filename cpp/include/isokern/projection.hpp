// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Random maps R from d to k dimensions that keep lengths on average, E|Rx|^2 = |x|^2, and the
// Walsh-Hadamard transform. A map is a function of its kind, d, k, seed, s and density alone: it is
// never stored, and its entries are the same on every instruction set, on any number of threads and
// in Python; those of `haar` up to rounding.
//
// Where the entries come from: word w of stream t is word w mod 4 of the generator's block w div 4
// (random.hpp).
//   sparse_jl     Feature j has one nonzero in each of s groups of rows, +-1/sqrt(s). Group b
//   begins
//                 at row b k div s. With w = word b mod 4 of block j of stream sketch_stream + b
//                 div 4, its row in the group, of m rows, is ((w div 2) m) div 2^31; it is negative
//                 where w is odd. Maps of equal k/s, a whole number, share their first rows up to
//                 the factor.
//   count_sketch  the same with s = 1
//   achlioptas    With w = word j of stream sketch_stream_iid + i, entry (i, j) is not zero where w
//                 div 2 < round(density 2^31), and negative where w is odd; +-1/sqrt(density k),
//                 density 1/3
//   very_sparse   the same with density 1/sqrt(d), or as given
//   rademacher    +-1/sqrt(k), negative where bit j mod 32 of word j div 32 of stream
//                 sketch_stream_signs + i is set
//   gaussian      normal number j of stream sketch_stream_normals + i, times 1/sqrt(k)
//   srht          rows of the Hadamard matrix of 2^m >= max(d, k) rows, drawn without replacement,
//                 with random signs of the features: +-1/sqrt(k). Signs as above from stream
//                 sketch_stream_srht. Step t of the draw exchanges place t with place t + (u (2^m -
//                 t)) div 2^64, u = word 2t + 2^32 word 2t + 1 of the stream after it.
//   haar          the first k columns, transposed, of the matrix that `haar` draws, times sqrt(d/k)
// Rows are kept when k grows, up to the factor, but those of sparse_jl (see there) and
// count_sketch, and of srht while 2^m stays.
//
// Sums over features: the sparse kinds add their terms +-(c x_j) in the order of the features (of
// the stored nonzeros, for sparse input), one after another, without fused operations: results are
// the same bits on every instruction set and for any cut of the features into column blocks. The
// other kinds cut into column blocks give the same bits where the blocks begin at multiples of 128
// (srht: up to rounding). No result depends on the number of threads, or on the other rows.
#pragma once

#include <cstddef>
#include <cstdint>

#include "config.hpp"
#include "views.hpp"

namespace isokern {

inline constexpr std::uint64_t sketch_stream = std::uint64_t{2} << 48;
inline constexpr std::uint64_t sketch_stream_iid = sketch_stream + (std::uint64_t{1} << 40);
inline constexpr std::uint64_t sketch_stream_signs = sketch_stream + (std::uint64_t{2} << 40);
inline constexpr std::uint64_t sketch_stream_normals = sketch_stream + (std::uint64_t{3} << 40);
inline constexpr std::uint64_t sketch_stream_srht = sketch_stream + (std::uint64_t{4} << 40);

enum class SketchKind {
  sparse_jl,
  count_sketch,
  achlioptas,
  very_sparse,
  rademacher,
  gaussian,
  srht,
  haar
};

/// A sparse matrix in compressed rows (CSR) or columns (CSC). Indices need no order; entries with
/// the same index add up.
struct SparseView {
  bool by_column = false;  ///< CSC
  std::ptrdiff_t rows = 0, columns = 0;
  ConstView values;               ///< (n), contiguous
  bool wide = false;              ///< indices and starts are of 64 bits, not 32
  const void* indices = nullptr;  ///< n column indices (row indices in CSC)
  const void* starts = nullptr;   ///< rows + 1 (columns + 1)
};

class ISOKERN_API Sketch {
 public:
  struct Options {
    std::uint64_t seed = 0;
    std::ptrdiff_t s = 0;  ///< sparse_jl: nonzeros a feature; 0: 8, or k if that is less
    double density = 0;    ///< very_sparse, from 1e-6 to 1; 0: 1/sqrt(d)
  };

  /// 1 <= d, k < 2^30; for `haar` k <= d, for `srht` both at most 2^24.
  Sketch(SketchKind kind, std::ptrdiff_t d, std::ptrdiff_t k, const Options& options);
  Sketch(SketchKind kind, std::ptrdiff_t d, std::ptrdiff_t k) : Sketch(kind, d, k, Options{}) {}

  SketchKind kind() const noexcept { return kind_; }
  std::ptrdiff_t d() const noexcept { return d_; }
  std::ptrdiff_t k() const noexcept { return k_; }
  std::uint64_t seed() const noexcept { return seed_; }
  std::ptrdiff_t s() const noexcept { return s_; }      ///< of the kinds with groups, else 0
  double density() const noexcept { return density_; }  ///< of independent entries, else 0
  double scale() const noexcept { return scale_; }      ///< the factor of the entries

  /// out = x R^T for rows x (..., d), out (..., k), float32 or float64. NaN stays in its row.
  void apply(const ConstView& x, const View& out) const;
  /// The same for a sparse matrix (n, d), out (n, k) dense. Nothing is made dense but rows for
  /// `srht`.
  void apply(const SparseView& x, const View& out) const;
  /// out = y R for rows y (..., k), out (..., d).
  void adjoint(const ConstView& y, const View& out) const;
  /// out += x R[:, start : start + n]^T for n columns (..., n), which are features start, start +
  /// 1, ...: column blocks in ascending order add up to what `apply` gives.
  void accumulate(const ConstView& x_columns, std::ptrdiff_t start, const View& out) const;
  void accumulate(const SparseView& x_columns, std::ptrdiff_t start, const View& out) const;
  /// The chosen rows and columns of R; out (number of rows, number of columns).
  void matrix(const std::ptrdiff_t* rows, const std::ptrdiff_t* columns, const View& out) const;
  /// Nonzeros of R, of the sparse kinds.
  std::ptrdiff_t nonzeros() const;
  /// R in compressed rows: starts (k + 1), indices and values (nonzeros()), ascending in each row.
  void to_csr(std::int64_t* starts, std::int64_t* indices, const View& values) const;

 private:
  SketchKind kind_;
  std::ptrdiff_t d_, k_, s_;
  std::uint64_t seed_;
  double density_, scale_;
};

/// out = H x, times 1/sqrt(n) if `normalize`, along an axis of n numbers, a power of two up to
/// 2^24: entry (i, j) of H is -1 to the number of bits that i and j have in common. out may be
/// exactly x. Stages go from the lowest bit to the highest: the same bits on every instruction set.
ISOKERN_API void fwht(const ConstView& x, int axis, bool normalize, const View& out);

}  // namespace isokern
