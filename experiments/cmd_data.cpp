// data list | fetch NAME... | verify NAME: the public data sets, brought here with resumed transfers and checksums.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "experiments/commands.h"
#include "experiments/data_catalogue.h"
#include "experiments/download.h"
#include "experiments/interrupt.h"
#include "experiments/places.h"
#include "experiments/progress.h"
#include "experiments/talk.h"

namespace eqprop {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

struct DataArguments {
  std::vector<std::string> names;
  std::string folder, catalogue, mirror;
  bool json = false;

  std::vector<DataSet> sets() const { return read_catalogue(catalogue.empty() ? find_places().catalogue : fs::path(catalogue)); }
  fs::path data() const {
    const fs::path place = folder.empty() ? find_places().data.data : fs::path(folder);
    if (!place.empty()) return place;
    throw InputError(Code::no_data, {}, "no folder for data: EQPROP_DATA_DIR, XDG_CACHE_HOME and HOME are not set",
                     "set EQPROP_DATA_DIR, or give `--folder DIR`");
  }
  // the options that lead to the same files again
  std::string same_files() const {
    const auto option = [](const char* name, const std::string& value) {
      return value.empty() ? "" : " " + std::string(name) + " '" + value + "'";
    };
    return option("--folder", folder) + option("--catalogue", catalogue) + option("--mirror", mirror);
  }
  std::string fetch_command(const std::string& name) const { return "eqprop data fetch " + name + same_files(); }
};

std::string bytes_text(std::int64_t bytes) { return short_count(static_cast<double>(bytes)) + (bytes < 1000 ? " B" : "B"); }

// ---- list

std::string width_of(const DataSet& set) { return fmt::format("{} + {} x {}", set.train_samples, set.test_samples, set.features); }

Json as_json(const DataSet& set, const fs::path& folder) {
  Json files = Json::array();
  for (const DataFile& file : set.files)
    files.push_back({{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}, {"state", state_name(file_state(folder, file))}});
  return {{"name", set.name},
          {"title", set.title},
          {"bytes", set.bytes()},
          {"train_samples", set.train_samples},
          {"test_samples", set.test_samples},
          {"features", set.features},
          {"classes", set.classes},
          {"licence", set.licence},
          {"homepage", set.homepage},
          {"mirrors", set.mirrors},
          {"folder", folder.string()},
          {"state", state_name(set_state(folder, set))},
          {"files", files}};
}

int list(const DataArguments& arguments) {
  const auto sets = arguments.sets();
  const fs::path data = arguments.data();
  if (arguments.json) {
    Json out = {{"folder", data.string()}, {"sets", Json::array()}};
    for (const DataSet& set : sets) out["sets"].push_back(as_json(set, data / set.name));
    std::puts(out.dump().c_str());
    return kExitDone;
  }
  fmt::print("{:<15}{:>5}  {:>8}  {:<22}{:>7}  {:<14}{:<12}{}\n", "name", "files", "size", "samples x features", "classes", "licence",
             "here", "what");
  for (const DataSet& set : sets) {
    fmt::print("{:<15}{:>5}  {:>8}  {:<22}{:>7}  {:<14}{:<12}{}\n", set.name, set.files.size(), bytes_text(set.bytes()), width_of(set),
               set.classes, set.licence, state_name(set_state(data / set.name, set)), set.title);
  }
  fmt::print("\nin {}; `eqprop data fetch NAME` brings a set here, `eqprop data verify NAME` checks its bytes\n", data.string());
  return kExitDone;
}

// ---- fetch

// a bar on a terminal; elsewhere a line when a file is done
class TransferView {
 public:
  explicit TransferView(const DataFile& file) : file_(file), terminal_(isatty(STDERR_FILENO) != 0) {}
  ~TransferView() { clear(); }
  TransferView(const TransferView&) = delete;
  TransferView& operator=(const TransferView&) = delete;

  void show(std::int64_t done) {
    if (first_ < 0) first_ = done;
    if (!terminal_ || Clock::now() - last_draw_ < std::chrono::milliseconds(100)) return;
    last_draw_ = Clock::now();
    const double second = std::chrono::duration<double>(Clock::now() - start_).count();
    const double rate = second > 0 ? static_cast<double>(done - first_) / second : 0.0;
    std::string figures = fmt::format("{} of {}", bytes_text(done), bytes_text(file_.bytes));
    if (rate > 0) {
      figures += fmt::format(", {}B/s, {} left", short_count(rate) + (rate < 1000 ? " " : ""),
                             clock_text(static_cast<double>(file_.bytes - done) / rate));
    }
    const std::string line = file_.name + " " + bar_text(static_cast<double>(done) / static_cast<double>(file_.bytes), 20) + figures;
    std::fprintf(stderr, "\r\033[K%s", line.substr(0, terminal_columns() - 1).c_str());
    std::fflush(stderr);
    drawn_ = true;
  }
  void clear() {
    if (!drawn_) return;
    std::fprintf(stderr, "\r\033[K");
    std::fflush(stderr);
    drawn_ = false;
  }

