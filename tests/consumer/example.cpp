// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause

// Two maps that keep something: the rotation from one direction to another keeps lengths and
// angles, rotary embedding keeps what a query and a key say about the distance between them.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <isokern/isokern.hpp>
#include <vector>

// Numbers in [-1, 1), the same on every machine and with any number of threads.
std::vector<float> numbers(int n, int stream) {
  std::vector<std::uint32_t> bits(n);
  isokern::random_bits(/*seed=*/1, stream, /*offset=*/0, n, bits.data());
  std::vector<float> x(n);
  for (int i = 0; i < n; ++i) x[i] = std::ldexp(static_cast<float>(bits[i]), -31) - 1;
  return x;
}

double dot(const float* x, const float* y, int d) {
  double sum = 0;
  for (int i = 0; i < d; ++i) sum += static_cast<double>(x[i]) * y[i];
  return sum;
}

int main() {
  // A thousand vectors, turned together by the rotation that takes a to b. The one pair (a, b)
  // serves all rows, as in NumPy's broadcasting.
  constexpr int n = 1000, d = 64;
  const std::vector<float> a = numbers(d, 1), b = numbers(d, 2), x = numbers(n * d, 3);
  std::vector<float> y(n * d);
  isokern::rotate_between({a.data(), {d}}, {b.data(), {d}}, {x.data(), {n, d}},
                          /*transpose=*/false, isokern::OnError::raise, {y.data(), {n, d}});

  double change = 0;
  for (int i = 1; i < n; ++i) {  // lengths and, through neighbours, angles
    const float *x1 = &x[(i - 1) * d], *x2 = &x[i * d], *y1 = &y[(i - 1) * d], *y2 = &y[i * d];
    change = std::max(change, std::abs(dot(y2, y2, d) / dot(x2, x2, d) - 1));
    change = std::max(change, std::abs(dot(y1, y2, d) - dot(x1, x2, d)) / dot(x2, x2, d));
  }
  std::printf("rotated %d vectors: inner products changed by %.0e at most\n", n, change);

  // A query and a key, five tokens apart, at two places of a text.
  const isokern::RopePlan plan = isokern::rope_plan(d);
  for (int start : {0, 100'000}) {
    std::vector<float> q = numbers(8 * d, 4), k = numbers(8 * d, 5);
    const isokern::View queries(q.data(), {8, d}), keys(k.data(), {8, d});
    isokern::rope_apply(plan, {start, {}}, isokern::RopeMode::forward, /*seq_axis=*/0, queries,
                        keys, queries, keys);  // in place
    std::printf("tokens %6d and %6d: score %.4f\n", start + 7, start + 2,
                dot(&q[7 * d], &k[2 * d], d));
  }
  std::printf("isokern %s, %s kernels, %d threads\n", isokern::version(),
              isokern::isa_name(isokern::active_isa()), isokern::get_num_threads());
}
