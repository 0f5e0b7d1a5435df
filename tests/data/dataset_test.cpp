#include "eqprop/data/dataset.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "base/check.h"
#include "tests/catch.h"
#include "tests/data/temp_folder.h"

namespace eqprop {
namespace {

// class c has sizes[c] samples, dealt in turn; every feature tells its sample's id
Dataset made(const std::vector<int>& sizes, int features = 3) {
  Dataset data;
  data.name = "made";
  data.features = features;
  data.classes = static_cast<int>(sizes.size());
  for (int round = 0; round < *std::max_element(sizes.begin(), sizes.end()); ++round) {
    for (int c = 0; c < data.classes; ++c) {
      if (round >= sizes[static_cast<std::size_t>(c)]) continue;
      const auto id = static_cast<std::uint32_t>(1000 + data.size());
      for (int f = 0; f < features; ++f) data.x.push_back(static_cast<float>(id) + 0.125f * static_cast<float>(f));
      data.labels.push_back(c);
      data.ids.push_back(id);
    }
  }
  return data;
}

bool consistent(const Dataset& part, const Dataset& whole) {
  for (std::size_t i = 0; i < part.size(); ++i) {
    const std::size_t origin = part.ids[i] - 1000;
    const auto a = part.sample(i), b = whole.sample(origin);
    if (part.labels[i] != whole.labels[origin] || !std::equal(a.begin(), a.end(), b.begin(), b.end())) return false;
  }
  return part.features == whole.features && part.classes == whole.classes &&
         part.x.size() == part.size() * static_cast<std::size_t>(part.features);
}

TEST_CASE("subset keeps samples, labels and ids together, in the order asked") {
  const Dataset data = made({4, 3, 5});
  const std::vector<std::uint32_t> positions = {7, 0, 11, 3};
  const Dataset part = data.subset(positions);
  REQUIRE(part.size() == 4);
  CHECK(part.ids == std::vector<std::uint32_t>{1007, 1000, 1011, 1003});
  CHECK(consistent(part, data));
  CHECK_THROWS_AS(data.subset(std::vector<std::uint32_t>{12}), std::logic_error);
}

TEST_CASE("a carved validation set is stratified, disjoint, complete and a function of the seed") {
  const std::vector<int> sizes = {178, 182, 31, 60, 97};
  const Dataset data = made(sizes);
  for (const double fraction : {0.05, 0.1, 0.2, 1.0 / 3.0, 0.5, 0.9}) {
    for (const std::uint32_t seed : {1u, 2u, 77u}) {
      const Split split = carve_validation(data, fraction, seed);
      CHECK(split.validation.size() == static_cast<std::size_t>(std::llround(fraction * static_cast<double>(data.size()))));
      const auto carved = split.validation.class_sizes();
      for (std::size_t c = 0; c < sizes.size(); ++c) CHECK(std::abs(static_cast<double>(carved[c]) - fraction * sizes[c]) < 1.0);

      std::set<std::uint32_t> ids(split.train.ids.begin(), split.train.ids.end());
      ids.insert(split.validation.ids.begin(), split.validation.ids.end());
      CHECK(ids.size() == data.size());
      CHECK(split.train.size() + split.validation.size() == data.size());
      CHECK(consistent(split.train, data));
      CHECK(consistent(split.validation, data));
      CHECK(std::is_sorted(split.train.ids.begin(), split.train.ids.end()));

      CHECK(carve_validation(data, fraction, seed).validation.ids == split.validation.ids);
      CHECK(carve_validation(data, fraction, seed + 1).validation.ids != split.validation.ids);
    }
  }
}

TEST_CASE("a carved test set has ids of its own and is not the validation set of that seed") {
  Dataset data = made({40, 60});
  for (auto& id : data.ids) id -= 1000;
  const TrainTest sets = carve_test(data, 0.2, 3);
  CHECK(sets.train.size() == 80);
  CHECK(sets.test.class_sizes() == std::vector<std::size_t>{8, 12});
  std::set<std::uint32_t> ids(sets.train.ids.begin(), sets.train.ids.end());
  std::vector<std::uint32_t> positions;
  for (const auto id : sets.test.ids) {
    REQUIRE(id >= kTestIdOffset);
    positions.push_back(id - kTestIdOffset);
    ids.insert(positions.back());
  }
  CHECK(ids.size() == 100);
  CHECK(carve_test(data, 0.2, 3).test.ids == sets.test.ids);
  CHECK(carve_test(data, 0.2, 4).test.ids != sets.test.ids);
  CHECK(carve_validation(data, 0.2, 3).validation.ids != positions);
}

TEST_CASE("every sample is carved equally often over seeds") {
  const Dataset data = made({20, 30});
  std::vector<int> carved(data.size(), 0);
  const int seeds = 2000;
  for (int seed = 0; seed < seeds; ++seed) {
    for (const auto id : carve_validation(data, 0.2, static_cast<std::uint32_t>(seed)).validation.ids) ++carved[id - 1000];
  }
  // binomial with p = 0.2; 5 sd, 50 samples: false alarms below 1e-4
  const double sd = std::sqrt(seeds * 0.2 * 0.8);
  for (const int count : carved) CHECK(std::abs(count - seeds * 0.2) < 5 * sd);
}

TEST_CASE("a carve that leaves a class without samples is the user's error") {
  const Dataset data = made({50, 2});
  for (const double fraction : {0.05, 0.95, 0.0, 1.0, -0.1, std::nan("")}) {
    const auto error = test::input_error([&] { carve_validation(data, fraction, 1); });
    REQUIRE(error);
    CHECK(error->kind() == InputKind::config);
  }
  const auto error = test::input_error([&] { carve_validation(data, 0.05, 1); });
  CHECK(test::contains(error->what(), "class 1"));
  CHECK_NOTHROW(carve_validation(data, 0.5, 1));
}

TEST_CASE("shuffled is a permutation and a function of seed and epoch") {
  for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{17}, std::size_t{1347}}) {
    auto order = shuffled(n, 5, 3);
    CHECK(order == shuffled(n, 5, 3));
    std::sort(order.begin(), order.end());
    std::vector<std::uint32_t> all(n);
    std::iota(all.begin(), all.end(), 0u);
    CHECK(order == all);
  }
  CHECK(shuffled(100, 5, 3) != shuffled(100, 5, 4));
  CHECK(shuffled(100, 5, 3) != shuffled(100, 6, 3));
}

