#include "eqprop/data/sources.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include "tests/catch.h"
#include "tests/data/temp_folder.h"
#include "tests/source_dir.h"

namespace eqprop {
namespace {

using test::contains;
using test::input_error;
using test::TempFolder;

const std::filesystem::path kDigits = std::filesystem::path(eqprop::testing::source_dir()) / "experiments" / "data";

bool in_unit_range(const Dataset& data) {
  return std::all_of(data.x.begin(), data.x.end(), [](float v) { return v >= 0.0f && v <= 1.0f; });
}

std::filesystem::path data_folder() {
  const char* folder = std::getenv("EQPROP_DATA_DIR");
  return folder ? folder : "";
}

TEST_CASE("the embedded digits: counts, range, stratified and disjoint split") {
  const TrainTest digits = load_data("digits", {kDigits, {}});
  const Dataset &train = digits.train, &test = digits.test;
  CHECK(train.size() == 1347);
  CHECK(test.size() == 450);
  CHECK(train.features == 64);
  CHECK(test.features == 64);
  CHECK(train.classes == 10);
  CHECK(in_unit_range(train));
  CHECK(*std::max_element(train.x.begin(), train.x.end()) == 1.0f);

  std::set<std::uint32_t> lines(train.ids.begin(), train.ids.end());
  for (const auto id : test.ids) lines.insert(id - kTestIdOffset);
  CHECK(lines.size() == 1797);
  CHECK(*lines.rbegin() == 1796);
  CHECK(std::all_of(test.ids.begin(), test.ids.end(), [](auto id) { return id >= kTestIdOffset; }));
  CHECK(*std::max_element(train.ids.begin(), train.ids.end()) < kTestIdOffset);

  // each class gives its share, to less than one sample
  const auto a = train.class_sizes(), b = test.class_sizes();
  const std::vector<std::size_t> whole = {178, 182, 177, 183, 181, 182, 181, 179, 174, 180};
  for (std::size_t c = 0; c < 10; ++c) {
    CHECK(a[c] + b[c] == whole[c]);
    CHECK(std::abs(static_cast<double>(b[c]) - static_cast<double>(whole[c]) * 450.0 / 1797.0) < 1.0);
  }
  // random and not contiguous: the test's share of every quarter of the file is within 5 sd of a quarter
  for (std::uint32_t quarter = 0; quarter < 4; ++quarter) {
    const auto in_quarter =
        std::count_if(test.ids.begin(), test.ids.end(), [&](auto id) { return (id - kTestIdOffset) * 4 / 1797 == quarter; });
    CHECK(std::abs(static_cast<double>(in_quarter) - 112.5) < 40.0);
  }
}

TEST_CASE("the digits are UCI's test file") {
  const auto folder = data_folder();
  if (folder.empty()) {
    WARN("skipped: EQPROP_DATA_DIR is not set");
    return;
  }
  const TrainTest digits = load_data("digits", {kDigits, {}}), uci = load_data("optdigits", {{}, folder});
  CHECK(uci.train.size() == 3823);
  CHECK(uci.train.ids.back() == 3822);
  REQUIRE(uci.test.size() == 1797);
  const auto same = [&](const Dataset& part) {
    for (std::size_t i = 0; i < part.size(); ++i) {
      const std::size_t line = part.ids[i] % kTestIdOffset;
      const auto a = part.sample(i), b = uci.test.sample(line);
      if (part.labels[i] != uci.test.labels[line] || !std::equal(a.begin(), a.end(), b.begin(), b.end())) return false;
    }
    return true;
  };
  CHECK(same(digits.train));
  CHECK(same(digits.test));
}

TEST_CASE("MNIST and Fashion-MNIST: counts, first labels, classes") {
  const auto folder = data_folder();
  if (folder.empty()) {
    WARN("skipped: EQPROP_DATA_DIR is not set");
    return;
  }
  for (const std::string name : {"mnist", "fashion-mnist"}) {
    const TrainTest sets = load_data(name, {{}, folder});
    CHECK(sets.train.size() == 60000);
    CHECK(sets.test.size() == 10000);
    CHECK(sets.train.features == 784);
    CHECK(sets.train.classes == 10);
    CHECK(sets.train.name == name);
    CHECK(in_unit_range(sets.train));
    CHECK(sets.test.ids.front() == kTestIdOffset);
    if (name == "mnist") {
      CHECK(sets.train.labels[0] == 5);
      CHECK(sets.test.labels[0] == 7);
      double sum = 0.0;
      for (const float v : sets.train.x) sum += v;
      CHECK(sum / static_cast<double>(sets.train.x.size()) == Approx(0.1307).margin(1e-4));
    }
  }
}

TEST_CASE("a missing or unknown data set says where it was looked for and what to set") {
  const TempFolder folder;
  for (const std::string name : {"mnist", "fashion-mnist", "kmnist", "optdigits"}) {
    const auto error = input_error([&] { load_data(name, {{}, folder.path()}); });
    REQUIRE(error);
    CHECK(error->kind() == InputKind::file);
    CHECK(contains(error->what(), (folder / name).string()));
    CHECK(contains(error->what(), "EQPROP_DATA_DIR"));
    const auto unset = input_error([&] { load_data(name, {}); });
    REQUIRE(unset);
    CHECK(contains(unset->what(), "EQPROP_DATA_DIR"));
  }
  CHECK(contains(input_error([&] { load_data("digits", {folder.path(), {}}); })->what(), folder.path().string()));
  const auto unknown = input_error([&] { load_data("nmist", {}); });
  REQUIRE(unknown);
  CHECK(unknown->kind() == InputKind::config);
  CHECK(contains(unknown->what(), "fashion-mnist"));
}

TEST_CASE("a bad split file is refused with its line") {
  const TempFolder folder;
  test::write_gz(folder / "digits.csv.gz", "1,2,0\n3,4,1\n5,6,0\n");
  const auto line_of_error = [&](const std::string& split) {
    test::write_file(folder / "digits_split.csv", split);
    const auto error = input_error([&] { read_digits(folder.path()); });
    return error ? error->where().line : -1;
  };
  CHECK(line_of_error("# by hand\ntest\n1\n") == -1);
  CHECK(line_of_error("1\n") == 1);
  CHECK(line_of_error("test\n3\n") == 2);
  CHECK(line_of_error("test\n1\n1\n") == 3);
  CHECK(line_of_error("test\n1\n0\n") == 3);
  CHECK(line_of_error("test\n1x\n") == 2);
  CHECK(line_of_error("test\n-1\n") == 2);
  CHECK(line_of_error("test\n") == 0);
  CHECK(line_of_error("test\n0\n1\n2\n") == 0);
}

}  // namespace
}  // namespace eqprop
