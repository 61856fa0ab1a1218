// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Random maps and the Walsh-Hadamard transform against their definitions.
#include "support.hpp"

namespace {

using isokern::ConstView;
using isokern::Sketch;
using isokern::SketchKind;
using isokern::View;
using test::Index;
using test::Real;
using test::Reals;

constexpr SketchKind kinds[] = {SketchKind::sparse_jl,  SketchKind::count_sketch,
                                SketchKind::achlioptas, SketchKind::very_sparse,
                                SketchKind::rademacher, SketchKind::gaussian,
                                SketchKind::srht,       SketchKind::haar};

bool sparse(SketchKind kind) {
  return kind <= SketchKind::very_sparse;
}

std::uint32_t word(std::uint64_t seed, std::uint64_t stream, Index index) {
  return isokern::philox_block(seed, stream, static_cast<std::uint64_t>(index / 4)).word[index % 4];
}

int sign(std::uint64_t seed, std::uint64_t stream, Index j) {
  return (word(seed, stream, j / 32) >> (j % 32) & 1) != 0 ? -1 : 1;
}

// Entry (i, j) as the header defines it; srht and haar are judged otherwise.
Real defined(const Sketch& map, Index i, Index j) {
  const auto row = static_cast<std::uint64_t>(i);
  switch (map.kind()) {
    case SketchKind::sparse_jl:
    case SketchKind::count_sketch: {
      for (Index b = 0; b < map.s(); ++b) {
        const Index begin = b * map.k() / map.s(), end = (b + 1) * map.k() / map.s();
        if (i < begin || i >= end) continue;
        const auto stream = isokern::sketch_stream + static_cast<std::uint64_t>(b / 4);
        const std::uint64_t w = word(map.seed(), stream, 4 * j + b % 4);
        const Index chosen =
            static_cast<Index>((w / 2 * static_cast<std::uint64_t>(end - begin)) >> 31);
        return chosen != i - begin ? 0 : w % 2 == 1 ? -map.scale() : map.scale();
      }
      return 0;
    }
    case SketchKind::rademacher:
      return map.scale() * sign(map.seed(), isokern::sketch_stream_signs + row, j);
    case SketchKind::gaussian: {
      double number = 0;
      isokern::random_normals(map.seed(), isokern::sketch_stream_normals + row,
                              static_cast<std::uint64_t>(j), 1, &number);
      return number * map.scale();
    }
    default: {
      const std::uint32_t w = word(map.seed(), isokern::sketch_stream_iid + row, j);
      const bool inside = w / 2 < std::nearbyint(map.density() * 0x1p31);
      return !inside ? 0 : w % 2 == 1 ? -map.scale() : map.scale();
    }
  }
}

template <class T>
std::vector<T> matrix_of(const Sketch& map) {
  std::vector<Index> rows(test::size(map.k())), columns(test::size(map.d()));
  for (Index i = 0; i < map.k(); ++i) rows[test::size(i)] = i;
  for (Index j = 0; j < map.d(); ++j) columns[test::size(j)] = j;
  std::vector<T> values(test::size(map.k() * map.d()));
  map.matrix(rows.data(), columns.data(), View(values.data(), {map.k(), map.d()}));
  return values;
}

TEST_CASE_TEMPLATE("entries are a function of the seed and their place", T, float, double) {
  for (const SketchKind kind : kinds) {
    const Sketch map(kind, 150, 37, {12345, kind == SketchKind::sparse_jl ? 5 : 0, 0});
    const std::vector<T> values = matrix_of<T>(map);
    for (Index i = 0; i < map.k(); ++i) {
      Real square = 0;
      for (Index j = 0; j < map.d(); ++j) {
        const Real value = values[test::size(i * map.d() + j)];
        square += value * value;
        if (kind < SketchKind::srht)
          CHECK(static_cast<T>(value) == static_cast<T>(defined(map, i, j)));
        if (kind == SketchKind::srht) CHECK(std::abs(value) == static_cast<T>(map.scale()));
      }
      if (kind == SketchKind::haar)
        CHECK(static_cast<double>(square) == doctest::Approx(150.0 / 37).epsilon(1e-5));
    }
  }
}

TEST_CASE_TEMPLATE("products are those with the matrix", T, float, double) {
  constexpr Index n = 35, d = 150, k = 37;
  const std::vector<T> x = test::uniform<T>(n * d, 1), y = test::uniform<T>(n * k, 2);
  for (const SketchKind kind : kinds) {
    for (const Index s : {Index{0}, Index{20}}) {
      if (s != 0 && kind != SketchKind::sparse_jl) continue;
      const Sketch map(kind, d, k, {7, s, 0});
      const std::vector<T> r = matrix_of<T>(map);
      Reals forward(test::size(n * k)), back(test::size(n * d));
      for (Index row = 0; row < n; ++row) {
        for (Index i = 0; i < k; ++i) {
          for (Index j = 0; j < d; ++j) {
            const Real entry = r[test::size(i * d + j)];
            forward[test::size(row * k + i)] += entry * x[test::size(row * d + j)];
            back[test::size(row * d + j)] += entry * y[test::size(row * k + i)];
          }
        }
      }
      std::vector<T> got(test::size(n * k));
      map.apply(ConstView(x.data(), {n, d}), View(got.data(), {n, k}));
      CHECK(test::error(got.data(), forward, 4) < 8);
      std::vector<T> got_back(test::size(n * d));
      map.adjoint(ConstView(y.data(), {n, k}), View(got_back.data(), {n, d}));
      CHECK(test::error(got_back.data(), back, 4) < 8);

      // Column blocks, in order.
      std::vector<T> pieces(test::size(n * k));
      isokern::Layout part;
      part.append(n, d);
      part.append(128, 1);
      map.accumulate(ConstView(x.data(), part), 0, View(pieces.data(), {n, k}));
      part.shape[1] = d - 128;
      map.accumulate(ConstView(x.data() + 128, part), 128, View(pieces.data(), {n, k}));
      if (kind == SketchKind::srht) {
        CHECK(test::error(pieces.data(), forward, 4) < 8);
      } else {
        CHECK(test::same_bits(pieces, got));
      }
      for (const int threads : {1, 2, 3}) {
        const test::Threads scope(threads);
        std::vector<T> again(test::size(n * k));
        map.apply(ConstView(x.data(), {n, d}), View(again.data(), {n, k}));
        CHECK(test::same_bits(again, got));
      }
    }
  }
}

TEST_CASE_TEMPLATE("sparse matrices are mapped as dense ones", T, float, double) {
  constexpr Index n = 3, d = 6, k = 4;
  // Rows (1, 0, 2, 0, 0, 0), none, (0, 0, 3, 0, 0, 4), with an entry in two parts.
  const std::vector<T> dense = {1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 4};
  const std::vector<T> values = {2, 1, 4, 1, 2};
  const std::vector<std::int32_t> indices = {2, 0, 5, 2, 2}, starts = {0, 2, 2, 5};
  const std::vector<T> by_column = {1, 2, 3, 4};
  const std::vector<std::int64_t> rows = {0, 0, 2, 2}, columns = {0, 1, 1, 3, 3, 3, 4};
  for (const SketchKind kind : kinds) {
    const Sketch map(kind, d, k, {3, kind == SketchKind::sparse_jl ? 2 : 0, 0});
    std::vector<T> wanted(test::size(n * k)), got(test::size(n * k)), other(test::size(n * k));
    map.apply(ConstView(dense.data(), {n, d}), View(wanted.data(), {n, k}));
    isokern::SparseView x;
    x.rows = n;
    x.columns = d;
    x.values = ConstView(values.data(), {5});
    x.indices = indices.data();
    x.starts = starts.data();
    map.apply(x, View(got.data(), {n, k}));
    const Reals exact(wanted.begin(), wanted.end());
    CHECK(test::error(got.data(), exact, 8) < 4);
    x.by_column = x.wide = true;
    x.values = ConstView(by_column.data(), {4});
    x.indices = rows.data();
    x.starts = columns.data();
    map.apply(x, View(other.data(), {n, k}));
    CHECK(test::error(other.data(), exact, 8) < 4);
  }
}

TEST_CASE("compressed rows") {
  for (const SketchKind kind : kinds) {
    const Sketch map(kind, 50, 20);
    if (!sparse(kind)) {
      CHECK_THROWS_AS(map.nonzeros(), isokern::invalid_argument);
      continue;
    }
    const Index n = map.nonzeros();
    std::vector<std::int64_t> starts(21), indices(test::size(n));
    std::vector<double> values(test::size(n)), dense(1000);
    map.to_csr(starts.data(), indices.data(), View(values.data(), {n}));
    for (std::size_t i = 0; i < 20; ++i) {
      for (auto at = starts[i]; at < starts[i + 1]; ++at) {
        const auto place = static_cast<std::size_t>(at);
        dense[50 * i + static_cast<std::size_t>(indices[place])] = values[place];
      }
    }
    CHECK(test::same_bits(dense, matrix_of<double>(map)));
  }
}

TEST_CASE_TEMPLATE("the transform along each axis", T, float, double) {
  for (const Index n : {1, 2, 8, 64, 2048, 8192}) {
    const std::vector<T> x = test::uniform<T>(2 * n * 3, 5);
    std::vector<T> columns(x.size()), rows(x.size()), turned(x.size());
    isokern::fwht(ConstView(x.data(), {2, n, 3}), 1, false, View(columns.data(), {2, n, 3}));
    for (Index b = 0; b < 2; ++b) {
      for (Index i = 0; i < n; ++i) {
        for (Index c = 0; c < 3; ++c)
          turned[test::size((b * 3 + c) * n + i)] = x[test::size((b * n + i) * 3 + c)];
      }
    }
    isokern::fwht(ConstView(turned.data(), {6, n}), 1, false, View(turned.data(), {6, n}));
    for (Index b = 0; b < 2; ++b) {
      for (Index i = 0; i < n; ++i) {
        for (Index c = 0; c < 3; ++c)
          rows[test::size((b * n + i) * 3 + c)] = turned[test::size((b * 3 + c) * n + i)];
      }
    }
    CHECK(test::same_bits(rows, columns));
    if (n > 64) continue;
    Reals exact(x.size());
    for (Index b = 0; b < 2; ++b) {
      for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j < n; ++j) {
          Index common = i & j;
          for (const int shift : {8, 4, 2, 1}) common ^= common >> shift;
          for (Index c = 0; c < 3; ++c) {
            const Real value = x[test::size((b * n + j) * 3 + c)];
            exact[test::size((b * n + i) * 3 + c)] += (common & 1) != 0 ? -value : value;
          }
        }
      }
    }
    CHECK(test::error(columns.data(), exact, std::sqrt(static_cast<Real>(n))) < 8);
  }
}

