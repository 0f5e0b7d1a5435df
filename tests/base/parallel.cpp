#include "base/parallel.h"

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "tests/catch.h"

using namespace eqprop;

TEST_CASE("parallel_for visits every item once and gives the same bits for any number of threads", "[base][parallel]") {
  const RandomKey key(7, Purpose::test);
  const auto compute = [&](std::size_t count, int threads) {
    std::vector<float> out(count, -1.0f);
    std::vector<std::atomic<int>> visits(count);
    parallel_for(count, threads, [&](std::size_t i) {
      ++visits[i];
      std::vector<float> draws(100);
      key.fill_normal({0, static_cast<std::uint32_t>(i)}, 0, draws.data(), draws.size());
      for (const float x : draws) out[i] += x;
    });
    for (const auto& v : visits) {
      if (v != 1) FAIL("an item was visited " << v << " times");
    }
    return out;
  };
  for (const std::size_t count : {0, 1, 2, 5, 300}) {
    const auto one = compute(count, 1);
    CHECK(compute(count, 2) == one);
    CHECK(compute(count, 7) == one);
  }
  CHECK_THROWS_AS(parallel_for(3, 0, [](std::size_t) {}), std::logic_error);
  CHECK(hardware_threads() >= 1);
}

TEST_CASE("the exception of the lowest index is rethrown, whichever comes first", "[base][parallel]") {
  for (const int threads : {1, 2, 7}) {
    for (int repeat = 0; repeat < 20; ++repeat) {
      // items 5 and 6 fail while both are under way, by turns the one or the other first; the waits are bounded
      std::atomic<int> under_way = 0;
      std::atomic<bool> first_thrown = false;
      const auto wait = [&](const auto& ready) {
        for (int turns = 0; threads > 1 && !ready() && turns < 20'000; ++turns) std::this_thread::yield();
      };
      const auto fail = [&](std::size_t i) {
        ++under_way;
        wait([&] { return under_way == 2; });
        const bool goes_first = (i == 5) == (repeat % 2 == 1);
        if (!goes_first) {
          wait([&] { return first_thrown.load(); });
          for (int turn = 0; turn < 200; ++turn) std::this_thread::yield();
        }
        first_thrown = true;
        throw std::runtime_error(std::to_string(i));
      };
      std::string caught;
      try {
        parallel_for(64, threads, [&](std::size_t i) {
          if (i == 5 || i == 6) fail(i);
        });
      } catch (const std::runtime_error& error) {
        caught = error.what();
      }
      REQUIRE(caught == "5");
    }
  }
}

TEST_CASE("shards cut a batch into pieces of at most kShardSamples", "[base][parallel]") {
  CHECK(shard_count(0) == 0);
  for (std::size_t batch = 1; batch < 200; ++batch) {
    std::size_t next = 0;
    for (std::size_t i = 0; i < shard_count(batch); ++i) {
      const Range range = shard(batch, i);
      REQUIRE(range.begin == next);
      REQUIRE(range.size() >= 1);
      REQUIRE(range.size() <= kShardSamples);
      if (i + 1 < shard_count(batch)) REQUIRE(range.size() == kShardSamples);
      next = range.end;
    }
    REQUIRE(next == batch);
  }
  CHECK_THROWS_AS(shard(16, 1), std::logic_error);
}
