// The user's own files as data set: CSV and IDX, their run folders, and what is said about bad ones.
#include <zlib.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "experiments/config.h"
#include "tests/catch.h"
#include "tests/program/process.h"

using namespace eqprop::testing;
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

constexpr int kClasses = 3;
constexpr int kFeatures = 6;

// value 0 .. 16 of a feature: every class has two bright ones
int value(int sample, int feature) {
  const int noise = (sample * 7 + feature * 5) % 5;
  return feature / 2 == sample % kClasses ? 16 - noise : noise;
}

std::string table(int samples, bool label_first = false) {
  std::string text = label_first ? "label,a,b,c,d,e,f\n" : "a,b,c,d,e,f,label\n";
  for (int i = 0; i < samples; ++i) {
    const std::string label = std::to_string(i % kClasses);
    if (label_first) text += label + ",";
    for (int f = 0; f < kFeatures; ++f) text += std::to_string(value(i, f)) + (label_first && f + 1 == kFeatures ? "" : ",");
    text += (label_first ? "" : label) + "\n";
  }
  return text;
}

std::string config(const std::string& data) {
  return "seed = 1\n[data]\n" + data + "[network]\nlayers = [6, 12, 3]\n[train]\nepochs = 2\nbatch = 4\nrates = [0.2, 0.1]\n";
}

void write_gz(const fs::path& file, const std::string& text) {
  gzFile out = gzopen(file.c_str(), "wb");
  gzwrite(out, text.data(), static_cast<unsigned>(text.size()));
  gzclose(out);
}

std::string idx(const std::string& sizes, const std::string& values) {
  std::string bytes = {0, 0, 8, static_cast<char>(sizes.size())};
  for (const char size : sizes) bytes.append({0, 0, 0, size});
  return bytes + values;
}

Json trained(const std::vector<std::string>& arguments, const fs::path& folder) {
  std::vector<std::string> all = {"train"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  all.push_back("--json");
  const Outcome outcome = run_program(all, folder);
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return Json::parse(outcome.last_line());
}

}  // namespace

TEST_CASE("a table of one's own is trained on, evaluated and resumed from anywhere") {
  const TemporaryFolder folder;
  fs::create_directories(folder / "set/tables");
  write_gz(folder / "set/tables/train.csv.gz", table(240));
  write_file_text(folder / "set/test.csv", table(60));
  const std::string files = "name = \"csv\"\ntrain = \"tables/train.csv.gz\"\n";
  write_file_text(folder / "set/carved.toml", config(files + "scale = 16\ntest_fraction = 0.25\n"));
  write_file_text(folder / "set/apart.toml", config(files + "scale = 16\ntest = \"test.csv\"\n"));
  for (const std::string name : {"carved", "apart"}) {
    INFO(name);
    // the config's folder counts, not where the program runs
    const Json result = trained({"set/" + name + ".toml", "--out", name}, folder.path());
    CHECK(result["test_accuracy"].get<double>() > 0.9);
    const Outcome eval = run_program({"eval", "../" + name}, folder / "set");
    INFO(eval.err);
    CHECK(eval.exit_code == 0);
    CHECK(eval.out.find("train.csv.gz") != std::string::npos);
    CHECK(eval.out.find("of 60 samples") != std::string::npos);  // both test sets: 25 % of 240, and the file
    const Json again = Json::parse(run_program({"eval", name, "--json"}, folder.path()).last_line());
    CHECK(again["test_accuracy"] == result["test_accuracy"]);
    CHECK(again["validation_accuracy"] == result["validation_accuracy"]);

    // from another folder, and by the resolved config
    const Outcome resumed = run_program({"train", name + ".toml", "--out", "../" + name, "--resume"}, folder / "set");
    INFO(resumed.err);
    CHECK(resumed.exit_code == 0);
    CHECK(resumed.err.find("finished") != std::string::npos);
    trained({name + "/config.toml", "--out", name + "-again"}, folder.path());
    CHECK(read_file_text(folder / name / "checkpoint.eqp") == read_file_text(folder / (name + "-again") / "checkpoint.eqp"));
    CHECK(read_file_text(folder / name / "config.toml") == read_file_text(folder / (name + "-again") / "config.toml"));
  }
  // a table that was edited is another data set, though it is as long as before
  std::string edited = table(60);
  edited.replace(edited.find("\n") + 1, 2, "15");
  write_file_text(folder / "set/test.csv", edited);
  const Outcome changed = run_program({"eval", "apart"}, folder.path());
  CHECK(changed.exit_code == 3);
  CHECK(changed.err.find("other data") != std::string::npos);
}