TEST_CASE("what does not fit is refused") {
  using isokern::invalid_argument;
  CHECK_THROWS_AS(Sketch(SketchKind::gaussian, 0, 1), invalid_argument);
  CHECK_THROWS_AS(Sketch(SketchKind::haar, 3, 4), invalid_argument);
  CHECK_THROWS_AS(Sketch(SketchKind::sparse_jl, 3, 2, {0, 3, 0}), invalid_argument);
  CHECK_THROWS_AS(Sketch(SketchKind::very_sparse, 3, 2, {0, 0, 1.5}), invalid_argument);
  const Sketch map(SketchKind::gaussian, 4, 2);
  std::vector<double> x(12), y(6);
  const ConstView rows(x.data(), {3, 4});
  CHECK_THROWS_AS(map.apply(rows, View(y.data(), {2, 2})), invalid_argument);
  CHECK_THROWS_AS(map.adjoint(rows, View(y.data(), {3, 2})), invalid_argument);
  CHECK_THROWS_AS(map.apply(rows, View(x.data(), {3, 2})), invalid_argument);
  CHECK_THROWS_AS(map.accumulate(rows, 1, View(y.data(), {3, 2})), invalid_argument);
  isokern::SparseView sparse_rows;
  const std::vector<std::int32_t> indices = {4}, starts = {0, 1};
  sparse_rows.rows = 1;
  sparse_rows.columns = 4;
  sparse_rows.values = ConstView(x.data(), {1});
  sparse_rows.indices = indices.data();
  sparse_rows.starts = starts.data();
  CHECK_THROWS_AS(map.apply(sparse_rows, View(y.data(), {1, 2})), invalid_argument);
  const Index far = 4, first = 0;
  CHECK_THROWS_AS(map.matrix(&first, &far, View(y.data(), {1, 1})), invalid_argument);
  CHECK_THROWS_AS(isokern::fwht(rows, 0, false, View(y.data(), {3, 4})), invalid_argument);
  CHECK_THROWS_AS(isokern::fwht(rows, 2, false, View(x.data(), {3, 4})), invalid_argument);
}

}  // namespace
