#include "eqprop/data/sources.h"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "base/check.h"
#include "eqprop/data/csv.h"
#include "eqprop/data/file.h"
#include "eqprop/data/idx.h"

namespace eqprop {
namespace {

namespace fs = std::filesystem;

constexpr double kDigitLevels = 16.0;  // on-pixels of a 4x4 block
constexpr int kDigitClasses = 10;

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

[[noreturn]] void fail_missing(const fs::path& folder, const std::string& file) {
  throw InputError(Code::no_data, {folder.string()}, "no file '" + file + "' in this folder",
                   "set EQPROP_DATA_DIR to the folder that holds " + folder.filename().string() + "/");
}

fs::path plain_or_gz(const fs::path& folder, const std::string& file) {
  if (is_file(folder / file)) return folder / file;
  if (is_file(folder / (file + ".gz"))) return folder / (file + ".gz");
  fail_missing(folder, file + "[.gz]");
}

CsvOptions digit_options(const std::string& name) {
  CsvOptions options;
  options.name = name;
  options.header = CsvHeader::absent;
  options.scale = kDigitLevels;
  options.classes = kDigitClasses;
  return options;
}

void append(Dataset& data, const Dataset& more, const fs::path& file) {
  if (more.features != data.features) {
    throw InputError(Code::files_disagree, {file.string()},
                     std::to_string(more.features) + " features, expected " + std::to_string(data.features) + " as in the files before");
  }
  data.x.insert(data.x.end(), more.x.begin(), more.x.end());
  data.labels.insert(data.labels.end(), more.labels.begin(), more.labels.end());
  data.ids.insert(data.ids.end(), more.ids.begin(), more.ids.end());
}

// labels that begin at 1 are the likeliest mistake in files of one's own
void check_classes(const Dataset& train, const fs::path& file) {
  const auto sizes = train.class_sizes();
  const auto none = std::find(sizes.begin(), sizes.end(), std::size_t{0});
  if (none == sizes.end()) return;
  throw InputError(
      Code::bad_label, {file.string()},
      "no sample has label " + std::to_string(none - sizes.begin()) + ", the largest label is " + std::to_string(train.classes - 1),
      "labels are the whole numbers from 0 to classes - 1, each used");
}

void check_features(const TrainTest& sets, const fs::path& test) {
  if (sets.test.features == sets.train.features) return;
  throw InputError(Code::files_disagree, {test.string()},
                   std::to_string(sets.test.features) + " features, expected " + std::to_string(sets.train.features) + " as in training");
}

// positions of the test samples: one whole number a line, rising, after a header line; '#' begins a comment
std::vector<bool> read_split(const fs::path& path, std::size_t samples) {
  const auto bytes = read_file(path);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::vector<bool> test(samples, false);
  bool header = false;
  std::size_t lowest = 0;  // the next position may not lie below
  int number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    if (!header) {
      header = true;
      if (line == "test") continue;
      throw InputError(Code::bad_cell, {path.string(), number, 1}, "expected the header 'test'", "make the file by make_split.py");
    }
    std::size_t position = 0;
    const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), position);
    if (error != std::errc() || stop != line.data() + line.size() || position < lowest || position >= samples) {
      throw InputError(Code::bad_cell, {path.string(), number, 1},
                       "'" + std::string(line.substr(0, 40)) + "', expected a rising position from 0 to " + std::to_string(samples - 1),
                       "make the file by make_split.py");
    }
    test[position] = true;
    lowest = position + 1;
  }
  return test;
}

}  // namespace

const std::vector<std::string>& data_names() {
  static const std::vector<std::string> names = {"digits", "mnist", "fashion-mnist", "kmnist", "optdigits"};
  return names;
}

