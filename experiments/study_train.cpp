#include "experiments/study_train.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <ctime>
#include <fstream>
#include <iterator>

#include "base/check.h"
#include "eqprop/data/checkpoint.h"
#include "experiments/commands.h"
#include "experiments/config.h"
#include "experiments/digest.h"
#include "experiments/interrupt.h"
#include "experiments/run_folder.h"
#include "experiments/study_cosine.h"
#include "experiments/talk.h"

namespace eqprop {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr timespec kLook = {0, 20'000'000};  // 20 ms
constexpr auto kSay = std::chrono::seconds(60);

fs::path beside(const fs::path& folder, const char* extension) { return folder.string() + extension; }

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// the last line that is not empty
std::string last_line(const std::string& text) {
  const auto end = text.find_last_not_of('\n');
  if (end == std::string::npos) return "";
  const auto begin = text.rfind('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1, end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

// the last line that begins with "error: "
std::string last_error(const std::string& log) {
  const auto at = log.rfind("error: ");
  return at == std::string::npos ? last_line(log) : log.substr(at, log.find('\n', at) - at);
}

// of this very program: another build may round elsewhere, and may have learnt to do something else
const std::string& program_digest() {
  static const std::string digest = sha256_of("/proc/self/exe");
  return digest;
}

// a text of an object; empty when it is not there or no text
std::string text_at(const Json& json, const char* key) {
  return json.is_object() && json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
}

// of another build: moved aside, in place of what was moved before
bool set_aside(const Training& training, const Json& known) {
  if (!known.is_object() || text_at(known, "program") == program_digest() || !fs::exists(training.folder)) return false;
  fs::remove_all(beside(training.folder, ".old"));
  fs::rename(training.folder, beside(training.folder, ".old"));
  return true;
}

// what is known of a training from before; nothing when it was of another config or another build, or the file is damaged
TrainingOutcome read_outcome(const Training& training, const Json& json) {
  TrainingOutcome out;
  if (text_at(json, "program") != program_digest() || text_at(json, "config") != training.identity) return out;
  const auto flag = [&](const char* key) { return json.contains(key) && json[key].is_boolean() && json[key].get<bool>(); };
  if (json.contains("cpu_second") && json["cpu_second"].is_number()) out.cpu_second = json["cpu_second"].get<double>();
  out.finished = flag("finished");
  out.diverged = flag("diverged");
  if (json.contains("cosine") && json["cosine"].is_number()) out.cosine = json["cosine"].get<double>();
  if (json.contains("result")) out.result = json["result"];
  // the word of a file counts only beside the run
  if (out.finished && (!fs::exists(training.folder / "config.toml") || (!out.diverged && !out.result.is_object()))) out = TrainingOutcome();
  return out;
}

void write_outcome(const Training& training, const TrainingOutcome& outcome) {
  Json json;
  json["program"] = program_digest();
  json["version"] = version_text();
  json["config"] = training.identity;
  json["finished"] = outcome.finished;
  json["diverged"] = outcome.diverged;
  json["cpu_second"] = outcome.cpu_second;
  json["cosine"] = outcome.cosine;
  json["result"] = outcome.result;
  write_text_atomic(beside(training.folder, ".json"), json.dump(1) + "\n");
}

std::vector<std::string> command_of(const Training& training, int threads) {
  std::vector<std::string> words = {"eqprop", "train", training.config.string()};
  for (const std::string& set : training.sets) words.insert(words.end(), {"--set", set});
  words.insert(words.end(), {"--seed", std::to_string(training.seed), "--threads", std::to_string(threads), "--out",
                             training.folder.string(), "--resume", "--json"});
  return words;
}

// a training process; its outputs go to FOLDER.out and FOLDER.log
pid_t start(const Training& training, int threads) {
  const std::string out_name = beside(training.folder, ".out").string(), log_name = beside(training.folder, ".log").string();
  const std::vector<std::string> words = command_of(training, threads);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const int out = open(out_name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  const int log = open(log_name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (out < 0 || log < 0)
    throw InputError(Code::cannot_write, {log_name}, "cannot write here: " + std::system_category().message(errno), "choose another --out");
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) {
    // a group of its own: Ctrl-C reaches this program alone, which passes it on once; and no training outlives it
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent || dup2(out, 1) < 0 || dup2(log, 2) < 0) _exit(kExitCheckFailed);
    execv("/proc/self/exe", arguments.data());
    _exit(kExitCheckFailed);
  }
  close(out);
  close(log);
  check(child > 0, "a process can be started");
  return child;
}

struct Job {
  pid_t process;
  std::size_t training;
};

class Workshop {
 public:
  Workshop(const std::vector<Training>& trainings, const Workers& workers) : trainings_(trainings), workers_(workers) {
    std::size_t finished = 0, aside = 0;
    for (const Training& training : trainings_) {
      const Json known = Json::parse(text_of(beside(training.folder, ".json")), nullptr, false);
      report_.outcomes.push_back(read_outcome(training, known));
      finished += report_.outcomes.back().finished ? 1 : 0;
      aside += set_aside(training, known) ? 1 : 0;
    }
    if (finished > 0) say("  {} of {} were trained before by this program: read again", finished, trainings_.size());
    if (aside > 0)
      say("  {} of {} were trained by another build: trained anew, the old folders are kept as *.old", aside, trainings_.size());
  }

  TrainingsReport run() {
    std::size_t next = 0;
    auto said = Clock::now();
    while (next < trainings_.size() || !jobs_.empty()) {
      if (stopping() && jobs_.empty()) break;
      if (stopping()) tell_jobs();
      while (!stopping() && next < trainings_.size() && static_cast<int>(jobs_.size()) < workers_.jobs) begin(next++);
      look();
      if (jobs_.empty()) continue;
      nanosleep(&kLook, nullptr);
      if (Clock::now() - said < kSay) continue;
      said = Clock::now();
      for (const Job& job : jobs_) say_progress(trainings_[job.training]);
    }
    if (report_.exit_code == 0) compare_settled();
    if (report_.exit_code == 0 && interrupted()) report_.exit_code = kExitInterrupted;
    return std::move(report_);
  }

 private:
  bool stopping() const { return report_.exit_code != 0 || interrupted(); }

  void tell_jobs() {
    if (told_) return;
    told_ = true;
    for (const Job& job : jobs_) kill(job.process, SIGTERM);
  }

  void begin(std::size_t i) {
    if (report_.outcomes[i].finished) return complete(i);
    make_folder(trainings_[i].folder.parent_path());
    write_outcome(trainings_[i], report_.outcomes[i]);  // whose folder it is, should this process be killed
    jobs_.push_back({start(trainings_[i], workers_.threads), i});
  }

  // collects the processes that have ended
  void look() {
    for (std::size_t j = 0; j < jobs_.size();) {
      int status = 0;
      rusage usage{};
      const pid_t ended = wait4(jobs_[j].process, &status, WNOHANG, &usage);
      if (ended == 0) {
        ++j;
        continue;
      }
      const std::size_t i = jobs_[j].training;
      jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(j));
      const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); };
      report_.outcomes[i].cpu_second += seconds(usage.ru_utime) + seconds(usage.ru_stime);
      collect(i, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
  }

  void collect(std::size_t i, int exit_code) {
    const Training& training = trainings_[i];
    TrainingOutcome& outcome = report_.outcomes[i];
    const std::string log = text_of(beside(training.folder, ".log"));
    if (exit_code == kExitDone || exit_code == kExitTarget) {
      outcome.result = Json::parse(last_line(text_of(beside(training.folder, ".out"))), nullptr, false);
      outcome.finished = outcome.result.is_object();
    }
    const bool gave_up = exit_code == kExitCheckFailed && log.find("[" + code_name(Code::run_diverged) + "]") != std::string::npos;
    if (gave_up) outcome.finished = outcome.diverged = true;
    write_outcome(training, outcome);
    if (outcome.finished) return complete(i);
    // a process that was told to stop before it listened has begun nothing
    if (exit_code == kExitInterrupted || (interrupted() && exit_code == 128 + SIGTERM)) {
      // somebody else's signal stops the study too
      if (report_.exit_code == 0) report_.exit_code = kExitInterrupted;
      return;
    }
    if (report_.exit_code != 0) return;
    report_.exit_code = exit_code == kExitConfig || exit_code == kExitFile ? exit_code : kExitCheckFailed;
    report_.error =
        fmt::format("{}: {}", training.title, exit_code > 128 ? fmt::format("ended by signal {}", exit_code - 128) : last_error(log));
  }

  void complete(std::size_t i) {
    const Training& training = trainings_[i];
    TrainingOutcome& outcome = report_.outcomes[i];
    if (training.cosine && !outcome.diverged && std::isnan(outcome.cosine)) {
      outcome.cosine = gradient_cosine(training.folder, workers_.threads);
      write_outcome(training, outcome);
    }
    ++done_;
    const std::string result =
        outcome.diverged ? "diverged" : fmt::format("test error {:.2f} %", 100 * outcome.test_error(training.classes));
    say("[{}/{}] {}: {}, {} of CPU", done_, trainings_.size(), training.title, result, time_text(outcome.cpu_second));
  }

  // after all trainings, since each needs another's weights; never kept, since these may be trained anew
  void compare_settled() {
    for (std::size_t i = 0; i < trainings_.size() && !interrupted(); ++i) {
      const auto trained = std::find_if(trainings_.begin(), trainings_.end(),
                                        [&](const Training& other) { return other.folder == trainings_[i].cosine_at; });
      if (trained == trainings_.end() || report_.outcomes[i].diverged) continue;
      if (report_.outcomes[static_cast<std::size_t>(trained - trainings_.begin())].diverged) continue;
      report_.outcomes[i].cosine_settled = settled_cosine(trainings_[i].folder, trained->folder, workers_.threads);
    }
  }

  // as far as metrics.csv tells
  static void say_progress(const Training& training) {
    const std::string metrics = text_of(training.folder / "metrics.csv");
    const auto lines = std::count(metrics.begin(), metrics.end(), '\n');
    say("  {}: {} epochs done", training.title, std::max<std::ptrdiff_t>(lines - 1, 0));
  }

  static std::string time_text(double second) {
    return second < 100 ? fmt::format("{:.1f} s", second) : fmt::format("{:.1f} minutes", second / 60);
  }

  const std::vector<Training>& trainings_;
  Workers workers_;
  TrainingsReport report_;
  std::vector<Job> jobs_;
  std::size_t done_ = 0;
  bool told_ = false;
};

}  // namespace

Training make_training(const StudyBase& base, const std::vector<std::string>& more, int seed, const fs::path& folder,
                       const std::string& title) {
  Training training;
  training.title = fmt::format("{} seed {}", title, seed);
  training.config = base.config;
  training.sets = base.sets;
  training.seed = static_cast<std::uint32_t>(seed);
  training.folder = folder;
  training.sets.insert(training.sets.end(), more.begin(), more.end());
  try {
    Config config = read_config(base.config, {training.sets, training.seed, {}, {}});
    training.identity = config_identity(config);
    training.classes = config.layers.back();
    config.train = TrainOptions();
    config.beta_auto = false;
    training.network = config_identity(config);
  } catch (const InputError& error) {
    const Where& at = error.where();
    const std::string place = at.file.empty() ? "" : at.line > 0 ? fmt::format("{}:{}:{}: ", at.file, at.line, at.column) : at.file + ": ";
    throw InputError(error.code(), base.where, fmt::format("run \"{}\": {}{}", base.name, place, error.message()), error.remedy());
  }
  return training;
}

double TrainingOutcome::test_error(int classes) const { return diverged ? 1 - 1.0 / classes : 1 - result.value("test_accuracy", 0.0); }

TrainingsReport run_trainings(const std::vector<Training>& trainings, const Workers& workers) { return Workshop(trainings, workers).run(); }

}  // namespace eqprop