TEST_CASE("the label's column changes nothing but the reading") {
  const TemporaryFolder folder;
  write_file_text(folder / "last.csv", table(120));
  write_file_text(folder / "first.csv", table(120, true));
  for (const std::string column : {"last", "first"})
    write_file_text(folder / (column + ".toml"),
                    config("name = \"csv\"\ntrain = \"" + column + ".csv\"\nscale = 16\nlabel_column = \"" + column + "\"\n"));
  const Json last = trained({"last.toml", "--out", "last"}, folder.path()),
             first = trained({"first.toml", "--out", "first"}, folder.path());
  CHECK(last["validation_accuracy"] == first["validation_accuracy"]);
  CHECK(last["test_accuracy"] == first["test_accuracy"]);
}

TEST_CASE("IDX files of one's own are trained on and evaluated") {
  const TemporaryFolder folder;
  std::string pixels, labels;
  for (int i = 0; i < 120; ++i) {
    for (int f = 0; f < kFeatures; ++f) pixels.push_back(static_cast<char>(value(i, f)));
    labels.push_back(static_cast<char>(i % kClasses));
  }
  write_gz(folder / "images.gz", idx({120, 2, 3}, pixels));
  write_file_text(folder / "labels", idx({120}, labels));
  write_file_text(folder / "test-images", idx({60, 2, 3}, pixels.substr(0, 360)));
  write_file_text(folder / "test-labels", idx({60}, labels.substr(0, 60)));
  const std::string files =
      "name = \"idx\"\ntrain_images = \"images.gz\"\ntrain_labels = \"labels\"\ntest_images = \"test-images\"\n"
      "test_labels = \"test-labels\"\n";
  write_file_text(folder / "idx.toml", config(files + "scale = 16\n"));
  const Json result = trained({"idx.toml", "--out", "run"}, folder.path());
  CHECK(result["test_accuracy"].get<double>() > 0.9);
  CHECK(Json::parse(run_program({"eval", "run", "--json"}, folder.path()).last_line())["test_accuracy"] == result["test_accuracy"]);

  write_file_text(folder / "dark.toml", config(files + "scale = 15\n"));
  const Outcome dark = run_program({"train", "dark.toml"}, folder.path());
  CHECK(dark.exit_code == 3);
  CHECK(dark.err.find("images.gz: byte 16: pixel 16, expected 0 to 15") != std::string::npos);
}

TEST_CASE("a config with files resolves to itself") {
  for (const std::string data :
       {"name = \"csv\"\ntrain = \"a.csv\"\ntest = \"b \\\"c\\\".csv\"\nlabel_column = \"first\"\nscale = 0.1\n",
        "name = \"csv\"\ntrain = \"a.csv\"\ntest_fraction = 0.3\n",
        "name = \"idx\"\ntrain_images = \"a\"\ntrain_labels = \"b\"\ntest_images = \"c\"\ntest_labels = \"d\"\n"}) {
    const std::string text = eqprop::config_text(eqprop::parse_config(config(data), "test.toml"));
    CHECK(eqprop::config_text(eqprop::parse_config(text, "resolved.toml")) == text);
    CHECK(text.find(data.substr(0, data.find('\n'))) != std::string::npos);
  }
}

