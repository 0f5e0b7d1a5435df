#include "tests/program/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace eqprop::testing {

namespace fs = std::filesystem;

const char* program_path() { return EQPROP_PROGRAM; }

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "eqprop-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string Outcome::last_line() const {
  const auto end = out.find_last_not_of('\n');
  if (end == std::string::npos) return "";
  const auto begin = out.rfind('\n', end);
  return out.substr(begin == std::string::npos ? 0 : begin + 1, end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

Program::Program(const std::vector<std::string>& arguments, const fs::path& folder, const std::string& data_folder) {
  static std::atomic<int> count{0};
  const std::string number = std::to_string(count++);
  out_ = folder / ("stdout-" + number);
  err_ = folder / ("stderr-" + number);
  process_ = fork();
  if (process_ < 0) throw std::runtime_error("cannot fork");
  if (process_ > 0) return;

  // the child
  const int out = open(out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  const int err = open(err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (out < 0 || err < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 || chdir(folder.c_str()) != 0) _exit(99);
  if (data_folder.empty()) {
    unsetenv("EQPROP_DATA_DIR");
  } else {
    setenv("EQPROP_DATA_DIR", data_folder.c_str(), 1);
  }
  setenv("XDG_CACHE_HOME", (folder / "cache").c_str(), 1);  // not the user's own sets
  std::vector<char*> words{const_cast<char*>(program_path())};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  execv(program_path(), words.data());
  _exit(99);
}

Program::~Program() {
  if (ended_) return;
  kill(process_, SIGKILL);
  waitpid(process_, &status_, 0);
}

bool Program::ended() {
  if (!ended_) ended_ = waitpid(process_, &status_, WNOHANG) == process_;
  return ended_;
}

bool Program::wait_for(const std::string& text) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (std::chrono::steady_clock::now() < deadline) {
    if (read_file_text(err_).find(text) != std::string::npos) return true;
    if (ended()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return false;
}

void Program::signal(int number) { kill(process_, number); }

Outcome Program::wait() {
  if (!ended_) waitpid(process_, &status_, 0);
  ended_ = true;
  return {WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_), read_file_text(out_), read_file_text(err_)};
}

Outcome run_program(const std::vector<std::string>& arguments, const fs::path& folder, const std::string& data_folder) {
  return Program(arguments, folder, data_folder).wait();
}

std::string read_file_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file_text(const fs::path& file, const std::string& text) { std::ofstream(file, std::ios::binary) << text; }

std::string small_config(const std::string& coupling, int epochs) {
  return "seed = 1\n[data]\nname = \"digits\"\n[network]\nlayers = [64, 16, 10]\ncoupling = \"" + coupling +
         "\"\n[train]\nepochs = " + std::to_string(epochs) + "\nbatch = 16\nbeta = 0.5\nrates = [0.2, 0.1]\n[settle]\nbudget = 12\n";
}

}  // namespace eqprop::testing
