# SPDX-FileCopyrightText: 2026 The isokern authors
# SPDX-License-Identifier: BSD-3-Clause
# cmake -DNM=... -DISA=... -DOBJECTS=a.o;b.o -P check_symbols.cmake
#
# Fails if an object of an instruction set defines a symbol that the linker could share with other objects: it keeps
# one copy of every inline function and template instance, and that copy might hold instructions that the machine does
# not have. Fails as well if an initialiser would run when the library is loaded, before anything was chosen.

if(DEFINED ENV{ISOKERN_TEST_NM})
  set(NM $ENV{ISOKERN_TEST_NM})
endif()
if(NOT OBJECTS)
  message(FATAL_ERROR "no objects to look at")
endif()
set(own "isokern::${ISA}::|Eigen_isokern_${ISA}::|^DW\\.ref\\.")
foreach(object IN LISTS OBJECTS)
  execute_process(COMMAND ${NM} -C --defined-only ${object}
    OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
  string(REPLACE ";" "," output "${output}")
  string(REGEX MATCHALL "[^\n]+" lines "${output}")
  set(seen 0)
  foreach(line IN LISTS lines)
    if(NOT line MATCHES "^[0-9a-f]+ ([A-Za-z]) (.*)$")
      continue()
    endif()
    set(type ${CMAKE_MATCH_1})
    set(symbol "${CMAKE_MATCH_2}")
    math(EXPR seen "${seen} + 1")
    if(type MATCHES "[TDBRWVCGSui]" AND NOT symbol MATCHES "${own}")
      message(SEND_ERROR "${object}: symbol shared with other instruction sets: ${symbol}")
    elseif(symbol MATCHES "^_GLOBAL__sub_I|__cxx_global_var_init")
      message(SEND_ERROR "${object}: code runs when the library is loaded: ${symbol}")
    endif()
  endforeach()
  if(seen EQUAL 0)
    message(SEND_ERROR "${object}: ${NM} saw no symbols")
  endif()
endforeach()
