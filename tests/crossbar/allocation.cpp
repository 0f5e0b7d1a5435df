// After the first call of a kind nothing is allocated any more: reads in both directions, updates with the default programming.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

#include "tests/catch.h"
#include "tests/crossbar/sample_arrays.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

std::atomic<long> allocations{0};

void* counted(std::size_t size, std::size_t alignment) {
  ++allocations;
  void* p = nullptr;
  if (posix_memalign(&p, std::max(alignment, sizeof(void*)), size > 0 ? size : 1) != 0) throw std::bad_alloc();
  return p;
}

/// Number of allocations that `body` makes.
template <class Body>
long allocations_of(Body body) {
  const long before = allocations;
  body();
  return allocations - before;
}

}  // namespace

// Eigen takes its memory from malloc; a sanitizer has a malloc of its own, then only operator new is counted
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define EQPROP_COUNTS_MALLOC 1
extern "C" void* __libc_malloc(std::size_t size);
extern "C" void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
#endif

void* operator new(std::size_t size) { return counted(size, 16); }
void* operator new[](std::size_t size) { return counted(size, 16); }
void* operator new(std::size_t size, std::align_val_t alignment) { return counted(size, static_cast<std::size_t>(alignment)); }
void* operator new[](std::size_t size, std::align_val_t alignment) { return counted(size, static_cast<std::size_t>(alignment)); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

TEST_CASE("the count sees what the standard library allocates") {
  CHECK(allocations_of([] { std::vector<int> v(100); }) == 1);
  CHECK(allocations_of([] { std::vector<int> v; }) == 0);
}

#ifdef EQPROP_COUNTS_MALLOC
TEST_CASE("the count sees what Eigen allocates") {
  CHECK(allocations_of([] { CHECK(Eigen::MatrixXf::Zero(10, 10).eval().size() == 100); }) >= 1);
}
#endif

TEST_CASE("reads and updates allocate nothing after the first") {
  for (const auto& [tiled, serial] : {std::pair{false, false}, {true, false}, {true, true}}) {
    CAPTURE(tiled, serial);
    ArrayOptions o;
    o.device.write_noise = tiled ? 0.5 : 0;
    o.read_noise = {.white = 0.005, .proportional = 0.01};
    o.max_rows = tiled ? 20 : 256;
    o.max_cols = tiled ? 30 : 256;
    if (serial) {
      o.converters.input = DriveInput::serial;
      o.converters.adc = {.gain = 0.01, .offset = 1, .inl = 1};
    }
    Ledger ledger;
    Run run{.seed = 1, .ledger = &ledger};
    Array array(o, 0, uniform(70, 51, 0.3f, 1), run);
    const Eigen::MatrixXf x = uniform(50, 16, 1, 2), y = uniform(70, 16, 1, 3);
    const Eigen::MatrixXf wanted = uniform(70, 51, 0.1f, 4);
    Eigen::MatrixXf out = Eigen::MatrixXf::Zero(70, 16), back = Eigen::MatrixXf::Zero(50, 16);
    const auto names = ids(16);
    UpdateReport report;
    for (std::uint32_t step = 0; step < 5; ++step) {
      const Place place{.step = step, .phase = kPhaseFree};
      const long all[] = {allocations_of([&] { array.forward(x, out, names, place, run); }),
                          allocations_of([&] { array.backward(y, back, names, place, run); }),
                          allocations_of([&] { report = array.update(wanted, place, run); })};
      REQUIRE(report.pulses > 0);
      if (step == 0) continue;
      for (const long count : all) CHECK(count == 0);
    }
    REQUIRE(array.update_totals().pulses > 0);
  }
}
