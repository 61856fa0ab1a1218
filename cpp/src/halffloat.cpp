// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Conversion of arrays between float32 and the 16-bit types, by all threads.
#include "isokern/halffloat.hpp"

#include "parallel.hpp"
#include "table.hpp"

namespace isokern {
namespace {

template <class From, class To>
void convert(void (*kernel)(const From*, Index, To*) noexcept, const From* x, Index n, To* out) {
  parallel_for(n, threads_for(6.0 * static_cast<double>(n)),
               [&](Index begin, Index end, int) { kernel(x + begin, end - begin, out + begin); });
}

}  // namespace

void to_float16(const float* x, std::ptrdiff_t n, float16* out) {
  convert(kernels().to_float16, x, n, out);
}

void to_bfloat16(const float* x, std::ptrdiff_t n, bfloat16* out) {
  convert(kernels().to_bfloat16, x, n, out);
}

void to_float32(const float16* x, std::ptrdiff_t n, float* out) {
  convert(kernels().from_float16, x, n, out);
}

void to_float32(const bfloat16* x, std::ptrdiff_t n, float* out) {
  convert(kernels().from_bfloat16, x, n, out);
}

}  // namespace isokern
