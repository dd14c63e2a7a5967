# Warnings of the project's own targets. Never exported: users choose their own.
add_library(roga_warnings INTERFACE)
target_compile_options(roga_warnings INTERFACE -Wall -Wextra -Wshadow -Wconversion -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC bug 105651: a false alarm in std::string's operator+.
  target_compile_options(roga_warnings INTERFACE -Wno-restrict)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  # Part of Clang's -Wconversion and not of GCC's.
  target_compile_options(roga_warnings INTERFACE -Wno-sign-conversion)
endif()
