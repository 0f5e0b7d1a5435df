#include "eqprop/data/idx.h"

#include <cmath>

#include "tests/catch.h"
#include "tests/data/temp_folder.h"

namespace eqprop {
namespace {

using test::contains;
using test::input_error;
using test::TempFolder;

std::string idx(const std::vector<std::uint32_t>& sizes, const std::string& values, char type = 0x08) {
  std::string bytes = {0, 0, type, static_cast<char>(sizes.size())};
  for (const auto size : sizes) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(size >> shift));
  }
  return bytes + values;
}

// 5 images of 2x3 pixels 0, 8, 16, ... and labels 5 0 4 1 9
std::string image_file() {
  std::string values;
  for (int i = 0; i < 30; ++i) values.push_back(static_cast<char>(8 * i));
  values[29] = static_cast<char>(255);
  return idx({5, 2, 3}, values);
}
std::string label_file() { return idx({5}, {5, 0, 4, 1, 9}); }

TEST_CASE("idx gives pixels, labels and ids, the same from plain and gzip") {
  const TempFolder folder;
  test::write_file(folder / "images", image_file());
  test::write_file(folder / "labels", label_file());
  test::write_gz(folder / "images.gz", image_file());
  test::write_gz(folder / "labels.gz", label_file());
  IdxOptions options;
  options.first_id = 40;
  const Dataset data = read_idx(folder / "images", folder / "labels", options);
  CHECK(data.size() == 5);
  CHECK(data.features == 6);
  CHECK(data.classes == 10);
  CHECK(data.labels == std::vector<std::int32_t>{5, 0, 4, 1, 9});
  CHECK(data.ids == std::vector<std::uint32_t>{40, 41, 42, 43, 44});
  for (std::size_t i = 0; i < 29; ++i) CHECK(data.x[i] == Approx(8.0 * static_cast<double>(i) / 255.0).epsilon(1e-6));
  CHECK(data.x[29] == 1.0f);
  CHECK(data.sample(2)[1] == data.x[13]);

  const Dataset packed = read_idx(folder / "images.gz", folder / "labels.gz", options);
  CHECK(packed.x == data.x);
  CHECK(packed.labels == data.labels);
}

TEST_CASE("damaged idx bytes are refused with their offset") {
  const auto refused = [](const std::string& bytes, const std::string& part) {
    const auto error = input_error([&] { parse_idx({bytes.begin(), bytes.end()}, "some.idx"); });
    REQUIRE(error);
    CHECK(error->kind() == InputKind::file);
    CHECK(error->where().file == "some.idx");
    INFO(error->what());
    CHECK(contains(error->what(), part));
    CHECK(contains(error->what(), "expected"));
  };
  const std::string good = image_file();
  CHECK_NOTHROW(parse_idx({good.begin(), good.end()}, "some.idx"));
  // every truncation is noticed, at the byte where the file ends
  for (std::size_t n = 0; n < good.size(); ++n) refused(good.substr(0, n), "byte " + std::to_string(n) + ":");
  refused(good + 'x', "byte 46: 1 bytes follow");
  std::string no_zero = good;
  no_zero[0] = 1;
  refused(no_zero, "byte 0: not an IDX file");
  refused(idx({1}, "abcd", 0x0d), "byte 2: values of type 13");
  refused(idx({}, ""), "byte 3: an array of 0 dimensions");
  refused(idx({3, 0}, ""), "byte 8: dimension 1 has size 0");
  refused(idx({0x70000000, 0x70000000}, "a"), "expected");
  // sizes whose product overflows
  CHECK(input_error([] {
    const std::string bytes = idx({0xffffffff, 0xffffffff, 0xffffffff}, "a");
    parse_idx({bytes.begin(), bytes.end()}, "some.idx");
  }));
}

TEST_CASE("idx files that do not belong together are refused") {
  const TempFolder folder;
  test::write_file(folder / "images", image_file());
  test::write_file(folder / "labels", label_file());
  test::write_file(folder / "four", idx({4}, {5, 0, 4, 1}));
  const auto refused = [&](const std::string& images, const std::string& labels, const std::string& at, const std::string& part,
                           int classes = 0) {
    IdxOptions options;
    options.classes = classes;
    const auto error = input_error([&] { read_idx(folder / images, folder / labels, options); });
    REQUIRE(error);
    INFO(error->what());
    CHECK(error->kind() == InputKind::file);
    CHECK(error->where().file == (folder / at).string());
    CHECK(contains(error->what(), part));
  };
  refused("images", "four", "four", "byte 4: 4 labels, expected 5");
  refused("labels", "images", "labels", "expected 2 or more");
  refused("images", "images", "images", "expected 1 (samples)");
  refused("images", "labels", "labels", "byte 12: label 9, expected 0 to 8", 9);
  refused("nothing", "labels", "nothing", "cannot open");
  refused("", "labels", "", "cannot read");
}

TEST_CASE("damaged gzip is refused at every truncation and never read as good") {
  const TempFolder folder;
  test::write_file(folder / "labels", label_file());
  test::write_gz(folder / "images.gz", image_file());
  const std::string good = test::read_all(folder / "images.gz");
  for (std::size_t n = 0; n < good.size(); ++n) {
    test::write_file(folder / "bad.gz", good.substr(0, n));
    const auto error = input_error([&] { read_idx(folder / "bad.gz", folder / "labels"); });
    INFO("cut after byte " << n);
    REQUIRE(error);
    if (n > 10) CHECK(contains(error->what(), "gzip data ends too early"));  // 10: the gzip header
  }
  const Dataset whole = read_idx(folder / "images.gz", folder / "labels");
  for (std::size_t n = 0; n < good.size(); ++n) {
    std::string bad = good;
    bad[n] = static_cast<char>(bad[n] ^ 0x10);
    test::write_file(folder / "bad.gz", bad);
    INFO("flipped byte " << n);
    Dataset data = whole;
    const auto error = input_error([&] { data = read_idx(folder / "bad.gz", folder / "labels"); });
    // bytes 4 to 9 are gzip's time, flags and system: they hold no data
    CHECK((error || (n >= 4 && n < 10 && data.x == whole.x)));
  }
}

}  // namespace
}  // namespace eqprop