TrainTest load_data(std::string_view name, const DataFolders& folders) {
  if (name == "digits") return read_digits(folders.digits);
  const auto& names = data_names();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    std::string known;
    for (const auto& one : names) known += (known.empty() ? "" : ", ") + one;
    throw InputError(Code::unknown_name, {}, "unknown data set '" + std::string(name) + "', expected one of: " + known);
  }
  if (folders.data.empty()) {
    throw InputError(Code::no_data, {}, "data set '" + std::string(name) + "' needs a data folder and none is set",
                     "set EQPROP_DATA_DIR to the folder that holds " + std::string(name) + "/");
  }
  const fs::path folder = folders.data / name;
  return name == "optdigits" ? read_optdigits(folder) : read_mnist(folder, std::string(name));
}

TrainTest read_digits(const fs::path& folder) {
  const fs::path table = folder / "digits.csv.gz", split = folder / "digits_split.csv";
  for (const auto& path : {table, split}) {
    if (is_file(path)) continue;
    throw InputError(Code::missing_file, {folder.string()}, "no file '" + path.filename().string() + "' in this folder",
                     "the digits come with the project in experiments/data");
  }
  const Dataset all = read_csv(table, digit_options("digits"));
  const auto in_test = read_split(split, all.size());
  std::vector<std::uint32_t> train, test;
  for (std::size_t i = 0; i < all.size(); ++i) (in_test[i] ? test : train).push_back(static_cast<std::uint32_t>(i));
  if (train.empty() || test.empty()) {
    throw InputError(Code::files_disagree, {split.string()}, std::to_string(test.size()) + " test samples of " + std::to_string(all.size()),
                     "make the file by make_split.py");
  }
  TrainTest sets{all.subset(train), all.subset(test)};
  for (auto& id : sets.test.ids) id += kTestIdOffset;
  return sets;
}

TrainTest read_mnist(const fs::path& folder, const std::string& name) {
  const auto read = [&](const std::string& part, std::uint32_t first_id) {
    IdxOptions options;
    options.name = name;
    options.classes = kDigitClasses;
    options.first_id = first_id;
    return read_idx(plain_or_gz(folder, part + "-images-idx3-ubyte"), plain_or_gz(folder, part + "-labels-idx1-ubyte"), options);
  };
  TrainTest sets{read("train", 0), read("t10k", kTestIdOffset)};
  if (sets.test.features != sets.train.features) {
    throw InputError(Code::files_disagree, {folder.string()},
                     "test images have " + std::to_string(sets.test.features) + " pixels, expected " + std::to_string(sets.train.features));
  }
  return sets;
}

TrainTest read_optdigits(const fs::path& folder) {
  const fs::path tra = folder / "optdigits.tra", hol = folder / "optdigits.hol", tes = folder / "optdigits.tes";
  if (!is_file(tra)) fail_missing(folder, "optdigits.tra");
  if (!is_file(tes)) fail_missing(folder, "optdigits.tes");
  CsvOptions options = digit_options("optdigits");
  TrainTest sets;
  sets.train = read_csv(tra, options);
  if (is_file(hol)) {
    options.first_id = static_cast<std::uint32_t>(sets.train.size());
    append(sets.train, read_csv(hol, options), hol);
  }
  options.first_id = kTestIdOffset;
  sets.test = read_csv(tes, options);
  check_features(sets, tes);
  return sets;
}

TrainTest read_csv_files(const CsvFiles& files, std::uint32_t seed) {
  CsvOptions options;
  options.label_column = files.label_column;
  options.scale = files.scale;
  const Dataset train = read_csv(files.train, options);
  check_classes(train, files.train);
  if (files.test.empty()) return carve_test(train, files.test_fraction, seed);
  options.classes = train.classes;
  options.first_id = kTestIdOffset;
  TrainTest sets{train, read_csv(files.test, options)};
  check_features(sets, files.test);
  return sets;
}

TrainTest read_idx_files(const IdxFiles& files) {
  IdxOptions options;
  options.scale = 1.0f / static_cast<float>(files.scale);
  TrainTest sets;
  sets.train = read_idx(files.train_images, files.train_labels, options);
  check_classes(sets.train, files.train_labels);
  options.classes = sets.train.classes;
  options.first_id = kTestIdOffset;
  sets.test = read_idx(files.test_images, files.test_labels, options);
  check_features(sets, files.test_images);
  return sets;
}

}  // namespace eqprop
