#include "experiments/child_process.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/check.h"

namespace eqprop {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
// nameless files instead of pipes: neither side ever waits for the other
using TemporaryFile = std::unique_ptr<std::FILE, CloseFile>;

TemporaryFile temporary_file() {
  TemporaryFile file(std::tmpfile());
  if (!file) throw InputError(Code::cannot_write, {}, std::string("no temporary file can be made: ") + std::strerror(errno));
  return file;
}

std::string content(std::FILE* file) {
  std::rewind(file);
  std::string text;
  char buffer[1 << 16];
  for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, file)) > 0;) text.append(buffer, n);
  return text;
}

class SpawnActions {
 public:
  SpawnActions() { posix_spawn_file_actions_init(&actions_); }
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  void connect(const TemporaryFile& file, int to) { posix_spawn_file_actions_adddup2(&actions_, fileno(file.get()), to); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

}  // namespace

ChildOutcome run_child(const ChildProgram& program, const std::vector<std::string>& arguments, const std::string& in) {
  const TemporaryFile input = temporary_file(), out = temporary_file(), err = temporary_file();
  if (std::fwrite(in.data(), 1, in.size(), input.get()) != in.size() || std::fflush(input.get()) != 0)
    throw InputError(Code::cannot_write, {}, std::string("a temporary file cannot be written: ") + std::strerror(errno));
  std::rewind(input.get());
  SpawnActions actions;
  actions.connect(input, STDIN_FILENO);
  actions.connect(out, STDOUT_FILENO);
  actions.connect(err, STDERR_FILENO);
  std::vector<char*> words{const_cast<char*>(program.name.c_str())};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  pid_t child = 0;
  const int failed = posix_spawnp(&child, program.name.c_str(), actions.get(), nullptr, words.data(), environ);
  if (failed == ENOENT)
    throw InputError(Code::missing_program, {}, program.name + ", " + program.purpose + ", is not installed", program.remedy);
  if (failed != 0) throw InputError(Code::missing_program, {}, program.name + " cannot be started: " + std::strerror(failed));
  int status = 0;
  while (waitpid(child, &status, 0) < 0) check(errno == EINTR, "the child process cannot be waited for");
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content(out.get()), content(err.get())};
}

std::string one_line(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    const std::size_t first = line.find_first_not_of(" \t^");
    if (first != std::string::npos) out += (out.empty() ? "" : " / ") + line.substr(first);
    at = end + 1;
  }
  constexpr std::size_t kLongest = 400;
  return out.size() > kLongest ? out.substr(0, kLongest) + " .." : out;
}

}  // namespace eqprop
