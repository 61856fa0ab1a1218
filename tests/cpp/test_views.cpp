// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Views: layouts, strides of any kind, and which memory an output may share with an input.
#include "support.hpp"

namespace {

using isokern::ConstView;
using isokern::Dtype;
using isokern::Layout;
using isokern::OnError;
using isokern::View;
using test::Index;

// An array of rows with strides of its own.
Layout rows(Index n, Index stride, Index d) {
  Layout layout;
  layout.append(n, stride);
  layout.append(d, 1);
  return layout;
}

// reflect with v = (1, 0, ..., 0): the first coordinate of each row changes its sign.
void negate_first(const ConstView& x, const View& out) {
  const std::vector<float> v = [&] {
    std::vector<float> unit(test::size(x.shape[x.rank - 1]));
    unit[0] = 1;
    return unit;
  }();
  isokern::reflect({v.data(), {x.shape[x.rank - 1]}}, {}, x, OnError::raise, out);
}

}  // namespace

TEST_CASE("layouts") {
  const Layout layout{2, 3, 4};
  CHECK(layout.rank == 3);
  CHECK(layout.size() == 24);
  CHECK(layout.strides[0] == 12);
  CHECK(layout.strides[1] == 4);
  CHECK(layout.strides[2] == 1);
  CHECK(Layout{}.size() == 1);
  CHECK(Layout{5, 0}.size() == 0);
  CHECK_INVALID(Layout({2, -1}), "negative");
  Layout deep;
  for (int axis = 0; axis < isokern::max_rank; ++axis) deep.append(1, 1);
  CHECK_INVALID(deep.append(1, 1), "16 axes");
}

TEST_CASE("views carry their type; the default one is absent") {
  const double x[2] = {};
  isokern::bfloat16 y[2] = {};
  CHECK(ConstView(x, {2}).dtype == Dtype::float64);
  CHECK(View(y, {2}).dtype == Dtype::bfloat16);
  CHECK_FALSE(ConstView());
  CHECK(ConstView(x, {2}));
  CHECK(isokern::size_of(Dtype::float64) == 8);
  CHECK(isokern::size_of(Dtype::bfloat16) == 2);
}

TEST_CASE("strided, reversed and repeated rows in, rows with gaps out") {
  constexpr Index n = 4, d = 3;
  const auto memory = test::uniform<float>(100, 1);
  const struct {
    Index start, stride;
  } inputs[] = {{0, d}, {1, 5}, {20, -4}, {7, 0}};
  for (const auto& input : inputs) {
    for (Index gap : {Index{0}, Index{2}}) {
      std::vector<float> out(test::size(n * (d + gap)), 7);
      negate_first({memory.data() + input.start, rows(n, input.stride, d)},
                   {out.data(), rows(n, d + gap, d)});
      for (Index row = 0; row < n; ++row) {
        for (Index i = 0; i < d + gap; ++i) {
          const float got = out[test::size(row * (d + gap) + i)];
          const float x = memory[test::size(input.start + row * input.stride + std::min(i, d - 1))];
          CHECK(got == (i >= d ? 7 : i == 0 ? -x : x));
        }
      }
    }
  }
}

TEST_CASE("axes that do not merge, in an order that is not that of memory") {
  constexpr Index d = 2;
  const auto memory = test::uniform<float>(2 * 3 * 4 * d, 1);
  std::vector<float> out(memory.size());
  Layout layout;  // (3, 4, 2, d) of an array (2, 3, 4, d)
  layout.append(3, 4 * d);
  layout.append(4, d);
  layout.append(2, 12 * d);
  layout.append(d, 1);
  negate_first({memory.data(), layout}, {out.data(), layout});
  for (std::size_t i = 0; i < memory.size(); ++i)
    CHECK(out[i] == (i % d == 0 ? -memory[i] : memory[i]));
}

TEST_CASE("sixteen axes") {
  Layout layout;
  for (int axis = 0; axis < isokern::max_rank - 1; ++axis) layout.append(axis < 3 ? 2 : 1, 1);
  layout.append(2, 1);
  layout.strides[0] = 8;
  layout.strides[1] = 4;
  layout.strides[2] = 2;
  const auto x = test::uniform<float>(16, 1);
  std::vector<float> out(16);
  negate_first({x.data(), layout}, {out.data(), layout});
  for (std::size_t i = 0; i < 16; ++i) CHECK(out[i] == (i % 2 == 0 ? -x[i] : x[i]));
}

