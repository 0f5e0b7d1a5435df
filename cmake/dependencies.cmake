# every library that is not ours, found once, here, so that its targets are seen in all folders (Debian's names in packages.txt)

find_package(Threads REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(ZLIB REQUIRED)
find_package(hwy REQUIRED)
find_package(Ceres QUIET)  # only for eqprop::reference and eqprop::fit

# Random123 is a folder of headers without a CMake target; link it as $<BUILD_INTERFACE:eqprop_random123>, so that users need it not
find_path(RANDOM123_INCLUDE_DIR Random123/philox.h DOC "folder that holds Random123/philox.h")
mark_as_advanced(RANDOM123_INCLUDE_DIR)
if(NOT RANDOM123_INCLUDE_DIR)
  message(FATAL_ERROR "Random123/philox.h was not found: install librandom123-dev (Debian, Ubuntu), or set -DRANDOM123_INCLUDE_DIR=<folder>")
endif()
add_library(eqprop_random123 INTERFACE)
target_include_directories(eqprop_random123 SYSTEM INTERFACE ${RANDOM123_INCLUDE_DIR})

if(PROJECT_IS_TOP_LEVEL)
  find_package(CLI11 REQUIRED)
  find_package(spdlog REQUIRED)
  find_package(nlohmann_json REQUIRED)
endif()
