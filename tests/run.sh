#!/usr/bin/env bash
# Sets up, builds everything and runs every test.
#   ./tests/run.sh [--asan] [arguments of ctest]      e.g. -R settle, -L quick
# --asan builds with address and undefined behaviour sanitizers in build-asan/ and runs the tests labelled quick.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ ${1:-} == --asan ]]; then
  shift
  build="build-asan"
  cmake/setup.sh --preset asan "$build"
  set -- -L quick "$@"
else
  build="build"
  cmake/setup.sh "$build" -DEQPROP_NATIVE=ON
fi
cmake --build "$build" --parallel "$(nproc)" >&2
ctest --test-dir "$build" --output-on-failure --no-tests=error --parallel "$(nproc)" "$@"