TEST_CASE("an output may be the input exactly, or be apart from it") {
  constexpr Index n = 4, d = 3;
  const auto original = test::uniform<float>(60, 1);
  auto memory = original;
  float* p = memory.data();

  SUBCASE("the same elements") {
    negate_first({p, {n, d}}, {p, {n, d}});
    CHECK(memory[0] == -original[0]);
    CHECK(memory[1] == original[1]);
  }
  SUBCASE("behind it") {
    negate_first({p, {n, d}}, {p + n * d, {n, d}});
    CHECK(memory[n * d] == -original[0]);
  }
  SUBCASE("rows that alternate with its rows") {
    negate_first({p, rows(n, 2 * d, d)}, {p + d, rows(n, 2 * d, d)});
    CHECK(memory[d] == -original[0]);
    CHECK(memory[0] == original[0]);
  }
  SUBCASE("one element in common") {
    CHECK_INVALID(negate_first({p, {n, d}}, {p + n * d - 1, {n, d}}), "reflect", "out overlaps x");
  }
  SUBCASE("shifted by a row") {
    CHECK_INVALID(negate_first({p, {n, d}}, {p + d, {n, d}}), "out overlaps x");
  }
  SUBCASE("the same start, another stride") {
    CHECK_INVALID(negate_first({p, rows(n, 5, d)}, {p, {n, d}}), "out overlaps x");
  }
  SUBCASE("alternating rows that touch") {
    CHECK_INVALID(negate_first({p, rows(n, 2 * d, d)}, {p + d - 1, rows(n, 2 * d, d)}),
                  "out overlaps x");
  }
  SUBCASE("reversed") {
    CHECK_INVALID(negate_first({p, {n, d}}, {p + (n - 1) * d, rows(n, -d, d)}), "out overlaps x");
  }
  SUBCASE("the vector that defines the map") {
    CHECK_INVALID(isokern::reflect({p, {d}}, {}, {p + 30, {n, d}}, OnError::raise, {p, {n, d}}),
                  "out overlaps v");
    CHECK_INVALID(isokern::rotate_between({p, {n, d}}, {p + 12, {n, d}}, {p + 24, {n, d}}, false,
                                          OnError::raise, {p, {n, d}}),
                  "out overlaps a");
    CHECK_INVALID(isokern::rotate_between({p, {n, d}}, {p + 12, {n, d}}, {p + 24, {n, d}}, false,
                                          OnError::raise, {p + 12, {n, d}}),
                  "out overlaps b");
  }
  // In every case that throws, nothing was written.
  if (memory[0] == original[0] && memory[d] == original[d] && memory[n * d] == original[n * d])
    CHECK(test::same_bits(memory, original));
}

TEST_CASE("a strided factor beside the rows of the output") {
  constexpr Index n = 4;
  const auto v = test::uniform<double>(n * 3, 1);
  std::vector<double> memory(n * 4, 1.0);
  const auto reflect_with_factor_in_column = [&](Index column) {
    Layout factors;
    factors.append(n, 4);
    isokern::reflect({v.data(), {n, 3}}, {memory.data() + column, factors}, {v.data(), {n, 3}},
                     OnError::raise, {memory.data(), rows(n, 4, 3)});
  };
  CHECK_INVALID(reflect_with_factor_in_column(2), "out overlaps tau");
  CHECK(memory[0] == 1.0);
  reflect_with_factor_in_column(3);
  CHECK(memory[0] != 1.0);
  CHECK(memory[3] == 1.0);
}

TEST_CASE("an output must not overlap itself") {
  const auto x = test::uniform<float>(12, 1);
  std::vector<float> out(12, 7);
  CHECK_INVALID(negate_first({x.data(), {4, 3}}, {out.data(), rows(4, 0, 3)}), "out",
                "overlaps itself");
  CHECK_INVALID(negate_first({x.data(), {4, 3}}, {out.data(), rows(4, 2, 3)}), "overlaps itself");
  CHECK(std::all_of(out.begin(), out.end(), [](float y) { return y == 7; }));
}

TEST_CASE("shapes and types are checked") {
  const auto x = test::uniform<float>(24, 1);
  const auto wide = test::uniform<double>(24, 1);
  std::vector<float> out(24);
  const View to(out.data(), {4, 3});
  const ConstView vx(x.data(), {4, 3});
  const auto rotate = [&](const ConstView& a, const ConstView& b, const View& target) {
    isokern::rotate_between(a, b, vx, false, OnError::raise, target);
  };
  CHECK_INVALID(rotate({x.data(), {4, 2}}, vx, to), "rotate_between: a has shape (4, 2)", "3");
  CHECK_INVALID(rotate({x.data(), {5, 3}}, vx, to), "batch axes", "(4,)", "(5,)");
  CHECK_INVALID(rotate(vx, {wide.data(), {4, 3}}, to), "b has dtype float64", "float32");
  CHECK_INVALID(rotate(vx, vx, {out.data(), {4, 4}}), "out has shape (4, 4)", "(4, 3)");
  CHECK_INVALID(rotate(vx, vx, {out.data(), {1, 4, 3}}), "out has shape (1, 4, 3)", "(4, 3)");
  Layout spread{4, 3};
  spread.strides[0] = 6;
  spread.strides[1] = 2;
  CHECK_INVALID(rotate(vx, {x.data(), spread}, to), "b is strided along its last axis");
  CHECK_INVALID(rotate(vx, vx, {out.data(), spread}), "out is strided along its last axis");
  std::vector<isokern::float16> half(12);
  CHECK_INVALID(isokern::reflect({half.data(), {3}}, {}, {half.data(), {4, 3}}, OnError::raise,
                                 {half.data(), {4, 3}}),
                "float16", "float32 or float64");
}

TEST_CASE("empty batches") {
  const auto x = test::uniform<float>(3, 1);
  float untouched = 7;
  CHECK_NOTHROW(negate_first({x.data(), {0, 3}}, {&untouched, {0, 3}}));
  CHECK_NOTHROW(isokern::rotate_between({x.data(), {3}}, {x.data(), {3}}, {x.data(), {2, 0, 3}},
                                        false, OnError::raise, {&untouched, {2, 0, 3}}));
  CHECK(untouched == 7);
  CHECK_INVALID(isokern::reflect({x.data(), {0}}, {}, {x.data(), {2, 0}}, OnError::raise,
                                 {&untouched, {2, 0}}),
                "at least 1");
}
