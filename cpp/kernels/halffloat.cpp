// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Whole arrays of f16 and bf16.
#include "halffloat.hpp"

#include "entries.hpp"

namespace isokern {
namespace ISOKERN_ISA {

template <class T>
void narrow(const float* x, Index n, T* out) noexcept {
  constexpr int lanes = kLanes<float>;
  Index i = 0;
  for (; i + lanes <= n; i += lanes)
    store(out + i, Element<T>::template pack<lanes>(load<Vector<float, lanes>>(x + i)));
  for (; i < n; ++i) store(out + i, Element<T>::template pack<1>(x[i]));
}

template <class T>
void widen(const T* x, Index n, float* out) noexcept {
  constexpr int lanes = kLanes<float>;
  Index i = 0;
  for (; i + lanes <= n; i += lanes) store(out + i, Element<T>::template get<lanes>(x + i));
  for (; i < n; ++i) store(out + i, Element<T>::template get<1>(x + i));
}

template void narrow(const float*, Index, float16*) noexcept;
template void narrow(const float*, Index, bfloat16*) noexcept;
template void widen(const float16*, Index, float*) noexcept;
template void widen(const bfloat16*, Index, float*) noexcept;

}  // namespace ISOKERN_ISA
}  // namespace isokern
