// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Macros of the public headers. ISOKERN_API marks what the library exports.
#pragma once

#if defined(_WIN32) && !defined(ISOKERN_STATIC)
#ifdef ISOKERN_BUILDING
#define ISOKERN_API __declspec(dllexport)
#else
#define ISOKERN_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define ISOKERN_API __attribute__((visibility("default")))
#else
#define ISOKERN_API
#endif

// Inlined without exception: such a function leaves no copy of its own in an object file, so that
// one header serves objects compiled for different instruction sets.
#if defined(_MSC_VER)
#define ISOKERN_INLINE __forceinline
#else
#define ISOKERN_INLINE inline __attribute__((always_inline))
#endif
