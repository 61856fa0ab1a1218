// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Memory of large fresh outputs. An allocation of many megabytes comes from the system page by
// page, and filling it the first time costs more than most kernels. So a few blocks of freed
// outputs are kept, within a limit, for the next output that fits; of the larger ones the system is
// told that it may take them back meanwhile.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "arrays.hpp"

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace isokern::python {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kKeepBytes = std::size_t{512} << 20;
constexpr std::size_t kKeepBlocks = 8;
constexpr int kIdleTakes = 16;

struct Block {
  void* data;
  std::size_t size;
  int idle = 0;  // outputs that were taken since this block was given back
};

struct Pool {
  std::mutex mutex;
  std::vector<Block> blocks;
  std::size_t bytes = 0;
};

// Never destroyed: arrays may outlive the module.
Pool& pool() {
  static Pool* const instance = [] {
    Pool* const made = new Pool;
    made->blocks.reserve(kKeepBlocks);  // so that giving back cannot fail
    return made;
  }();
  return *instance;
}

void* fresh(std::size_t size) {
#ifdef _WIN32
  return ::operator new(size, std::align_val_t{64});
#else
  void* data = std::aligned_alloc(kHugePage, size);
  if (data == nullptr) throw std::bad_alloc();
#ifdef __linux__
  madvise(data, size, MADV_HUGEPAGE);
#endif
  return data;
#endif
}

void drop(void* data) noexcept {
#ifdef _WIN32
  ::operator delete(data, std::align_val_t{64});
#else
  std::free(data);
#endif
}

// Lets go of the blocks for which nothing came for a while.
void age(Pool& kept) noexcept {
  const auto stale = std::stable_partition(kept.blocks.begin(), kept.blocks.end(),
                                           [](Block& block) { return ++block.idle <= kIdleTakes; });
  for (auto it = stale; it != kept.blocks.end(); ++it) {
    kept.bytes -= it->size;
    drop(it->data);
  }
  kept.blocks.erase(stale, kept.blocks.end());
}

// The smallest kept block that holds `size` and is at most a quarter larger. A pool that another
// thread holds, as in a process forked at the wrong moment, is left alone.
Block take(std::size_t size) {
  const std::unique_lock<std::mutex> lock(pool().mutex, std::try_to_lock);
  if (lock.owns_lock()) {
    auto& blocks = pool().blocks;
    auto best = blocks.end();
    for (auto it = blocks.begin(); it != blocks.end(); ++it) {
      if (it->size >= size && it->size <= size + size / 4 &&
          (best == blocks.end() || it->size < best->size))
        best = it;
    }
    Block found{};
    if (best != blocks.end()) {
      found = *best;
      blocks.erase(best);
      pool().bytes -= found.size;
    }
    age(pool());
    if (found.data != nullptr) return found;
  }
  return {fresh(size), size, 0};
}

void give_back(Block block) noexcept {
  const std::unique_lock<std::mutex> lock(pool().mutex, std::try_to_lock);
  if (lock.owns_lock() && pool().blocks.size() < kKeepBlocks &&
      pool().bytes + block.size <= kKeepBytes) {
    block.idle = 0;
    pool().blocks.push_back(block);
    pool().bytes += block.size;
  } else {
    drop(block.data);
  }
}

py::array empty(const std::vector<py::ssize_t>& shape, const py::dtype& dtype) {
  std::size_t size = static_cast<std::size_t>(dtype.itemsize());
  for (py::ssize_t extent : shape) size *= static_cast<std::size_t>(extent);
  size = std::max(kHugePage, (size + kHugePage - 1) / kHugePage * kHugePage);
  auto owned = std::make_unique<Block>(take(size));
  void* const data = owned->data;
  const py::capsule owner(owned.release(), [](void* pointer) {
    const std::unique_ptr<Block> block(static_cast<Block*>(pointer));
    give_back(*block);
  });
  return py::array(dtype, shape, data, owner);
}

void release_memory() {
  const std::lock_guard<std::mutex> lock(pool().mutex);
  for (const Block& block : pool().blocks) drop(block.data);
  pool().blocks.clear();
  pool().bytes = 0;
}

std::size_t kept_memory() {
  const std::lock_guard<std::mutex> lock(pool().mutex);
  return pool().bytes;
}

}  // namespace

void register_outputs(py::module_& m) {
  m.def("empty", &empty, py::arg("shape"), py::arg("dtype"));
  m.def("kept_memory", &kept_memory);
  m.def("release_memory", &release_memory);
}

}  // namespace isokern::python