 private:
  const DataFile& file_;
  bool terminal_;
  bool drawn_ = false;
  std::int64_t first_ = -1;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_draw_{};
};

std::vector<std::string> mirrors_of(const DataSet& set, const std::string& own) {
  if (own.empty()) return set.mirrors;
  return {own.ends_with('/') ? own : own + "/"};
}

// tries the mirrors in turn; what one of them gave is gone on with by the next
FetchEnd fetch_from_any(const DataFile& file, const std::vector<std::string>& mirrors, const fs::path& folder) {
  for (std::size_t i = 0;; ++i) {
    TransferView view(file);
    std::error_code none;
    if (const auto part = fs::file_size(folder / (file.name + ".part"), none); !none)
      say("{}: going on after {} of {} bytes", file.name, part, file.bytes);
    try {
      return fetch_file(mirrors[i] + file.name, file, folder, [&](std::int64_t done) {
        view.show(done);
        return !interrupted();
      });
    } catch (const InputError& error) {
      view.clear();
      if (i + 1 == mirrors.size() || error.code() == Code::cannot_write) throw;
      warn(error.code(), "{}: {}; trying the next mirror, {}", error.where().file, error.message(), mirrors[i + 1]);
    }
  }
}

void refuse_other_file(const fs::path& path, const DataFile& file) {
  const std::string got = sha256_of(path);
  if (got == file.sha256) return;
  throw InputError(Code::damaged, {path.string()}, "this file is not the catalogue's: expected sha256 " + file.sha256 + ", got " + got,
                   "move it away, then run the command again; a file packed anew by gzip differs though its content is the same");
}

int fetch_set(const DataArguments& arguments, const DataSet& set) {
  const fs::path folder = arguments.data() / set.name;
  say("{}: {}, {} file{}, {}, licence {}, into {}", set.name, set.title, set.files.size(), set.files.size() == 1 ? "" : "s",
      bytes_text(set.bytes()), set.licence, folder.string());
  for (const DataFile& file : set.files) {
    std::error_code ignored;
    if (fs::exists(folder / file.name, ignored)) {
      refuse_other_file(folder / file.name, file);
      say("{}: is here, checksum right", file.name);
      continue;
    }
    if (interrupted() || fetch_from_any(file, mirrors_of(set, arguments.mirror), folder) == FetchEnd::stopped) {
      say("stopped; what came is kept. To go on: {}", arguments.fetch_command(set.name));
      return kExitInterrupted;
    }
    say("{}: {}, checksum right", file.name, bytes_text(file.bytes));
  }
  fmt::print("{} is complete: {}\n", set.name, folder.string());
  if (!arguments.folder.empty()) say("configs find it with EQPROP_DATA_DIR={}", fs::absolute(arguments.folder).string());
  return kExitDone;
}

int fetch(const DataArguments& arguments) {
  const auto sets = arguments.sets();
  std::vector<const DataSet*> wanted;
  for (const std::string& name : arguments.names) wanted.push_back(&find_set(sets, name));
  catch_interrupts();
  for (const DataSet* set : wanted)
    if (const int code = fetch_set(arguments, *set); code != kExitDone) return code;
  return kExitDone;
}

// ---- verify

int verify(const DataArguments& arguments) {
  const auto sets = arguments.sets();
  std::vector<InputError> bad;
  for (const std::string& name : arguments.names) {
    const DataSet& set = find_set(sets, name);
    const fs::path folder = arguments.data() / set.name;
    for (const DataFile& file : set.files) {
      try {
        std::error_code ignored;
        if (!fs::exists(folder / file.name, ignored)) {
          throw InputError(Code::no_data, {(folder / file.name).string()}, "this file is missing",
                           "`" + arguments.fetch_command(set.name) + "` fetches it");
        }
        refuse_other_file(folder / file.name, file);
        fmt::print("{}/{}: right\n", set.name, file.name);
      } catch (const InputError& error) {
        fmt::print("{}/{}: {}\n", set.name, file.name, error.code() == Code::no_data ? "missing" : "damaged, or another file");
        bad.push_back(error);
      }
    }
  }
  if (!bad.empty()) throw bad.front();
  return kExitDone;
}

}  // namespace

void add_data(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("data", "the public data sets: list, fetch, verify");
  command->require_subcommand(1);
  const auto add = [&](const char* name, const char* what, int (*run)(const DataArguments&)) {
    auto given = std::make_shared<DataArguments>();
    auto* sub = command->add_subcommand(name, what);
    sub->add_option("--folder", given->folder, "where sets lie (default: EQPROP_DATA_DIR, else eqprop/ in the user's cache folder)");
    sub->add_option("--catalogue", given->catalogue, "a catalogue of your own (docs/data.md)");
    if (run == list) {
      sub->add_flag("--json", given->json, "the result as one JSON object, last line of standard output");
    } else {
      sub->add_option("NAME", given->names, "data sets, as in `eqprop data list`")->required();
    }
    if (run == fetch) sub->add_option("--mirror", given->mirror, "take the files from this address instead (http, https or file)");
    sub->callback([given, run, &exit_code] { exit_code = run(*given); });
  };
  add("list", "what there is, and what of it is here", list);
  add("fetch", "brings sets here, going on with a transfer that was cut", fetch);
  add("verify", "reads every file of a set and compares checksums", verify);
}

}  // namespace eqprop
