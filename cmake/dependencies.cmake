# every library that is not ours, found once, here, so that its targets are seen in all folders (Debian's names in packages.txt);
# base looks for Random123 itself, a folder of headers without a CMake target

find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(tomlplusplus REQUIRED)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(ZLIB REQUIRED)
find_package(Ceres QUIET REQUIRED)
find_package(hwy REQUIRED)

if(PROJECT_IS_TOP_LEVEL)
  find_package(CLI11 REQUIRED)
  find_package(spdlog REQUIRED)
  find_package(nlohmann_json REQUIRED)
endif()
