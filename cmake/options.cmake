# options of the build, and eqprop_flags: the private compile flags of every target of ours

option(EQPROP_NATIVE "tune for this machine (-march=native); the binaries do not run on older ones" OFF)
option(EQPROP_TESTS "build the tests" ON)
option(EQPROP_BENCH "build the benchmarks" ON)
option(EQPROP_WERROR "warnings are errors" OFF)
option(EQPROP_FUZZ "build the fuzz targets with libFuzzer instead of the tests; for Clang, use the preset `fuzz`" OFF)
set(EQPROP_SANITIZE "" CACHE STRING "sanitizers, e.g. address,undefined")

include(GNUInstallDirs)

if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, RelWithDebInfo or Release" FORCE)
  endif()
  find_program(CCACHE_PROGRAM ccache)
  mark_as_advanced(CCACHE_PROGRAM)
  if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # a second checkout finds what the first one compiled
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
  endif()
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()

# no contraction behind our back: the body and the tail of a loop must give the same bits; square roots set no errno, so that they vectorise
add_library(eqprop_flags INTERFACE)
target_compile_features(eqprop_flags INTERFACE cxx_std_20)
target_compile_options(eqprop_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wno-psabi -ffp-contract=off -fno-math-errno)
# GCC 12 warns of its own AVX-512 headers and std::string (its bugs 105593 and 105651)
target_compile_options(eqprop_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized -Wno-restrict>)
if(EQPROP_WERROR)
  target_compile_options(eqprop_flags INTERFACE -Werror)
endif()
if(EQPROP_NATIVE)
  target_compile_options(eqprop_flags INTERFACE -march=native)
  # the same bugs in Eigen's code for AVX-512; the portable builds keep the warning
  target_compile_options(eqprop_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized>)
endif()
if(EQPROP_SANITIZE)
  target_compile_options(eqprop_flags INTERFACE -fsanitize=${EQPROP_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(eqprop_flags INTERFACE -fsanitize=${EQPROP_SANITIZE})
endif()