TEST_CASE("all orders of four come equally often") {
  std::vector<int> count(256, 0);
  const int epochs = 24000;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    const auto order = shuffled(4, 9, static_cast<std::uint32_t>(epoch));
    ++count[order[0] * 64 + order[1] * 16 + order[2] * 4 + order[3]];
  }
  double chi_squared = 0.0;
  int orders = 0;
  for (const int c : count) {
    if (c == 0) continue;
    ++orders;
    chi_squared += (c - 1000.0) * (c - 1000.0) / 1000.0;
  }
  CHECK(orders == 24);
  CHECK(chi_squared < 62.0);  // 23 degrees of freedom: false alarm 2e-5
}

TEST_CASE("gather, one-hot and batch agree in float and double") {
  const Dataset data = made({4, 3, 5}, 6);
  const std::vector<std::uint32_t> rows = {3, 3, 10, 0, 7};
  Eigen::MatrixXf x(6, 5);
  std::vector<std::int32_t> labels(5);
  std::vector<std::uint32_t> ids(5);
  gather(data, rows, x, labels, ids);
  Batch<double> batch;
  batch.fill(data, rows);
  CHECK(batch.size() == 5);
  CHECK(batch.x == x.cast<double>());
  CHECK(batch.labels == labels);
  CHECK(batch.ids == ids);
  for (int k = 0; k < 5; ++k) {
    const auto row = rows[static_cast<std::size_t>(k)];
    CHECK(ids[static_cast<std::size_t>(k)] == data.ids[row]);
    CHECK(labels[static_cast<std::size_t>(k)] == data.labels[row]);
    for (int f = 0; f < 6; ++f) CHECK(x(f, k) == data.sample(row)[static_cast<std::size_t>(f)]);
    CHECK((batch.y.col(k).array() != 0.0).count() == 1);
    CHECK(batch.y(data.labels[row], k) == 1.0);
  }
  // a block of a larger matrix, and the same memory when a batch is filled again
  Eigen::MatrixXf wide = Eigen::MatrixXf::Constant(6, 9, -1.0f);
  gather(data, rows, wide.middleCols(2, 5), labels, ids);
  CHECK(wide.middleCols(2, 5) == x);
  CHECK((wide.leftCols(2).array() == -1.0f).all());
  const double* const memory = batch.x.data();
  batch.fill(data, std::vector<std::uint32_t>{1, 2, 3, 4, 5});
  CHECK(batch.x.data() == memory);

  CHECK_THROWS_AS(gather(data, std::vector<std::uint32_t>{0, 1, 2, 3, 12}, x, labels, ids), std::logic_error);
  CHECK_THROWS_AS(gather(data, std::vector<std::uint32_t>{0}, x, labels, ids), std::logic_error);
}

}  // namespace
}  // namespace eqprop
