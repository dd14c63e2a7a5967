# Optional: roga_dlib, with the macro ROGA_HAS_DLIB of 0 or 1. dlib's own package file names libraries
# that are none of its users' business, and that Debian's libdlib-dev does not bring. Its headers call
# BLAS and LAPACK, of which dlib brings the libraries that programs run with, but not the names to
# link by.
add_library(roga_dlib INTERFACE)
find_path(DLIB_INCLUDE_DIR dlib/dnn.h)
find_library(DLIB_LIBRARY dlib)
find_library(DLIB_BLAS_LIBRARY NAMES libblas.so.3 blas openblas)
find_library(DLIB_LAPACK_LIBRARY NAMES liblapack.so.3 lapack openblas)
mark_as_advanced(DLIB_INCLUDE_DIR DLIB_LIBRARY DLIB_BLAS_LIBRARY DLIB_LAPACK_LIBRARY)
if(DLIB_INCLUDE_DIR AND DLIB_LIBRARY)
  target_include_directories(roga_dlib SYSTEM INTERFACE "${DLIB_INCLUDE_DIR}")
  target_link_libraries(roga_dlib INTERFACE "${DLIB_LIBRARY}")
  foreach(library DLIB_LAPACK_LIBRARY DLIB_BLAS_LIBRARY)
    if(${library})
      target_link_libraries(roga_dlib INTERFACE "${${library}}")
    endif()
  endforeach()
  target_compile_definitions(roga_dlib INTERFACE ROGA_HAS_DLIB=1)
else()
  message(STATUS "dlib not found: roga-deepfake is built without --align")
  target_compile_definitions(roga_dlib INTERFACE ROGA_HAS_DLIB=0)
endif()
