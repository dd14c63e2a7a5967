# What users meet before the first step: each header by itself, the compiler's word on a wrong
# policy, the installed package, the subdirectory. These tests compile; their label is `packaging`.

function(add_build_test name target)
  add_test(NAME ${name} COMMAND "${CMAKE_COMMAND}" --build "${PROJECT_BINARY_DIR}" --target ${target})
  set_tests_properties(${name} PROPERTIES LABELS packaging RESOURCE_LOCK build)
endfunction()
function(add_syntax_library name)
  add_library(${name} OBJECT EXCLUDE_FROM_ALL ${ARGN})
  target_link_libraries(${name} PRIVATE roga::roga roga_warnings)
  target_compile_options(${name} PRIVATE -O0)
endfunction()

# Wrong types, not used yet: this compiles. Its precompiled LibTorch serves the next two. It holds
# LibTorch alone: GCC knows a precompiled `#pragma once` by the bytes of its file, and ccache may hand
# out one that was made when the comments of that file were other.
add_syntax_library(accepted compile_fail/refused.cpp)
file(STRINGS "${PROJECT_SOURCE_DIR}/include/roga/tensor/torch.hpp" libtorch_headers
     REGEX "^#include <(ATen|c10|torch)/")
list(FILTER libtorch_headers EXCLUDE REGEX "_foreach_")  # not in each version
list(TRANSFORM libtorch_headers REPLACE "^#include " "")
target_precompile_headers(accepted PRIVATE ${libtorch_headers})
add_build_test(compile_accepted accepted)

# The compiler refuses them by name, and in few lines.
add_syntax_library(refused compile_fail/refused.cpp)
target_precompile_headers(refused REUSE_FROM accepted)
target_compile_definitions(refused PRIVATE ROGA_REFUSED)
target_compile_options(refused PRIVATE $<$<CXX_COMPILER_ID:Clang>:-ferror-limit=0>)
add_test(NAME compile_refused
         COMMAND ${CMAKE_COMMAND} -D "BUILD=${PROJECT_BINARY_DIR}" -D TARGET=refused
                 -D "SOURCE=${CMAKE_CURRENT_SOURCE_DIR}/compile_fail/refused.cpp"
                 -P "${CMAKE_CURRENT_SOURCE_DIR}/compile_fail/check_refused.cmake")
set_tests_properties(compile_refused PROPERTIES LABELS packaging RESOURCE_LOCK build)

# Every header as the first include of a translation unit.
set(checked_headers ${roga_headers})
if(NOT ROGA_HAS_C10D)
  list(FILTER checked_headers EXCLUDE REGEX "/distributed.hpp$")
endif()
foreach(header IN LISTS checked_headers)
  cmake_path(RELATIVE_PATH header BASE_DIRECTORY "${PROJECT_SOURCE_DIR}/include")
  set(unit "${CMAKE_CURRENT_BINARY_DIR}/headers/${header}.cpp")
  file(CONFIGURE OUTPUT "${unit}" @ONLY
       CONTENT "#include <@header@>\nstatic_assert(false, \"end of header\");\n")
  list(APPEND header_units "${unit}")
endforeach()
add_syntax_library(headers ${header_units})
target_precompile_headers(headers REUSE_FROM accepted)
set_target_properties(headers PROPERTIES CXX_COMPILER_LAUNCHER
                      "${PROJECT_SOURCE_DIR}/cmake/stop_at_end_of_header.sh")
add_build_test(headers headers)

# Users' projects: one finds the installed package, the other adds this folder.
set(stage "${PROJECT_BINARY_DIR}/stage")
set(consumer_cache -DCMAKE_BUILD_TYPE=None "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror")
foreach(variable IN ITEMS CMAKE_CXX_COMPILER_LAUNCHER CMAKE_PREFIX_PATH Torch_DIR)
  string(REPLACE ";" "\\;" value "${${variable}}")
  list(APPEND consumer_cache "-D${variable}=${value}")
endforeach()

function(add_consumer_test name project compiler)
  add_test(NAME ${name} COMMAND "${CMAKE_CTEST_COMMAND}" --build-and-test
    "${CMAKE_CURRENT_SOURCE_DIR}/${project}" "${CMAKE_CURRENT_BINARY_DIR}/${name}"
    --build-generator "${CMAKE_GENERATOR}" --build-options ${consumer_cache}
    "-DCMAKE_CXX_COMPILER=${compiler}" --test-command consumer)
  set_tests_properties(${name} PROPERTIES LABELS packaging)