TEST_CASE("bad files and keys of them are told with their place") {
  const TemporaryFolder folder;
  write_file_text(folder / "good.csv", table(60));
  write_file_text(folder / "cell.csv", "a,b,c,d,e,f,label\n1,0,0,0,0,0,0\n0,1,x,0,0,0,1\n");
  write_file_text(folder / "ones.csv", "1,0,0,0,0,0,1\n0,1,0,0,0,0,2\n0,0,1,0,0,0,3\n");
  write_file_text(folder / "few.csv", "1,0,0,0,0,0,0\n0,1,0,0,0,0,1\n0,0,1,0,0,0,2\n");
  write_file_text(folder / "more.csv", table(6) + "0,0,0,0,0,0,3\n");
  write_file_text(folder / "narrow.csv", "1,0,0\n");
  const std::string csv = "name = \"csv\"\ntrain = \"good.csv\"\nscale = 16\n";
  struct Bad {
    std::string data;
    int exit_code;
    std::vector<std::string> says;
  };
  const Bad cases[] = {
      {"name = \"csv\"\ntrain = \"missing.csv\"\n", 3, {"missing.csv", "cannot open"}},
      {"name = \"csv\"\ntrain = \"cell.csv\"\n", 3, {"cell.csv:3:5", "'x'", "expected a number"}},
      {"name = \"csv\"\ntrain = \"good.csv\"\n", 3, {"good.csv:2:1", "scale"}},
      {"name = \"csv\"\ntrain = \"ones.csv\"\n", 3, {"ones.csv", "no sample has label 0"}},
      {"name = \"csv\"\ntrain = \"few.csv\"\n", 2, {"bad.toml:3:1", "test fraction", "class"}},
      {csv + "test = \"missing.csv\"\n", 3, {"missing.csv", "cannot open"}},
      {csv + "test = \"more.csv\"\n", 3, {"more.csv:8:13", "expected a label", "0 to 2"}},
      {csv + "test = \"narrow.csv\"\n", 3, {"narrow.csv", "2 features, expected 6"}},
      {csv + "test = \"./good.csv\"\n", 2, {"bad.toml:6:1", "`data.test` is the training file"}},
      {csv + "test = \"few.csv\"\ntest_fraction = 0.2\n", 2, {"bad.toml:7:1", "`data.test_fraction`", "`data.test`"}},
      {csv + "test_fraction = 1\n", 2, {"bad.toml:6:1", "`data.test_fraction` = 1", "(0, 1)"}},
      {csv + "label_column = \"middle\"\n", 2, {"bad.toml:6:1", "`data.label_column`"}},
      {csv + "train_images = \"images\"\n", 2, {"bad.toml:6:1", "no key of data set \"csv\"", "name = \"idx\""}},
      {"name = \"csv\"\ntrain = \"good.csv\"\nscale = 0\n", 2, {"bad.toml:5:1", "`data.scale` = 0", "above 0"}},
      {"name = \"csv\"\n", 2, {"bad.toml", "[data] has no key `train`"}},
      {"name = \"idx\"\ntrain_images = \"a\"\n", 2, {"bad.toml", "[data] has no key `train_labels`"}},
      {"name = \"idx\"\ntrain_images = \"a\"\ntrain_labels = \"b\"\ntest_images = \"c\"\ntest_labels = \"d\"\n", 3, {"cannot open"}},
      {"name = \"digits\"\ntrain = \"good.csv\"\n", 2, {"bad.toml:4:1", "no key of data set \"digits\"", "name = \"csv\""}},
      {"name = \"digits\"\nscale = 2\n", 2, {"bad.toml:4:1", "`data.scale`"}},
  };
  for (const Bad& bad : cases) {
    INFO(bad.data);
    write_file_text(folder / "bad.toml", config(bad.data));
    const Outcome outcome = run_program({"train", "bad.toml"}, folder.path());
    INFO(outcome.err);
    CHECK(outcome.exit_code == bad.exit_code);
    for (const std::string& part : bad.says) {
      INFO("must say " << part);
      CHECK(outcome.err.find(part) != std::string::npos);
    }
    CHECK_FALSE(fs::exists(folder / "runs"));
  }
  // the network must fit the table
  write_file_text(folder / "bad.toml", config(csv));
  const Outcome outcome = run_program({"train", "bad.toml", "--set", "network.layers=[6, 12, 4]"}, folder.path());
  CHECK(outcome.exit_code == 2);
  CHECK(outcome.err.find("6 features and 3 classes") != std::string::npos);
}
