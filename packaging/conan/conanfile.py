# conan create packaging/conan; LibTorch comes from the system or from CMAKE_PREFIX_PATH.
import os
import re

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain
from conan.tools.files import copy, load


class Roga(ConanFile):
    name = "roga"
    description = "Robust gradient alignment for LibTorch optimizers"
    license = "MIT"
    package_type = "header-library"
    settings = "os", "compiler", "build_type", "arch"
    no_copy_source = True

    def set_version(self):
        text = load(self, os.path.join(self.recipe_folder, "../../include/roga/version.hpp"))
        self.version = ".".join(re.findall(r"ROGA_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", text))

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "../..")
        for pattern in ("CMakeLists.txt", "LICENSE", "include/*", "cmake/*"):
            copy(self, pattern, root, self.export_sources_folder)

    def requirements(self):
        self.requires("eigen/[>=3.4]")

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        toolchain.variables["ROGA_BUILD_TESTS"] = False
        toolchain.variables["ROGA_BUILD_EXAMPLES"] = False
        toolchain.generate()

    def package(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.install()

    def package_id(self):
        self.info.clear()

    def package_info(self):
        self.cpp_info.set_property("cmake_find_mode", "none")  # roga brings its own rogaConfig.cmake
        self.cpp_info.builddirs = ["lib/cmake/roga"]
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
