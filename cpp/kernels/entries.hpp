// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// The kernels of one instruction set, as table.cpp collects them.
#pragma once

#include "../src/table.hpp"
#include "isa.hpp"

namespace isokern {
namespace ISOKERN_ISA {

template <class T>
RunStatus plane(const PlaneRun<T>& run) noexcept;
template <class T>
RunStatus plane_vjp(const VjpRun<T>& run) noexcept;
template <class T>
RunStatus reflect(const ReflectRun<T>& run) noexcept;
template <class T>
RunStatus reflect_vjp(const VjpRun<T>& run) noexcept;
void rope_levels(const double* inv_freq, Index pairs, double* scratch, double* levels) noexcept;
template <class C>
void rope_table(const RopeTableRun<C>& run) noexcept;
template <class T>
void rope(const RopeRun<T, typename RopeCompute<T>::type>& run) noexcept;
template <class T>
void rope_angles(const RopeAngleRun<T, typename RopeCompute<T>::type>& run) noexcept;
template <class T>
void narrow(const float* x, Index n, T* out) noexcept;
template <class T>
void widen(const T* x, Index n, float* out) noexcept;
void random_blocks(std::uint64_t seed, std::uint64_t stream, std::uint64_t first, Index count,
                   std::uint32_t* out) noexcept;

}  // namespace ISOKERN_ISA
}  // namespace isokern
