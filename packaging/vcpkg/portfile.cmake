# An overlay port: vcpkg install roga --overlay-ports=packaging/vcpkg
vcpkg_cmake_configure(
  SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../.."
  OPTIONS -DROGA_BUILD_TESTS=OFF -DROGA_BUILD_EXAMPLES=OFF -DROGA_INSTALL=ON)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(PACKAGE_NAME roga CONFIG_PATH lib/cmake/roga)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug")
vcpkg_install_copyright(FILE_LIST "${CMAKE_CURRENT_LIST_DIR}/../../LICENSE")
