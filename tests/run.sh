#!/usr/bin/env bash
# Sets up, builds everything and runs every test.
#   ./tests/run.sh [--asan | --tsan | --valgrind] [arguments of ctest]      e.g. -R settle, -L quick
# --asan      builds with address and undefined behaviour sanitizers in build-asan/ and runs the tests labelled quick
# --tsan      builds with the thread sanitizer in build-tsan/, and runs, the tests labelled threads
# --valgrind  builds for any machine in build-release/, and runs under valgrind, the tests labelled valgrind
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=all
case ${1:-} in
  --asan)
    shift
    build="build-asan"
    cmake/setup.sh --preset asan "$build"
    set -- -L quick "$@"
    ;;
  --tsan)
    shift
    build="build-tsan"
    target=tests_threads
    cmake/setup.sh --preset tsan "$build"
    set -- -L threads "$@"
    ;;
  --valgrind)
    shift
    build="build-release"
    target=tests_valgrind
    cmake/setup.sh --preset release "$build"
    set -- -L valgrind "$@"
    ;;
  *)
    build="build"
    cmake/setup.sh "$build" -DEQPROP_NATIVE=ON
    ;;
esac
cmake --build "$build" --parallel "$(nproc)" --target "$target" >&2
ctest --test-dir "$build" --output-on-failure --no-tests=error --parallel "$(nproc)" "$@"
