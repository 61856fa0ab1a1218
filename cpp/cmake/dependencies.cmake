# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
# Eigen and OpenMP, both private to the library.

# The wheel cmeel-eigen keeps its CMake files below cmeel.prefix. A version in the call would refuse either
# Eigen 5 or, as a range, Eigen 3.4.0: it is tested by hand.
find_package(Eigen3 REQUIRED CONFIG PATH_SUFFIXES cmeel.prefix/share/eigen3/cmake)
if(Eigen3_VERSION VERSION_LESS 3.4 OR Eigen3_VERSION VERSION_GREATER_EQUAL 6)
  message(FATAL_ERROR "isokern needs Eigen 3.4 or 5, found ${Eigen3_VERSION}")
endif()

if(ISOKERN_OPENMP)
  find_package(OpenMP REQUIRED COMPONENTS CXX)
endif()
