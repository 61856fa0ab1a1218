// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Threads: the only file that knows OpenMP. A child forked after a parallel region would wait for
// ever for the threads of its parent, so the child is told to use one.
#include "isokern/runtime.hpp"

#include <algorithm>
#include <atomic>
#include <new>
#include <string>
#include <utility>

#include "isokern/error.hpp"
#include "parallel.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#define ISOKERN_HAS_FORK
#endif

namespace isokern {
namespace {

std::atomic<int> requested_threads_{0};  // 0: as OpenMP says
std::atomic<bool> forked_after_region{false};

#ifdef _OPENMP
std::atomic<bool> region_opened{false};

void note_region() {
#ifdef ISOKERN_HAS_FORK
  static const int registered =
      pthread_atfork(nullptr, nullptr, [] { forked_after_region = region_opened.load(); });
  (void)registered;
#endif
  region_opened = true;
}
#endif

constexpr std::ptrdiff_t kAlignment = 64;

std::byte* allocate(std::ptrdiff_t bytes) {
  return static_cast<std::byte*>(
      ::operator new(static_cast<std::size_t>(bytes), std::align_val_t{kAlignment}));
}

void release(std::byte* data) noexcept {
  ::operator delete(data, std::align_val_t{kAlignment});
}

// Scratch that a thread keeps between calls, up to a size that nobody misses.
struct Kept {
  static constexpr std::ptrdiff_t limit = std::ptrdiff_t{4} << 20;
  std::byte* data = nullptr;
  std::ptrdiff_t size = 0;
  ~Kept() {
    if (data != nullptr) release(data);
  }
};
thread_local Kept kept;

}  // namespace

int get_num_threads() noexcept {
  if (forked_after_region) return 1;
  const int requested = requested_threads_;
#ifdef _OPENMP
  return requested > 0 ? requested : std::max(1, omp_get_max_threads());
#else
  return requested > 0 ? requested : 1;
#endif
}

void set_num_threads(int n) {
  if (n < 0)
    throw invalid_argument("set_num_threads: n is " + std::to_string(n) + ", expected 0 or more");
  requested_threads_ = n;
}

int requested_threads() noexcept {
  return requested_threads_;
}

const char* version() noexcept {
  return ISOKERN_VERSION;
}

const char* compiler() noexcept {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "gcc " __VERSION__;
#else
  return "unknown";
#endif
}

const char* eigen_version() noexcept {
  return ISOKERN_EIGEN_VERSION;
}

int threads_for(double bytes) noexcept {
  constexpr double bytes_per_thread = 512.0 * 1024.0;
  const double useful = bytes / bytes_per_thread;
  const int available = get_num_threads();
  return useful >= available ? available : std::max(1, static_cast<int>(useful));
}

void parallel_for(std::ptrdiff_t n, int threads, RangeBody body) {
  if (n <= 0) return;
  threads = static_cast<int>(std::min<std::ptrdiff_t>(threads, n));
#ifdef _OPENMP
  if (threads > 1) {
    note_region();
#pragma omp parallel num_threads(threads)
    {
      // The runtime may grant fewer threads than asked for.
      const std::ptrdiff_t parts = omp_get_num_threads();
      const std::ptrdiff_t part = omp_get_thread_num();
      const std::ptrdiff_t share = n / parts, rest = n % parts;
      const std::ptrdiff_t begin = part * share + std::min(part, rest);
      body(begin, begin + share + (part < rest ? 1 : 0), static_cast<int>(part));
    }
    return;
  }
#endif
  body(0, n, 0);
}

Workspace::Workspace(int threads, std::ptrdiff_t bytes_per_thread)
    : stride_((bytes_per_thread + kAlignment - 1) / kAlignment * kAlignment),
      size_(stride_ * threads) {
  if (kept.size >= size_ && kept.data != nullptr) {
    data_ = std::exchange(kept.data, nullptr);
    size_ = std::exchange(kept.size, 0);
  } else {
    data_ = allocate(std::max<std::ptrdiff_t>(size_, kAlignment));
  }
}

Workspace::~Workspace() {
  if (size_ <= Kept::limit && size_ > kept.size) {
    std::swap(kept.data, data_);
    kept.size = size_;
  }
  if (data_ != nullptr) release(data_);
}

}  // namespace isokern
