// A training step allocates nothing once one as large was done. The C library's allocators are replaced by ones that count, which is below
// everything: operator new, Eigen, the standard library. Only with glibc, and never under a sanitizer (see CMakeLists.txt).
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/train/step_cases.h"

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}

namespace {
std::atomic<long> allocations = 0;  // of all threads
}

extern "C" {
void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) {
  ++allocations;
  return __libc_realloc(memory, size);
}
void* memalign(std::size_t align, std::size_t size) {
  ++allocations;
  return __libc_memalign(align, size);
}
void* aligned_alloc(std::size_t align, std::size_t size) {
  ++allocations;
  return __libc_memalign(align, size);
}
int posix_memalign(void** out, std::size_t align, std::size_t size) {
  ++allocations;
  *out = __libc_memalign(align, size);
  return *out == nullptr ? ENOMEM : 0;
}
}

namespace {

using namespace step_cases;

// an allocation whose result the compiler cannot do without
template <class Make>
void allocate(Make make) {
  const auto made = make();
  asm volatile("" : : "g"(&made) : "memory");
}

// Allocations of every step but the first of each epoch, whose count takes in the shuffle and the calibration.
// leak: what the loop around the steps does in each of them.
template <class Leak>
std::vector<long> steps(const Case& c, int threads, const Dataset& set, int epochs, const Leak& leak) {
  std::vector<long> counts;
  counts.reserve(1000);
  Subject subject(c.network, c.training, set, 1, threads);
  for (int epoch = 0; epoch < epochs; ++epoch) {
    long before = -1;
    EpochReport report;
    subject.trainer.run_epoch(
        set,
        [&](const Progress&) {
          leak();
          const long now = allocations;
          if (before >= 0) counts.push_back(now - before);
          before = allocations;
          return true;
        },
        report);
    CHECK(report.path == c.path);
    subject.trainer.evaluate(set);  // other batches in the same buffers
  }
  return counts;
}

// Both threads of the pool do a whole training on their own, at the same time: from then on each has buffers of its own for whatever item
// of a step it may take.
void warm(const Case& c, const Dataset& set) {
  std::atomic<int> here = 0;
  parallel_for(2, 2, [&](std::size_t) {
    ++here;
    while (here < 2) {
    }
    Subject(c.network, c.training, set, 1, 1).epoch(set);
  });
}

}  // namespace

TEST_CASE("the counter sees every kind of allocation", "[allocation]") {
  const auto counted = [](const auto& make) {
    const long before = allocations;
    allocate(make);
    return allocations - before;
  };
  struct alignas(128) Line {
    char bytes[128];
  };
  CHECK(counted([] { return 1; }) == 0);
  CHECK(counted([] { return std::make_unique<int>(1); }) == 1);
  CHECK(counted([] { return std::make_unique<Line>(); }) == 1);
  CHECK(counted([] { return std::vector<double>(10); }) == 1);
  CHECK(counted([] { return Eigen::MatrixXf(3, 3); }) == 1);
  CHECK(counted([] { return std::unique_ptr<void, void (*)(void*)>(std::calloc(1, 8), std::free); }) == 1);
}

TEST_CASE("a step allocates nothing after the first of its size", "[allocation]") {
  const Dataset set = data(170, 1);  // eight batches of 20 and one of 10
  for (const Case& c : cases())
    for (const int threads : {1, 2}) {
      INFO(c.name << ", threads " << threads);
      if (threads > 1) warm(c, set);
      // the first count is that of step 2; the smaller last batch of the first epoch, the eighth count, has a buffer of its own
      std::vector<long> counts = steps(c, threads, set, 4, [] {});
      REQUIRE(counts.size() == 32);
      counts[7] = 0;
      CAPTURE(counts);
      CHECK(std::all_of(counts.begin(), counts.end(), [](long n) { return n == 0; }));
    }
}

TEST_CASE("one small allocation in a step is seen", "[allocation]") {
  const Dataset set = data(80, 1);
  const auto counts = steps(cases()[1], 1, set, 2, [] { allocate([] { return std::make_unique<int>(1); }); });
  REQUIRE(counts.size() == 6);
  for (const long count : counts) CHECK(count == 1);
}
