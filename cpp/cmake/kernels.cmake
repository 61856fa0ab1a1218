# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
# The kernel sources, compiled once for each instruction set; cpp/kernels/isa.hpp has the rules they obey.

set(ISOKERN_KERNELS
  band.cpp fwht.cpp gaussian.cpp gaussian_pairwise.cpp halffloat.cpp moments.cpp normals.cpp orthogonal.cpp orthogonal_vjp.cpp projection_lists.cpp projection_map.cpp
  projection_product.cpp projection_rows.cpp qr.cpp random.cpp reflectors.cpp reflectors_jvp.cpp reflectors_vjp.cpp rope.cpp rope_angles.cpp
  rope_table.cpp srht.cpp table.cpp tile_copies.cpp tiles.cpp
  wasserstein.cpp)
list(TRANSFORM ISOKERN_KERNELS PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/cpp/kernels/)
# Their numbers are the same on every instruction set.
foreach(source normals projection_lists projection_map projection_rows)
  set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/cpp/kernels/${source}.cpp PROPERTIES
    COMPILE_OPTIONS -ffp-contract=off)
endforeach()
set(ISOKERN_ISAS "")

function(isokern_variant isa)
  add_library(isokern_${isa} OBJECT ${ISOKERN_KERNELS})
  target_compile_features(isokern_${isa} PRIVATE cxx_std_17)
  target_compile_definitions(isokern_${isa} PRIVATE ISOKERN_ISA=${isa} ISOKERN_BUILDING)
  target_include_directories(isokern_${isa} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/cpp/include)
  target_link_libraries(isokern_${isa} PRIVATE $<BUILD_INTERFACE:Eigen3::Eigen>)
  # No -ffast-math: a library linked with it can set flush-to-zero in every thread of the process.
  target_compile_options(isokern_${isa} PRIVATE
    $<$<CONFIG:Release,RelWithDebInfo>:-O3> -fno-math-errno -fno-trapping-math -fno-exceptions
    -ffp-contract=fast
    # GCC's own intrinsic headers, by design, use undefined vectors.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized> ${ARGN})
  set_target_properties(isokern_${isa} PROPERTIES
    CXX_EXTENSIONS OFF CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON INTERPROCEDURAL_OPTIMIZATION OFF)
  isokern_warnings(isokern_${isa})
  target_sources(isokern PRIVATE $<TARGET_OBJECTS:isokern_${isa}>)
  set(ISOKERN_ISAS ${ISOKERN_ISAS} ${isa} PARENT_SCOPE)
endfunction()

isokern_variant(base)
if(ISOKERN_DISPATCH AND CMAKE_CONFIGURATION_TYPES)
  message(WARNING "a generator of several configurations builds the baseline kernels alone: use Ninja or Make")
endif()
# Unoptimised objects hold copies of standard-library templates, which the linker would share between the sets.
if(ISOKERN_DISPATCH AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND CMAKE_BUILD_TYPE MATCHES "Rel")
  isokern_variant(v3 -march=x86-64-v3)
  isokern_variant(v4 -march=x86-64-v4 -mprefer-vector-width=512)
  target_compile_definitions(isokern PRIVATE ISOKERN_X86_VARIANTS)
endif()
