#include "tests/program/bad_input.h"
#include "tests/program/process.h"

namespace eqprop::testing {
namespace {

namespace fs = std::filesystem;

/// A config on files of one's own; `data` stands under [data].
void write_config(const fs::path& folder, const std::string& data, const std::string& layers) {
  write_file_text(folder / "own.toml",
                  replaced(replaced(small_config("ideal", 1), "name = \"digits\"\n", data), "layers = [64, 16, 10]", "layers = " + layers));
}

void write_csv(const fs::path& folder, const std::string& table) {
  write_file_text(folder / "t.csv", table);
  write_config(folder, "name = \"csv\"\ntrain = \"t.csv\"\nscale = 16\ntest_fraction = 0.5\nvalidation_fraction = 0.5\n", "[2, 4, 2]");
}

/// 4 samples of each of 2 classes: enough for every carve.
const std::string kTable = "1,2,0\n3,4,1\n5,6,0\n7,8,1\n1,2,0\n3,4,1\n5,6,0\n7,8,1\n";

std::string idx(const std::string& header, std::size_t values, char value) { return header + std::string(values, value); }
const std::string kImages = idx(std::string("\0\0\x08\x03\0\0\0\x08\0\0\0\x01\0\0\0\x02", 16), 16, 9);
const std::string kLabels = std::string("\0\0\x08\x01\0\0\0\x08", 8) + std::string("\0\1\0\1\0\1\0\1", 8);

void write_idx(const fs::path& folder, const std::string& images, const std::string& labels) {
  write_file_text(folder / "images", images);
  write_file_text(folder / "labels", labels);
  write_file_text(folder / "test-images", kImages);
  write_config(folder,
               "name = \"idx\"\ntrain_images = \"images\"\ntrain_labels = \"labels\"\ntest_images = \"test-images\"\n"
               "test_labels = \"labels\"\nscale = 255\nvalidation_fraction = 0.5\n",
               "[2, 4, 2]");
}

struct Table {
  std::string table;
  Code code;
  std::vector<std::string> says;
};

std::vector<Table> tables() {
  using enum Code;
  return {
      {"", wrong_format, {"t.csv", "no samples"}},
      {kTable + "9,x,1\n", bad_cell, {"t.csv:9:3", "'x'", "number"}},
      {kTable + "9,,1\n", bad_cell, {"t.csv:9:3", "number"}},
      {kTable + "9,nan,1\n", bad_cell, {"t.csv:9:3", "finite"}},
      {kTable + "9,1e999,1\n", bad_cell, {"t.csv:9:3"}},
      {kTable + "9,17,1\n", bad_cell, {"t.csv:9:3", "scale"}},
      {kTable + "9,-1,1\n", bad_cell, {"t.csv:9:3", "scale"}},
      {kTable + "9,1\n", bad_cell, {"t.csv:9:", "2 cells", "expected 3"}},
      {kTable + "9,1,1,1\n", bad_cell, {"t.csv:9:7", "4 cells", "expected 3"}},
      {kTable + "9,1,-1\n", bad_label, {"t.csv:9:5", "label"}},
      {kTable + "9,1,1.5\n", bad_label, {"t.csv:9:5", "label"}},
      {replaced(kTable, "1,2,0", "1,2,7"), bad_label, {"t.csv", "no sample has label 2"}},
      {"\x1f\x8b\x08 damaged", damaged, {"t.csv", "gzip"}},
  };
}

struct Images {
  std::string title, images, labels;
  Code code;
  std::vector<std::string> says;
};

std::vector<Images> image_files() {
  using enum Code;
  return {
      {"IDX cut in its magic", kImages.substr(0, 2), kLabels, truncated, {"images", "byte 2", "magic"}},
      {"IDX cut in its header", kImages.substr(0, 9), kLabels, truncated, {"images", "byte 9", "header"}},
      {"IDX cut in its values", kImages.substr(0, 20), kLabels, truncated, {"images", "byte 20", "expected 16"}},
      {"IDX with more than it says", kImages + "x", kLabels, damaged, {"images", "byte 32"}},
      {"IDX of wrong magic", "PNG" + kImages.substr(3), kLabels, wrong_format, {"images", "byte 0", "not an IDX file"}},
      {"IDX of floats", replaced(kImages, "\x08", "\x0d"), kLabels, wrong_format, {"images", "byte 2", "unsigned byte"}},
      {"labels for images", kLabels, kLabels, wrong_format, {"images", "dimensions"}},
      {"labels of another set",
       kImages,
       std::string("\0\0\x08\x01\0\0\0\x02\0\1", 10),
       files_disagree,
       {"labels", "2 labels", "expected 8"}},
      {"no images", "", kLabels, truncated, {"images", "byte 0"}},
  };
}

/// A damaged copy of a file of the finished run.
auto damage(const std::string& name, const std::function<std::string(std::string)>& how) {
  return [=](const fs::path& folder) { write_file_text(folder / "run" / name, how(read_file_text(folder / "run" / name))); };
}

std::string flipped(std::string bytes, std::size_t at) {
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  return bytes;
}

}  // namespace

std::vector<BadCase> bad_data() {
  using enum Code;
  const std::vector<std::string> own = {"train", "own.toml"};
  std::vector<BadCase> cases = {
      {"no config", missing_file, {"missing.toml", "config/digits.toml"}, {"train", "missing.toml"}},
      {"a folder for a config", unreadable, {"run", "expected a config file"}, {"train", "run"}},
      {"no table",
       missing_file,
       {"t.csv", "cannot open"},
       own,
       [](const auto& folder) { write_csv(folder, kTable), fs::remove(folder / "t.csv"); }},
      {"no prices",
       missing_price,
       {"half.toml", "no price for"},
       {"energy", "run", "--prices", "./half.toml"},
       [](const auto& folder) { write_file_text(folder / "half.toml", "name = \"half\"\n"); }},
      {"prices that are no TOML",
       bad_price,
       {"half.toml:1:", "TOML"},
       {"energy", "run", "--prices", "./half.toml"},
       [](const auto& folder) { write_file_text(folder / "half.toml", "name = half\n"); }},
      {"a price list that is not there", missing_file, {"none.toml"}, {"energy", "run", "--prices", "./none.toml"}},
      {"data folder without the set",
       no_data,
       {"data", "mnist"},
       own,
       [](const auto& folder) { write_config(folder, "name = \"mnist\"\n", "[784, 4, 10]"), fs::create_directory(folder / "data"); },
       "data"},
  };
  for (const Table& row : tables())
    cases.push_back({"table " + row.table, row.code, row.says, own, [row](const auto& folder) { write_csv(folder, row.table); }});
  for (const Images& row : image_files())
    cases.push_back({row.title, row.code, row.says, own, [row](const auto& folder) { write_idx(folder, row.images, row.labels); }});
  return cases;
}

std::vector<BadCase> bad_runs() {
  using enum Code;
  const std::vector<std::string> resume = {"train", "good.toml", "--out", "run", "--resume"}, eval = {"eval", "run"},
                                 energy = {"energy", "run"};
  const auto foreign = [](const fs::path& folder) { write_file_text(folder / "run/version.txt", "solver 3.1\n"); };
  std::vector<BadCase> cases = {
      {"no run", no_run, {"nothing", "run folder"}, {"eval", "nothing"}},
      {"no run to price", no_run, {"nothing", "run folder"}, {"energy", "nothing"}},
      {"a run of another program, read", no_run, {"run", "version.txt"}, eval, foreign},
      {"a run of another program, resumed", folder_taken, {"run", "holds no run"}, resume, foreign},
      {"a folder with other things",
       folder_taken,
       {"mine", "--out"},
       {"train", "good.toml", "--out", "mine"},
       [](const auto& folder) { fs::create_directory(folder / "mine"), write_file_text(folder / "mine/thesis.txt", "years of work"); }},
      {"a file for a folder", folder_taken, {"good.toml", "not a folder", "--out"}, {"train", "good.toml", "--out", "good.toml"}},
      {"a run that is there", folder_taken, {"run", "--resume"}, {"train", "good.toml", "--out", "run"}},
      {"a run with another config",
       other_config,
       {"another config", "[train]", "`batch = 16` then", "`batch = 8` now"},
       {"train", "good.toml", "--out", "run", "--resume", "--set", "train.batch=8"}},
      {"an output that cannot be made", cannot_write, {"/proc/nowhere/run", "--out"}, {"train", "good.toml", "--out", "/proc/nowhere/run"}},
      {"an output below a file", cannot_write, {"good.toml/run", "--out"}, {"train", "good.toml", "--out", "good.toml/run"}},
      {"results without a checkpoint, resumed",
       missing_file,
       {"checkpoint.eqp", "overwrite"},
       resume,
       [](const auto& folder) { fs::remove(folder / "run/checkpoint.eqp"); }},
      {"the runs of several seeds",
       no_run,
       {"runs", "several seeds", "seed-1"},
       {"eval", "runs"},
       [](const auto& folder) { fs::create_directories(folder / "runs/seed-1"); }},
      {"no checkpoint", missing_file, {"checkpoint.eqp"}, eval, [](const auto& folder) { fs::remove(folder / "run/checkpoint.eqp"); }},
      {"a config that is damaged",
       Code::damaged,
       {"config.toml:3:8", "not valid TOML"},
       eval,
       damage("config.toml", [](std::string s) { return replaced(s, "seed = 1", "seed = x1"); })},
      {"a ledger that is cut",
       bad_ledger,
       {"ledger.json"},
       energy,
       damage("ledger.json", [](const std::string& s) { return s.substr(0, s.size() / 2); })},
      {"a ledger of another kind", bad_ledger, {"ledger.json"}, energy, damage("ledger.json", [](const std::string&) { return "{}"; })},
      {"a ledger that is a list", bad_ledger, {"ledger.json"}, energy, damage("ledger.json", [](const std::string&) { return "[1, 2]"; })},
      {"a ledger of an unknown event",
       bad_ledger,
       {"ledger.json", "did you mean"},
       energy,
       damage("ledger.json", [](const std::string& s) { return replaced(s, "\"cell_read\"", "\"cel_read\""); })},
      {"no ledger", missing_file, {"ledger.json"}, energy, [](const auto& folder) { fs::remove(folder / "run/ledger.json"); }},
  };
  struct Row {
    std::string title;
    std::function<std::string(std::string)> how;
    Code code;
    std::string says;
  };
  const std::vector<Row> checkpoints = {
      {"cut", [](const std::string& s) { return s.substr(0, s.size() / 2); }, truncated, "truncated"},
      {"cut in its header", [](const std::string& s) { return s.substr(0, 15); }, truncated, "header"},
      {"empty", [](const std::string&) { return ""; }, wrong_format, "not a checkpoint"},
      {"of another kind", [](const std::string&) { return "hello, this is no checkpoint"; }, wrong_format, "not a checkpoint"},
      {"longer", [](const std::string& s) { return s + "x"; }, Code::damaged, "longer"},
      {"of another version", [](std::string s) { return flipped(s, 8); }, other_version, "version"},
      {"with a flipped bit", [](std::string s) { return flipped(s, s.size() / 2); }, Code::damaged, "checksum"},
      {"with a flipped checksum", [](std::string s) { return flipped(s, s.size() - 1); }, Code::damaged, "checksum"},
  };
  for (const Row& row : checkpoints)
    for (const auto& arguments : {resume, eval})
      cases.push_back({"a checkpoint " + row.title + ", " + arguments.front(),
                       row.code,
                       {"checkpoint.eqp", row.says},
                       arguments,
                       damage("checkpoint.eqp", row.how)});
  return cases;
}

}  // namespace eqprop::testing
