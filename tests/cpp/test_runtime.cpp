// SPDX-FileCopyrightText: 2026 The isokern authors
// SPDX-License-Identifier: BSD-3-Clause
//
// Instruction set, threads, and a process that forks.
#include <thread>

#include "support.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#define ISOKERN_TEST_FORK
#endif

namespace {

// Large enough for several threads.
std::vector<std::uint32_t> parallel_call() {
  std::vector<std::uint32_t> out(2'000'000);
  isokern::random_bits(1, 2, 3, static_cast<test::Index>(out.size()), out.data());
  return out;
}

#ifdef ISOKERN_TEST_FORK
// The exit code of `work` in a forked child, or -1 if it does not end in time.
template <class Work>
int in_child(Work&& work) {
  const pid_t child = fork();
  if (child == 0) _exit(work());
  REQUIRE(child > 0);
  for (int tick = 0; tick < 600; ++tick) {
    int status = 0;
    if (waitpid(child, &status, WNOHANG) == child)
      return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return -1;
}
#endif

}  // namespace

TEST_CASE("the instruction set was built, and is named") {
  using isokern::Isa;
  const std::string built = std::string(isokern::built_isas()) + " ";
  CHECK(test::contains(built, std::string(isokern::isa_name(isokern::active_isa())) + " "));
  CHECK(test::contains(built, "base "));
  CHECK(std::string(isokern::isa_name(Isa::base)) == "base");
  CHECK(std::string(isokern::isa_name(Isa::v3)) == "v3");
  CHECK(std::string(isokern::isa_name(Isa::v4)) == "v4");
}

TEST_CASE("what the library was built from") {
  CHECK(std::count(isokern::version(), isokern::version() + std::strlen(isokern::version()), '.') ==
        2);
  CHECK(std::strlen(isokern::compiler()) > 3);
  CHECK(std::strlen(isokern::eigen_version()) > 2);
}

TEST_CASE("the number of threads") {
  const int before = isokern::get_num_threads();
  CHECK(before >= 1);
  {
    const test::Threads three(3);
    CHECK(isokern::get_num_threads() == 3);
    CHECK_INVALID(isokern::set_num_threads(-1), "set_num_threads", "-1", "0 or more");
    CHECK_INVALID(isokern::set_num_threads(-1), "-1");
    CHECK(isokern::get_num_threads() == 3);
  }
  CHECK(isokern::get_num_threads() == before);
}

TEST_CASE("calls from several threads at once do not disturb one another") {
  const test::Threads two(2);
  const auto wanted = parallel_call();
  std::vector<std::thread> callers;
  std::vector<char> right(4);
  for (std::size_t i = 0; i < right.size(); ++i)
    callers.emplace_back([&, i] { right[i] = test::same_bits(parallel_call(), wanted); });
  for (std::thread& caller : callers) caller.join();
  for (char value : right) CHECK(value);
}

#ifdef ISOKERN_TEST_FORK
TEST_CASE("a child forked after a parallel region computes, and so does its own child") {
  const test::Threads two(2);
  const auto wanted = parallel_call();
  const auto right = [&] { return test::same_bits(parallel_call(), wanted); };
  const auto child = [&] {
#ifdef ISOKERN_TEST_OPENMP
    if (isokern::get_num_threads() != 1) return 2;
#endif
    if (!right()) return 3;
    return in_child([&] { return right() ? 0 : 4; });
  };
  CHECK(in_child(child) == 0);
  CHECK(isokern::get_num_threads() == 2);  // the parent is as before
  CHECK(right());
}
#endif
