// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Haar-distributed orthogonal matrices as products of random reflectors. The QR factorisation of a
// normal matrix, with the signs of R's diagonal moved to Q, is Haar (Mezzadri, "How to generate
// random matrices from the classical compact groups", 2007); its j-th reflector maps a normal
// vector of d - j numbers, independent of the others, so that the reflectors can be drawn without
// the matrix (Stewart, "The efficient generation of random orthogonal matrices", 1980): d^2 / 2
// normal numbers, and a third of the work.
#include <cmath>
#include <string>

#include "isokern/orthogonal.hpp"
#include "isokern/random.hpp"
#include "matrices.hpp"
#include "reflectors.hpp"

namespace isokern {
namespace {

struct HaarMatrix {
  Index d;
  std::uint64_t seed, stream;
};

// The first number of reflector j.
std::uint64_t first_number(Index d, Index j) {
  return static_cast<std::uint64_t>(j) * static_cast<std::uint64_t>(d + 1);
}

// The diagonal D of Q D, for k columns. Reflector j turns x into beta e_1 with the sign of -x_0,
// and the last, of one number, is the identity.
template <class T>
void draw_signs(const HaarMatrix& matrix, Index k, bool special, T* signs) {
  bool negative = (matrix.d - 1) % 2 == 1;  // the determinant of the reflectors
  for (Index j = 0; j < k; ++j) {
    double number = 0;
    kernels().normals(matrix.seed, matrix.stream, first_number(matrix.d, j), 1, &number);
    const bool plus = std::signbit(number) != (j == matrix.d - 1);
    signs[j] = plus ? T(1) : T(-1);
    negative = negative != !plus;
  }
  if (special && k == matrix.d && negative) signs[k - 1] = -signs[k - 1];
}

// Scratch of a product, and its signs.
template <class T>
struct HaarMemory {
  ProductMemory<T> product;
  T* signs;

  HaarMemory(Arena& arena, const BlockPlan& plan, int threads)
      : product(arena, plan, threads), signs(arena.take<T>(plan.count)) {}

  static Index bytes(const BlockPlan& plan, int threads) {
    Arena arena(nullptr);
    const HaarMemory counted(arena, plan, threads);
    return arena.used();
  }
};

// Reflectors of a block, drawn.
template <class T>
auto drawer(const HaarMatrix& matrix, const BlockPlan& plan) {
  return [=, &plan](Index i, const ReflectorBlock<T>& block, T* scratch) {
    double* const numbers = reinterpret_cast<double*>(scratch);
    std::fill_n(block.v, round_up(block.rows, plan.unit) * block.stride, T(0));
    std::fill_n(block.tau, block.stride, T(0));
    std::fill_n(block.scale, block.stride, 1.0);
    for (Index j = 0; j < block.count; ++j) {
      const Index index = plan.first(i) + j, n = matrix.d - index;
      kernels().normals(matrix.seed, matrix.stream, first_number(matrix.d, index), n, numbers);
      double sums[4] = {};
      for (Index row = 0; row < n; ++row) {
        numbers[row] = static_cast<double>(static_cast<T>(numbers[row]));
        sums[row % 4] += numbers[row] * numbers[row];
      }
      const double length = std::sqrt((sums[0] + sums[1]) + (sums[2] + sums[3]));
      T* const column = block.v + j * block.stride + j;
      column[0] = T(1);
      if (n == 1 || length == 0) continue;
      const double beta = std::signbit(numbers[0]) ? length : -length;
      const double inverse = 1 / (numbers[0] - beta);
      for (Index row = 1; row < n; ++row)
        column[row * block.stride] = static_cast<T>(numbers[row] * inverse);
      block.tau[j] = static_cast<T>((beta - numbers[0]) / beta);
    }
    return Failure::none;
  };
}

template <class T>
void haar_all(std::uint64_t seed, bool special, const View& out) {
  const Index d = out.shape[out.rank - 2], k = out.shape[out.rank - 1];
  const Layout batch = batch_of_matrix(out);
  const Batch<1> items(batch, {batch});
  const Layout axis({k});
  const Batch<2> columns(axis, {axis, axis});
  const BlockPlan plan(d, k, true, reflector_kernels<T>().unit);
  const double flops = static_cast<double>(items.size()) * static_cast<double>(d) *
                       static_cast<double>(k) * (4.0 * static_cast<double>(k) + 40.0);
  const bool stream = d * k * static_cast<Index>(sizeof(T)) >= kStreamBytes;
  for_items(
      items.size(), threads_for_flops(flops),
      [&](int inner) { return HaarMemory<T>::bytes(plan, inner); },
      [&](Index item, int inner, int, std::byte* bytes) {
        Arena arena(bytes);
        const HaarMemory<T> memory(arena, plan, inner);
        Batch<1>::Offsets at;
        items.locate(item, at);
        const HaarMatrix matrix{d, seed, haar_stream + static_cast<std::uint64_t>(item)};
        draw_signs(matrix, k, special, memory.signs);
        apply_product(plan, memory.product, inner, false,
                      Columns<T>{columns, nullptr, out.as<T>() + at[0], 0,
                                 out.strides[out.rank - 2], stream, memory.signs},
                      drawer<T>(matrix, plan));
      });
}

template <class T>
void haar_rows(std::uint64_t seed, bool special, bool transpose, const ConstView& x,
               const View& out) {
  const Index d = x.shape[x.rank - 1];
  const Batch<2> vectors(batch_of(out), {batch_of(x), batch_of(out)});
  const BlockPlan plan(d, d, true, reflector_kernels<T>().unit);
  const double size = static_cast<double>(d);
  const int threads =
      threads_for_flops(size * size * (2.0 * static_cast<double>(vectors.size()) + 40.0));
  const Workspace workspace(1, HaarMemory<T>::bytes(plan, threads));
  Arena arena(workspace.of<std::byte>(0));
  const HaarMemory<T> memory(arena, plan, threads);
  const HaarMatrix matrix{d, seed, haar_stream};
  draw_signs(matrix, d, special, memory.signs);
  apply_product(plan, memory.product, threads, transpose,
                Columns<T>{vectors, x.as<T>(), out.as<T>(), 1, 1, false, memory.signs},
                drawer<T>(matrix, plan));
}

}  // namespace

void haar(std::uint64_t seed, bool special, const View& out) {
  require_float("haar", {"out", out});
  require_matrix("haar", {"out", out}, out.dtype);
  const Index d = out.shape[out.rank - 2], k = out.shape[out.rank - 1];
  if (k > d || d < 1) {
    throw invalid_argument("haar: out has shape " + shape_text(out) +
                           ", expected (..., d, k) with k at most d and d of at least 1");
  }
  require_writable(out, "haar", "out");
  if (out.size() == 0) return;
  if (out.dtype == Dtype::float32) {
    haar_all<float>(seed, special, out);
  } else {
    haar_all<double>(seed, special, out);
  }
}

void haar_apply(std::uint64_t seed, bool special, bool transpose, const ConstView& x,
                const View& out) {
  constexpr const char* f = "haar_apply";
  require_float(f, {"x", x});
  const Index d = x.rank > 0 ? x.shape[x.rank - 1] : 0;
  require_rows(f, {"x", x}, d, x.dtype);
  require_output(f, "out", out, batch_of(x), d, x.dtype);
  require_disjoint(out, x, true, f, "out", "x");
  if (out.size() == 0) return;
  if (x.dtype == Dtype::float32) {
    haar_rows<float>(seed, special, transpose, x, out);
  } else {
    haar_rows<double>(seed, special, transpose, x, out);
  }
}

}  // namespace isokern
