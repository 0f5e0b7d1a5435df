#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "tests/catch.h"

using namespace eqprop;

TEST_CASE("parallel_for visits every item once and gives the same bits for any number of threads", "[base][parallel][threads]") {
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

TEST_CASE("the exception of the lowest index is rethrown, whichever comes first", "[base][parallel][threads]") {
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

TEST_CASE("many loops on end lose no item, whatever their size, number of threads and failures", "[base][parallel][threads]") {
  const RandomKey key(11, Purpose::test);
  std::vector<int> visits;
  for (std::uint32_t loop = 0; loop < 5'000; ++loop) {
    float draw[3];
    key.fill_uniform({0, loop}, 0, draw, 3);
    const auto count = static_cast<std::size_t>(40 * draw[0]);
    const int threads = 1 + static_cast<int>(6 * draw[1]);
    const auto fails = static_cast<std::size_t>(100 * draw[2]);  // above count: none does
    visits.assign(count, 0);
    std::size_t failed = count;
    try {
      parallel_for(count, threads, [&](std::size_t i) {
        ++visits[i];
        if (i >= fails) throw i;
      });
    } catch (const std::size_t i) {
      failed = i;
    }
    REQUIRE(failed == std::min(fails, count));
    for (std::size_t i = 0; i < count; ++i) REQUIRE((i <= failed ? visits[i] == 1 : visits[i] <= 1));
  }
}

TEST_CASE("helpers that slept wake up for the next loop", "[base][parallel][threads]") {
  // two items that wait for each other: they end early only when a second thread comes
  int together = 0;
  for (int loop = 0; loop < 20; ++loop) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::atomic<int> here = 0;
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    parallel_for(2, 2, [&](std::size_t) {
      ++here;
      while (here < 2 && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
    });
    together += std::chrono::steady_clock::now() < give_up;
  }
  CHECK(together >= 15);
}

TEST_CASE("loops inside loops run inline and in order", "[base][parallel][threads]") {
  std::vector<std::vector<std::size_t>> seen(50);
  std::atomic<int> moved = 0;
  parallel_for(seen.size(), 4, [&](std::size_t i) {
    const auto home = std::this_thread::get_id();
    parallel_for(20, 4, [&](std::size_t j) {
      seen[i].push_back(j);
      moved += std::this_thread::get_id() != home;
    });
  });
  CHECK(moved == 0);
  for (const auto& inner : seen) {
    REQUIRE(inner.size() == 20);
    REQUIRE(std::is_sorted(inner.begin(), inner.end()));
  }
  // an error passes through both loops, and the next loop is parallel again
  CHECK_THROWS_AS(parallel_for(4, 4, [](std::size_t) { parallel_for(4, 4, [](std::size_t) { throw std::runtime_error("inner"); }); }),
                  std::runtime_error);
  std::atomic<int> visits = 0;
  parallel_for(100, 4, [&](std::size_t) { ++visits; });
  CHECK(visits == 100);
}

TEST_CASE("several threads of the user may call at once", "[base][parallel][threads]") {
  std::atomic<int> wrong = 0;
  const auto user = [&](std::size_t me) {
    for (std::size_t loop = 0; loop < 1'000; ++loop) {
      std::vector<std::size_t> out(1 + (loop + me) % 9);
      bool thrown = false;
      try {
        parallel_for(out.size(), 3, [&](std::size_t i) {
          out[i] = i + me;
          if (loop % 10 == 0) throw std::runtime_error("tenth");
        });
      } catch (const std::runtime_error&) {
        thrown = true;
      }
      wrong += thrown != (loop % 10 == 0);
      for (std::size_t i = 0; i < out.size(); ++i) wrong += !thrown && out[i] != i + me;
    }
  };
  std::vector<std::thread> users;
  for (std::size_t me = 1; me <= 4; ++me) users.emplace_back(user, me);
  for (auto& thread : users) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("a loop may have more items than a round holds", "[base][parallel][threads]") {
  constexpr std::size_t kItems = (std::size_t{1} << 20) + 5;
  std::vector<std::uint8_t> visits(kItems, 0);
  parallel_for(kItems, 3, [&](std::size_t i) { ++visits[i]; });
  CHECK(static_cast<std::size_t>(std::count(visits.begin(), visits.end(), 1)) == kItems);
  // a failure in the first round starts no second one; one in the second is found
  for (const std::size_t bad : {std::size_t{3}, kItems - 2}) {
    std::atomic<bool> late = false;
    std::size_t caught = 0;
    try {
      parallel_for(kItems, 3, [&](std::size_t i) {
        if (i == bad) throw i;
        if (bad == 3 && i >= kItems - 6) late = true;
      });
    } catch (const std::size_t i) {
      caught = i;
    }
    CHECK(caught == bad);
    CHECK_FALSE(late);
  }
}

TEST_CASE("shards cut a batch into pieces of at most kShardSamples", "[base][parallel][threads]") {
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
