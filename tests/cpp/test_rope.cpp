// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Rotary embedding against a double loop over tokens and pairs.
#include "support.hpp"

namespace {

using isokern::bfloat16;
using isokern::ConstView;
using isokern::float16;
using isokern::PairLayout;
using isokern::RopeMode;
using isokern::RopePlan;
using isokern::RopePositions;
using isokern::View;
using test::Index;
using test::Real;
using test::Reals;

// One token by definition; positions holds one number an axis.
Reals turned(const RopePlan& plan, RopeMode mode, const double* positions, Reals x) {
  const auto pairs = static_cast<Index>(plan.inv_freq.size());
  const bool inverts = mode == RopeMode::inverse || mode == RopeMode::inverse_transpose;
  const bool backwards = mode == RopeMode::inverse || mode == RopeMode::transpose;
  const Real factor = static_cast<Real>(plan.attention_factor);
  const Real scale = inverts ? 1 / factor : factor;
  for (Index j = 0; j < pairs; ++j) {
    const int axis = plan.axis.empty() ? 0 : plan.axis[test::size(j)];
    // Position times frequency has more digits than a long double may have: in two parts, each
    // exact for the positions of these tests.
    const double frequency = plan.inv_freq[test::size(j)];
    const Real upper = static_cast<float>(frequency), lower = Real{frequency} - upper;
    const Real p = positions[axis];
    const Real cosine =
        std::cos(p * upper) * std::cos(p * lower) - std::sin(p * upper) * std::sin(p * lower);
    const Real sine =
        std::sin(p * upper) * std::cos(p * lower) + std::cos(p * upper) * std::sin(p * lower);
    const Real c = scale * cosine, s = backwards ? -scale * sine : scale * sine;
    const bool half = plan.layout == PairLayout::half;
    Real& x1 = x[test::size(plan.rotary_offset + (half ? j : 2 * j))];
    Real& x2 = x[test::size(plan.rotary_offset + (half ? j + pairs : 2 * j + 1))];
    const Real y1 = x1 * c - x2 * s;
    x2 = x2 * c + x1 * s;
    x1 = y1;
  }
  return x;
}

constexpr PairLayout layouts[] = {PairLayout::half, PairLayout::interleaved};
constexpr RopeMode modes[] = {RopeMode::forward, RopeMode::inverse, RopeMode::transpose,
                              RopeMode::inverse_transpose};

// Two axes in turns, a slice that begins at `offset`.
RopePlan planar_plan(Index pairs, PairLayout layout, Index offset) {
  RopePlan plan;
  for (Index j = 0; j < pairs; ++j) {
    plan.inv_freq.push_back(std::pow(100.0, -static_cast<double>(j) / static_cast<double>(pairs)));
    plan.axis.push_back(static_cast<std::int8_t>(j % 2));
  }
  plan.layout = layout;
  plan.rotary_offset = offset;
  plan.attention_factor = 1.25;
  return plan;
}

float wide(float16 x) {
  float y;
  isokern::to_float32(&x, 1, &y);
  return y;
}
float wide(bfloat16 x) {
  float y;
  isokern::to_float32(&x, 1, &y);
  return y;
}

}  // namespace

TEST_CASE("frequencies of a plan") {
  const RopePlan plan = isokern::rope_plan(8, 100.0, PairLayout::interleaved, 6);
  REQUIRE(plan.inv_freq.size() == 3);
  for (int j = 0; j < 3; ++j)
    CHECK(plan.inv_freq[test::size(j)] ==
          doctest::Approx(std::pow(100.0, -j / 3.0)).epsilon(1e-15));
  CHECK(plan.layout == PairLayout::interleaved);
  CHECK(plan.n_axes() == 1);
  CHECK(planar_plan(4, PairLayout::half, 0).n_axes() == 2);
  CHECK_INVALID(isokern::rope_plan(8, 100.0, PairLayout::half, 3), "rotary_dim", "3", "even");
  CHECK_INVALID(isokern::rope_plan(8, 100.0, PairLayout::half, 10), "rotary_dim", "10");
  CHECK_INVALID(isokern::rope_plan(8, -1.0), "base", "-1");
}

