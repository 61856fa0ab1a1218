// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Instruction set and threads.
#pragma once

#include "config.hpp"

namespace isokern {

/// Sets of kernels: the compiler's baseline, x86-64-v3 (AVX2, FMA) and x86-64-v4 (AVX-512).
enum class Isa { base, v3, v4 };

/// The set in use: the widest that was built and that this machine runs. The environment variable
/// ISOKERN_ISA (base, v3, v4), read at the first call, may lower it.
ISOKERN_API Isa active_isa() noexcept;

/// "base", "v3" or "v4".
ISOKERN_API const char* isa_name(Isa isa) noexcept;

/// The names of the sets in this library, separated by blanks.
ISOKERN_API const char* built_isas() noexcept;

/// The version, "major.minor.patch".
ISOKERN_API const char* version() noexcept;

/// Compiler, and the version of Eigen, that the library was built with.
ISOKERN_API const char* compiler() noexcept;
ISOKERN_API const char* eigen_version() noexcept;

/// Threads that a large call may use: OpenMP's own number until set_num_threads is called. In a
/// process forked after the library ran in parallel it is 1, because the OpenMP runtime does not
/// survive a fork.
ISOKERN_API int get_num_threads() noexcept;

/// Sets the number for all later calls of the process; 0 gives the decision back to OpenMP. Throws
/// invalid_argument below 0. No result depends on it.
ISOKERN_API void set_num_threads(int n);

/// What was set last; 0 where nothing was.
ISOKERN_API int requested_threads() noexcept;

}  // namespace isokern
