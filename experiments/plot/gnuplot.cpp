#include "experiments/plot/gnuplot.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
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

// the lines that say something: gnuplot repeats the failing line and points into it
std::string complaint(const std::string& text) {
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

std::string run_gnuplot(const std::string& script) {
  const TemporaryFile in = temporary_file(), out = temporary_file(), err = temporary_file();
  if (std::fwrite(script.data(), 1, script.size(), in.get()) != script.size() || std::fflush(in.get()) != 0)
    throw InputError(Code::cannot_write, {}, std::string("a temporary file cannot be written: ") + std::strerror(errno));
  std::rewind(in.get());
  SpawnActions actions;
  actions.connect(in, STDIN_FILENO);
  actions.connect(out, STDOUT_FILENO);
  actions.connect(err, STDERR_FILENO);
  char program[] = "gnuplot", defaults[] = "-d";
  char* arguments[] = {program, defaults, nullptr};
  pid_t child = 0;
  const int failed = posix_spawnp(&child, program, actions.get(), nullptr, arguments, environ);
  if (failed == ENOENT)
    throw InputError(Code::missing_program, {}, "gnuplot, which draws the figures, is not installed", "apt install gnuplot-nox");
  if (failed != 0) throw InputError(Code::missing_program, {}, std::string("gnuplot cannot be started: ") + std::strerror(failed));
  int status = 0;
  while (waitpid(child, &status, 0) < 0) check(errno == EINTR, "the child process cannot be waited for");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw InputError(Code::missing_program, {}, "gnuplot failed: " + complaint(content(err.get())),
                     "gnuplot 5.4 with svg and pngcairo is needed: apt install gnuplot-nox");
  return content(out.get());
}

std::string gnuplot_text(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return out + "'";
}

std::string gnuplot_number(double value) { return std::isfinite(value) ? fmt::format("{:.8g}", value) : "NaN"; }

}  // namespace eqprop
