# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
# Library, headers, CMake package and, outside a wheel, the pkg-config file.

include(CMakePackageConfigHelpers)
if(NOT SKBUILD) # a wheel cannot hold the links that belong to a soname
  set_target_properties(isokern PROPERTIES
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
endif()
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/isokern)

install(TARGETS isokern EXPORT isokern-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY cpp/include/isokern DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT isokern-targets NAMESPACE isokern:: DESTINATION ${config_dir})
configure_package_config_file(cpp/cmake/isokern-config.cmake.in isokern-config.cmake
  INSTALL_DESTINATION ${config_dir})
write_basic_package_version_file(isokern-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${CMAKE_CURRENT_BINARY_DIR}/isokern-config.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/isokern-config-version.cmake
  DESTINATION ${config_dir})
if(NOT SKBUILD)
  # What a static library needs, whether or not "--static" is said: there is no other library to link.
  set(pc_libs "")
  if(NOT BUILD_SHARED_LIBS)
    set(pc_libs "${OpenMP_CXX_FLAGS}")
  endif()
  # Relative, so that the installed folder may move.
  file(RELATIVE_PATH pc_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
  configure_file(cpp/cmake/isokern.pc.in isokern.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/isokern.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()
