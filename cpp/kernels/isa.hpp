// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// First include of every kernel source. Each source is compiled once per instruction set, and the
// linker keeps one copy of every inline function or template for the whole library, whatever flags
// it was compiled with: an AVX-512 copy of a shared function would then run on a machine without
// AVX-512. Hence the rules for the files of this folder:
//
//  - code lives in namespace isokern::ISOKERN_ISA, all but the entries of the table in an
//    anonymous namespace;
//  - Eigen is renamed for each set (below); other library templates, as std containers, algorithms
//    and streams, are not used; ISOKERN_INLINE functions of public headers are, for they leave no
//    copy;
//  - noexcept, no allocation, no threads: scratch comes in as a pointer;
//  - no vector or Eigen type in a signature that another file sees.
//
// The test "symbols" fails when something leaks.
#pragma once

#ifndef ISOKERN_ISA
#error "kernel sources are compiled once per instruction set: define ISOKERN_ISA"
#endif
#define ISOKERN_CAT_(a, b) a##b
#define ISOKERN_CAT(a, b) ISOKERN_CAT_(a, b)

#define Eigen ISOKERN_CAT(Eigen_isokern_, ISOKERN_ISA)
#define EIGEN_DONT_PARALLELIZE
#define EIGEN_MPL2_ONLY
