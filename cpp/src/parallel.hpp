// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Threads and their scratch memory.
#pragma once

#include <cstddef>
#include <type_traits>

namespace isokern {

// Threads for a call that moves so many bytes: entering a parallel region costs tens of
// microseconds, so each thread must have enough to do.
int threads_for(double bytes) noexcept;

// A reference to a callable, valid during the call it is passed to.
class RangeBody {
 public:
  template <class F, class = std::enable_if_t<!std::is_same_v<std::decay_t<F>, RangeBody>>>
  RangeBody(F&& body)  // NOLINT: implicit by design
      : object_(const_cast<void*>(static_cast<const void*>(&body))),
        call_([](void* object, std::ptrdiff_t begin, std::ptrdiff_t end, int thread) {
          (*static_cast<std::remove_reference_t<F>*>(object))(begin, end, thread);
        }) {}
  void operator()(std::ptrdiff_t begin, std::ptrdiff_t end, int thread) const {
    call_(object_, begin, end, thread);
  }

 private:
  void* object_;
  void (*call_)(void*, std::ptrdiff_t, std::ptrdiff_t, int);
};

// Calls body(begin, end, thread) on consecutive parts of [0, n), one a thread. The body must not
// throw.
void parallel_for(std::ptrdiff_t n, int threads, RangeBody body);

// Scratch for every thread of a parallel region, taken before it opens. The memory stays with the
// calling thread for its next call; nested use in one thread takes fresh memory.
class Workspace {
 public:
  Workspace(int threads, std::ptrdiff_t bytes_per_thread);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  template <class T>
  T* of(int thread) const noexcept {
    return reinterpret_cast<T*>(data_ + thread * stride_);
  }

 private:
  std::byte* data_;
  std::ptrdiff_t stride_;
  std::ptrdiff_t size_;
};

}  // namespace isokern
