// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Element types.
#pragma once

#include <cstddef>
#include <cstdint>

namespace isokern {

/// Storage types of 16 bits. They are bit patterns: arithmetic is done in float32 inside the
/// kernels.
struct float16 {
  std::uint16_t bits;
};
struct bfloat16 {
  std::uint16_t bits;
};

enum class Dtype : std::uint8_t { float32, float64, float16, bfloat16 };

/// Bytes of one element.
constexpr std::ptrdiff_t size_of(Dtype dtype) noexcept {
  return dtype == Dtype::float64 ? 8 : dtype == Dtype::float32 ? 4 : 2;
}

template <class T>
struct DtypeOf;
template <>
struct DtypeOf<float> {
  static constexpr Dtype value = Dtype::float32;
};
template <>
struct DtypeOf<double> {
  static constexpr Dtype value = Dtype::float64;
};
template <>
struct DtypeOf<float16> {
  static constexpr Dtype value = Dtype::float16;
};
template <>
struct DtypeOf<bfloat16> {
  static constexpr Dtype value = Dtype::bfloat16;
};

}  // namespace isokern
