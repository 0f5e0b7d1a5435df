#pragma once
// Runs the program `eqprop` as a process, for tests: captures its outputs and exit code, sends it signals.
#include <filesystem>
#include <string>
#include <vector>

namespace eqprop::testing {

/// A fresh folder that goes away with its content.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// Path of the program.
const char* program_path();

struct Outcome {
  int exit_code = -1;  ///< 128 + signal when a signal ended it
  std::string out;
  std::string err;
  /// Last line of standard output, without its line break.
  std::string last_line() const;
};

/// A running program; its outputs go to files in `folder`, which is also where it runs.
class Program {
 public:
  Program(const std::vector<std::string>& arguments, const std::filesystem::path& folder, const std::string& data_folder = "");
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  /// Waits until standard error holds this text; false when the program ended or a minute passed before.
  bool wait_for(const std::string& text);
  void signal(int number);
  Outcome wait();

 private:
  bool ended();
  std::filesystem::path out_, err_;
  int process_ = -1;
  int status_ = 0;
  bool ended_ = false;
};

/// Runs the program to its end in `folder`. EQPROP_DATA_DIR is `data_folder`, unset when empty.
Outcome run_program(const std::vector<std::string>& arguments, const std::filesystem::path& folder, const std::string& data_folder = "");

std::string read_file_text(const std::filesystem::path& file);
void write_file_text(const std::filesystem::path& file, const std::string& text);

/// A small, quick config on the digits: 64-16-10, `coupling` "ideal" or "crossbar".
std::string small_config(const std::string& coupling, int epochs);

}  // namespace eqprop::testing