TEST_CASE_TEMPLATE("one axis, positions from a start", T, float, double) {
  for (Index dim : {2, 6, 32, 64, 130}) {
    for (PairLayout layout : layouts) {
      for (std::int64_t start : {std::int64_t{0}, std::int64_t{-3}, std::int64_t{1'000'000}}) {
        CAPTURE(dim);
        CAPTURE(start);
        constexpr Index batch = 2, seq = 7;
        const RopePlan plan = isokern::rope_plan(dim, 10000.0, layout);
        const auto x = test::uniform<T>(batch * seq * dim, 1);
        std::vector<T> y(x.size());
        isokern::rope_apply(plan, {start, {}}, RopeMode::forward, -2, {x.data(), {batch, seq, dim}},
                            {y.data(), {batch, seq, dim}});
        for (Index token = 0; token < batch * seq; ++token) {
          const double position = static_cast<double>(start + token % seq);
          const Reals rx = test::reals(x.data() + token * dim, dim);
          CHECK(test::error(y.data() + token * dim, turned(plan, RopeMode::forward, &position, rx),
                            1.5) <= 2);
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("two axes, a slice, a factor, every mode, the sequence first", T, float,
                   double) {
  constexpr Index seq = 5, heads = 3, dim = 40, offset = 4;
  const auto x = test::uniform<T>(seq * heads * dim, 1);
  auto positions = test::uniform<double>(seq * 2, 2);
  for (double& position : positions) position *= 1000;
  for (PairLayout layout : layouts) {
    for (RopeMode mode : modes) {
      const RopePlan plan = planar_plan(16, layout, offset);
      std::vector<T> y(x.size());
      isokern::rope_apply(plan, {0, {positions.data(), {seq, 2}}}, mode, 0,
                          {x.data(), {seq, heads, dim}}, {y.data(), {seq, heads, dim}});
      for (Index row = 0; row < seq * heads; ++row) {
        const Reals rx = test::reals(x.data() + row * dim, dim);
        const Reals exact = turned(plan, mode, positions.data() + row / heads * 2, rx);
        CHECK(test::error(y.data() + row * dim, exact, 2) <= 2);
        for (Index i : {Index{0}, offset - 1, offset + 32, dim - 1})
          CHECK(y[test::size(row * dim + i)] == x[test::size(row * dim + i)]);
      }
    }
  }
}

TEST_CASE_TEMPLATE("16-bit types are rounded once", T, float16, bfloat16) {
  constexpr Index seq = 9, dim = 48;
  const double eps = std::is_same_v<T, float16> ? 0x1p-10 : 0x1p-7;
  const auto numbers = test::uniform<float>(seq * dim, 1);
  std::vector<T> x(numbers.size()), y(numbers.size());
  if constexpr (std::is_same_v<T, float16>) {
    isokern::to_float16(numbers.data(), seq * dim, x.data());
  } else {
    isokern::to_bfloat16(numbers.data(), seq * dim, x.data());
  }
  for (PairLayout layout : layouts) {
    const RopePlan plan = isokern::rope_plan(dim, 500.0, layout);
    isokern::rope_apply(plan, {}, RopeMode::forward, -2, {x.data(), {seq, dim}},
                        {y.data(), {seq, dim}});
    for (Index token = 0; token < seq; ++token) {
      Reals rx;
      for (Index i = 0; i < dim; ++i)
        rx.push_back(static_cast<Real>(wide(x[test::size(token * dim + i)])));
      const double position = static_cast<double>(token);
      const Reals exact = turned(plan, RopeMode::forward, &position, rx);
      for (Index i = 0; i < dim; ++i) {
        const double wanted = static_cast<double>(exact[test::size(i)]);
        const double got = static_cast<double>(wide(y[test::size(token * dim + i)]));
        CHECK(std::abs(got - wanted) <= 0.5 * eps * std::abs(wanted) + 1e-6);
      }
    }
  }
}

TEST_CASE("queries and fewer keys in one call, in place, each batch at its own positions") {
  constexpr Index batch = 2, heads = 4, key_heads = 2, seq = 6, dim = 16;
  const RopePlan plan = isokern::rope_plan(dim);
  const auto q = test::uniform<float>(batch * heads * seq * dim, 1);
  const auto k = test::uniform<float>(batch * key_heads * seq * dim, 2);
  const auto positions = test::uniform<double>(batch * seq, 3);
  auto q_out = q, k_out = k;
  const View vq(q_out.data(), {batch, heads, seq, dim});
  const View vk(k_out.data(), {batch, key_heads, seq, dim});
  isokern::rope_apply(plan, {0, {positions.data(), {batch, 1, seq}}}, RopeMode::forward, -2, vq, vk,
                      vq, vk);
  const auto check = [&](const std::vector<float>& x, const std::vector<float>& y, Index n_heads) {
    for (Index row = 0; row < batch * n_heads * seq; ++row) {
      const double* position = positions.data() + row / (n_heads * seq) * seq + row % seq;
      const Reals exact =
          turned(plan, RopeMode::forward, position, test::reals(x.data() + row * dim, dim));
      CHECK(test::error(y.data() + row * dim, exact, 1.5) <= 2);
    }
  };
  check(q, q_out, heads);
  check(k, k_out, key_heads);
}

TEST_CASE("bad arguments are named, and nothing is written") {
  constexpr Index seq = 4, dim = 8;
  const RopePlan plan = isokern::rope_plan(dim);
  const auto x = test::uniform<float>(seq * dim, 1);
  std::vector<float> y(x.size(), 7);
  const ConstView vx(x.data(), {seq, dim});
  const View to(y.data(), {seq, dim});
  const auto with = [&](std::vector<double> positions, const isokern::Layout& layout) {
    isokern::rope_apply(plan, {0, {positions.data(), layout}}, RopeMode::forward, -2, vx, to);
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_INVALID(with({0, 1, 2}, {3}), "positions", "(3,)", "4");
  CHECK_INVALID(with({0, 1, nan, 3}, {4}), "positions", "finite");
  CHECK_INVALID(with({0, 1, 0x1p54, 3}, {4}), "positions", "2^53");
  CHECK_INVALID(with({0, 1, 2, 3, 4, 5, 6, 7}, {2, 4}), "positions");
  CHECK_INVALID(
      isokern::rope_apply(plan, {std::int64_t{1} << 53, {}}, RopeMode::forward, -2, vx, to),
      "2^53");
  CHECK_INVALID(isokern::rope_apply(plan, {}, RopeMode::forward, -1, vx, to), "seq_axis", "-1");
  CHECK_INVALID(isokern::rope_apply(plan, {}, RopeMode::forward, 2, vx, to), "seq_axis", "2");
  CHECK_INVALID(isokern::rope_apply(isokern::rope_plan(10), {}, RopeMode::forward, -2, vx, to), "q",
                "(4, 8)", "10");
  CHECK_INVALID(
      isokern::rope_apply(planar_plan(4, PairLayout::half, 0), {}, RopeMode::forward, -2, vx, to),
      "positions", "absent");
  CHECK_INVALID(isokern::rope_apply({}, {}, RopeMode::forward, -2, vx, to), "plan");
  RopePlan zero = plan;
  zero.attention_factor = 0;
  CHECK_INVALID(isokern::rope_apply(zero, {}, RopeMode::inverse, -2, vx, to), "attention_factor");
  CHECK(std::all_of(y.begin(), y.end(), [](float value) { return value == 7; }));
}

TEST_CASE("terms, heads and the growth of xPos") {
  constexpr Index heads = 2, seq = 5, dim = 8, pairs = 4;
  RopePlan plan;
  plan.terms = 2;
  plan.heads = heads;
  plan.inv_freq = test::uniform<double>(2 * heads * pairs, 1);
  plan.log_scale = {0.01, -0.02, 0.03, 0.0};
  plan.centre = 2;
  CHECK(plan.pairs() == pairs);
  CHECK(plan.n_axes() == 2);
  const auto positions = test::uniform<double>(seq * 2, 2);
  const auto q = test::uniform<double>(heads * seq * dim, 3);
  auto q_out = q, k_out = q;
  const isokern::Layout shape{heads, seq, dim};
  isokern::rope_apply(plan, {0, {positions.data(), {seq, 2}}}, RopeMode::forward, -2,
                      {q.data(), shape}, {q.data(), shape}, {q_out.data(), shape},
                      {k_out.data(), shape});
  for (Index row = 0; row < heads * seq; ++row) {
    const Index head = row / seq;
    const double* p = positions.data() + row % seq * 2;
    for (Index j = 0; j < pairs; ++j) {
      const double* f = plan.inv_freq.data() + head * pairs + j;
      const double angle = p[0] * f[0] + p[1] * f[heads * pairs];
      const double growth = std::exp(plan.log_scale[test::size(j)] * (p[0] - plan.centre));
      const double x1 = q[test::size(row * dim + j)], x2 = q[test::size(row * dim + j + pairs)];
      const double y1 = x1 * std::cos(angle) - x2 * std::sin(angle);
      CHECK(q_out[test::size(row * dim + j)] == doctest::Approx(growth * y1).epsilon(1e-13));
      CHECK(k_out[test::size(row * dim + j)] == doctest::Approx(y1 / growth).epsilon(1e-13));
    }
  }
  RopePlan wrong = plan;
  wrong.heads = 3;
  CHECK_INVALID(isokern::rope_apply(wrong, {0, {positions.data(), {seq, 2}}}, RopeMode::forward, -2,
                                    {q.data(), shape}, {q_out.data(), shape}),
                "heads");
}

TEST_CASE_TEMPLATE("tables, made and given, packed sequences and starts: the same bits", T, float,
                   double) {
  constexpr Index heads = 3, seq = 9, dim = 12, pairs = 6;
  const RopePlan plan = isokern::rope_plan(dim);
  const std::vector<double> packed = isokern::rope_ragged_positions({0, 4, 4, 9}, {7, 0, 300});
  CHECK(packed == std::vector<double>{7, 8, 9, 10, 300, 301, 302, 303, 304});
  const auto x = test::uniform<T>(heads * seq * dim, 1);
  const isokern::Layout shape{heads, seq, dim};
  std::vector<T> wanted(x.size()), y(x.size()), table(seq * 2 * pairs), cache(400 * 2 * pairs);
  const RopePositions where{0, {packed.data(), {seq}}};
  isokern::rope_apply(plan, where, RopeMode::forward, -2, {x.data(), shape},
                      {wanted.data(), shape});
  isokern::rope_table(plan, where, {table.data(), {seq, 2 * pairs}});
  isokern::Layout rows{seq, 2 * pairs};
  rows.shape[1] = pairs;
  isokern::RopeTable given;
  given.cos = {table.data(), rows};
  given.sin = {table.data() + pairs, rows};
  isokern::rope_apply_table(given, false, -2, {x.data(), shape}, {y.data(), shape});
  CHECK(test::same_bits(y, wanted));

  isokern::rope_table(plan, {}, {cache.data(), {400, 2 * pairs}});
  rows.shape[0] = 400;
  given.cos = {cache.data(), rows};
  given.sin = {cache.data() + pairs, rows};
  given.rows = {packed.data(), {seq}};
  isokern::rope_apply_table(given, false, -2, {x.data(), shape}, {y.data(), shape});
  CHECK(test::same_bits(y, wanted));
  rows.shape[0] = 304;
  given.cos = {cache.data(), rows};
  given.sin = {cache.data() + pairs, rows};
  CHECK_INVALID(isokern::rope_apply_table(given, false, -2, {x.data(), shape}, {y.data(), shape}),
                "positions", "304", "303");

  const std::vector<double> starts{5, 70, 1000};
  isokern::RopePositions from;
  from.starts = {starts.data(), {heads}};
  isokern::rope_apply(plan, from, RopeMode::forward, -2, {x.data(), shape}, {y.data(), shape});
  for (Index head = 0; head < heads; ++head) {
    const isokern::Layout one{seq, dim};
    isokern::rope_apply(plan, {static_cast<std::int64_t>(starts[test::size(head)]), {}},
                        RopeMode::forward, -2, {x.data() + head * seq * dim, one},
                        {wanted.data() + head * seq * dim, one});
  }
  CHECK(test::same_bits(y, wanted));
  CHECK_INVALID(isokern::rope_ragged_positions({0, 4, 2}), "cu_seqlens", "4", "2");
  CHECK_INVALID(isokern::rope_ragged_positions({1, 4}), "cu_seqlens", "1");
  CHECK_INVALID(isokern::rope_ragged_positions({0, 4}, {1, 2}), "offsets", "2");
}

TEST_CASE("keys from one plan to another, and plans of several axes") {
  constexpr Index seq = 6, dim = 16;
  const RopePlan before = isokern::rope_plan(dim), after = isokern::rope_plan(dim, 500.0);
  const auto k = test::uniform<double>(seq * dim, 1);
  std::vector<double> y(k.size()), wanted(k.size());
  const RopePositions where{1'000'000, {}};
  const isokern::Layout shape{seq, dim};
  isokern::rope_apply(before, where, RopeMode::forward, -2, {k.data(), shape}, {y.data(), shape});
  isokern::rope_apply(isokern::rope_plan_between(before, after), where, RopeMode::forward, -2,
                      {y.data(), shape}, {y.data(), shape});
  isokern::rope_apply(after, where, RopeMode::forward, -2, {k.data(), shape},
                      {wanted.data(), shape});
  CHECK(test::error(y.data(), test::reals(wanted.data(), seq * dim), 1.5) <= 4);
  CHECK_INVALID(isokern::rope_plan_between(before, isokern::rope_plan(8)), "differ");

  const RopePlan planar = isokern::rope_plan_axes(8, 2);
  CHECK(planar.axis == std::vector<std::int8_t>{0, 1, 0, 1});
  CHECK(planar.inv_freq[2] == doctest::Approx(0.01));
  CHECK(isokern::rope_plan_axes(8, 2, 10000.0, PairLayout::half, false).axis ==
        std::vector<std::int8_t>{0, 0, 1, 1});
  CHECK_INVALID(isokern::rope_plan_axes(10, 2), "dim", "10");
}

TEST_CASE("gradients in frequencies and positions are finite differences") {
  constexpr Index heads = 2, seq = 4, dim = 8;
  RopePlan plan = isokern::rope_plan(dim);
  plan.attention_factor = 1.5;
  const isokern::Layout shape{heads, seq, dim};
  const auto x = test::uniform<double>(heads * seq * dim, 1);
  const auto g = test::uniform<double>(heads * seq * dim, 2);
  auto positions = test::uniform<double>(seq, 3);
  const auto value = [&] {
    std::vector<double> y(x.size());
    isokern::rope_apply(plan, {0, {positions.data(), {seq}}}, RopeMode::forward, -2,
                        {x.data(), shape}, {y.data(), shape});
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) sum += g[i] * y[i];
    return sum;
  };
  const auto slope = [&](double& variable) {
    const double kept = variable, step = 1e-5;
    variable = kept + step;
    const double up = value();
    variable = kept - step;
    const double down = value();
    variable = kept;
    return (up - down) / (2 * step);
  };
  std::vector<double> frequencies(4), places(seq);
  isokern::rope_angle_vjp(plan, {0, {positions.data(), {seq}}}, RopeMode::forward, -2,
                          {g.data(), shape}, {x.data(), shape}, {}, {}, {frequencies.data(), {4}},
                          {places.data(), {seq}});
  for (std::size_t j = 0; j < 4; ++j)
    CHECK(frequencies[j] == doctest::Approx(slope(plan.inv_freq[j])).epsilon(1e-6));
  for (std::size_t i = 0; i < test::size(seq); ++i)
    CHECK(places[i] == doctest::Approx(slope(positions[i])).epsilon(1e-6));
  CHECK_INVALID(
      isokern::rope_angle_vjp(plan, {}, RopeMode::forward, -2, {g.data(), shape}, {x.data(), shape},
                              {}, {}, {frequencies.data(), {3}}, {places.data(), {seq}}),
      "inv_freq_bar", "(3,)", "(4,)");
}

TEST_CASE("empty arrays") {
  float nothing = 0;
  const RopePlan plan = isokern::rope_plan(4);
  for (const isokern::Layout& layout : {isokern::Layout{0, 3, 4}, isokern::Layout{2, 0, 4}})
    CHECK_NOTHROW(isokern::rope_apply(plan, {}, RopeMode::forward, -2, {&nothing, layout},
                                      {&nothing, layout}));
}

TEST_CASE_TEMPLATE("the same bits with one, two and three threads", T, float, double) {
  constexpr Index heads = 6, seq = 1001, dim = 64;
  const auto x = test::uniform<T>(heads * seq * dim, 1);
  for (PairLayout layout : layouts) {
    const RopePlan plan = isokern::rope_plan(dim, 10000.0, layout);
    test::check_threads([&] {
      std::vector<T> y(x.size());
      isokern::rope_apply(plan, {5, {}}, RopeMode::forward, -2, {x.data(), {heads, seq, dim}},
                          {y.data(), {heads, seq, dim}});
      return y;
    });
  }
}