endfunction()
add_consumer_test(subdirectory subdirectory "${CMAKE_CXX_COMPILER}")
add_consumer_test(fetch_content fetch_content "${CMAKE_CXX_COMPILER}")
if(ROGA_INSTALL)
  list(APPEND consumer_cache "-Droga_DIR=${stage}/${CMAKE_INSTALL_LIBDIR}/cmake/roga")
  add_test(NAME package_install
           COMMAND "${CMAKE_COMMAND}" --install "${PROJECT_BINARY_DIR}" --prefix "${stage}")
  add_consumer_test(package package "${CMAKE_CXX_COMPILER}")
  find_program(CLANG clang++)
  if(CLANG AND NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
    add_consumer_test(package_clang package "${CLANG}")
    set_tests_properties(package_clang PROPERTIES FIXTURES_REQUIRED stage)
  endif()
  add_test(NAME package_version
           COMMAND "${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_SOURCE_DIR}/package"
                   -B "${CMAKE_CURRENT_BINARY_DIR}/package_version" -G "${CMAKE_GENERATOR}"
                   ${consumer_cache} "-DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER}"
                   -DCONSUMED_VERSION=9)
  set_tests_properties(package_install PROPERTIES LABELS packaging FIXTURES_SETUP stage)
  set_tests_properties(package package_version PROPERTIES LABELS packaging FIXTURES_REQUIRED stage)
  set_tests_properties(package_version PROPERTIES PASS_REGULAR_EXPRESSION
                       "not accepted.*rogaConfig.cmake, version: 0")

  # The same project by hand, as pkg-config says.
  find_program(PKG_CONFIG pkg-config)
  if(PKG_CONFIG)
    set(by_hand "export PKG_CONFIG_PATH=${stage}/${CMAKE_INSTALL_LIBDIR}/pkgconfig")
    string(APPEND by_hand " && ${CMAKE_CXX_COMPILER_LAUNCHER} ${CMAKE_CXX_COMPILER} -O0 main.cpp"
           " second_unit.cpp $(${PKG_CONFIG} --cflags --libs roga)"
           " -o '${CMAKE_CURRENT_BINARY_DIR}/consumer_by_hand'"
           " && '${CMAKE_CURRENT_BINARY_DIR}/consumer_by_hand'")
    add_test(NAME package_pkg_config COMMAND sh -c "${by_hand}"
             WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}/package")
    set_tests_properties(package_pkg_config PROPERTIES LABELS packaging FIXTURES_REQUIRED stage)

    # The same with all of roga in one header, which goes before the installed ones.
    find_package(Python3 COMPONENTS Interpreter)
    if(Python3_FOUND)
      set(single "${CMAKE_CURRENT_BINARY_DIR}/single")
      file(MAKE_DIRECTORY "${single}/roga")
      string(REPLACE "-O0 main.cpp" "-O0 '-I${single}' main.cpp" single_by_hand "${by_hand}")
      string(REPLACE consumer_by_hand consumer_of_one_header single_by_hand "${single_by_hand}")
      add_test(NAME package_single_header
               COMMAND sh -c "'${Python3_EXECUTABLE}' '${PROJECT_SOURCE_DIR}/scripts/amalgamate.py' \
'${single}/roga/roga.hpp' && ${single_by_hand}"
               WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}/package")
      set_tests_properties(package_single_header PROPERTIES LABELS packaging
                                                            FIXTURES_REQUIRED stage)
    endif()
  endif()

  # A Debian package with the headers and what find_package and pkg-config look for.
  find_program(DPKG_DEB dpkg-deb)
  if(DPKG_DEB)
    set(deb "${PROJECT_BINARY_DIR}/libroga-dev_${PROJECT_VERSION}_all.deb")
    add_test(NAME package_deb
             COMMAND sh -c "${CMAKE_CPACK_COMMAND} -G DEB > /dev/null && ${DPKG_DEB} -c '${deb}'"
             WORKING_DIRECTORY "${PROJECT_BINARY_DIR}")
    set_tests_properties(package_deb PROPERTIES LABELS packaging PASS_REGULAR_EXPRESSION
      "usr/include/roga/roga.hpp.*usr/lib.*/cmake/roga/rogaConfig.cmake.*pkgconfig/roga.pc")
  endif()
endif()
