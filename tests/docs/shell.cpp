// Completion and manual page: every command and option occurs, bash takes them and offers what fits, groff has nothing to say.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "experiments/all_commands.h"
#include "experiments/shell_words.h"
#include "tests/catch.h"
#include "tests/program/process.h"

using namespace eqprop;
using namespace eqprop::testing;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// roff writes a minus as \-
std::string without_escapes(std::string text) {
  for (std::size_t at; (at = text.find("\\-")) != std::string::npos;) text.erase(at, 1);
  return text;
}

// what a shell command prints on both outputs; `status` is its exit code
std::string printed(const std::string& command, int& status) {
  std::string out;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  char buffer[4096];
  for (std::size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, n);
  status = pclose(pipe);
  return out;
}

std::vector<const CLI::App*> all_commands(const CLI::App& app) {
  std::vector<const CLI::App*> out;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    out.push_back(command);
    for (const CLI::App* inner : all_commands(*command)) out.push_back(inner);
  }
  return out;
}

// the program's arguments, as main.cpp has them
struct Arguments {
  CLI::App app{"what the program is for", "eqprop"};
  int exit_code = 0;
  Arguments() { add_all_commands(app, {"eqprop"}, exit_code); }
};

// what bash offers for these words, the last one unfinished
std::vector<std::string> offered(const TemporaryFolder& folder, const std::string& words, int index) {
  int status = 0;
  const std::string text =
      printed("cd '" + folder.path().string() + "' && bash -c 'source ./eqprop.bash; COMP_WORDS=(" + words +
                  "); COMP_CWORD=" + std::to_string(index) + "; _eqprop; printf \"%s\\n\" \"${COMPREPLY[@]}\"; complete -p eqprop'",
              status);
  CHECK(status == 0);
  CHECK(has(text, "complete -o default -F _eqprop eqprop"));
  std::vector<std::string> out;
  for (std::size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
    if (end > at && text.compare(at, 9, "complete ") != 0) out.push_back(text.substr(at, end - at));
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

TEST_CASE("every command and option stands in the completions and in the manual") {
  const Arguments arguments;
  const std::string bash = bash_completion(arguments.app), zsh = zsh_completion(arguments.app), fish = fish_completion(arguments.app);
  const std::string man = without_escapes(manual_page(arguments.app));
  const auto commands = all_commands(arguments.app);
  CHECK(commands.size() >= 11);
  for (const CLI::App* command : commands) {
    INFO(command->get_name());
    for (const std::string* text : {&bash, &zsh, &fish, &man}) CHECK(has(*text, command->get_name()));
    for (const CLI::Option* option : command->get_options([](const CLI::Option*) { return true; }))
      for (const std::string& name : option->get_lnames()) {
        INFO(name);
        CHECK(has(bash, "--" + name));
        CHECK(has(zsh, "--" + name));
        CHECK(has(fish, "-l " + name));
        CHECK(has(man, "--" + name));
      }
  }
}

TEST_CASE("the program knows the commands of this test, and no other") {
  const TemporaryFolder folder;
  const Arguments arguments;
  const std::string man = without_escapes(run_program({"man"}, folder.path()).out);
  for (const CLI::App* command : all_commands(arguments.app)) CHECK(has(man, command->get_name() + "\"\n"));
  const auto headings = [](const std::string& text) {
    int count = 0;
    for (std::size_t at = text.find(".SS "); at != std::string::npos; at = text.find(".SS ", at + 1)) ++count;
    return count;
  };
  CHECK(headings(man) == static_cast<int>(all_commands(arguments.app).size()));
}

TEST_CASE("bash takes its completion and offers what fits") {
  const TemporaryFolder folder;
  const Outcome outcome = run_program({"completion", "bash"}, folder.path());
  REQUIRE(outcome.exit_code == 0);
  write_file_text(folder / "eqprop.bash", outcome.out);
  int status = 0;
  CHECK(printed("bash -n '" + (folder / "eqprop.bash").string() + "'", status).empty());
  CHECK(status == 0);
  using Words = std::vector<std::string>;
  CHECK(offered(folder, "eqprop tra", 1) == Words{"train"});
  CHECK(offered(folder, "eqprop train --se", 2) == Words{"--seed", "--seeds", "--set"});
  CHECK(offered(folder, "eqprop train x.toml --res", 3) == Words{"--resume"});
  CHECK(offered(folder, "eqprop explain EQ-00", 2).size() == 9);
  CHECK(offered(folder, "eqprop devices TaOx-1", 2) == Words{"TaOx-180nm"});
  CHECK(offered(folder, "eqprop completion z", 2) == Words{"zsh"});
  CHECK(offered(folder, "eqprop eval run", 2).empty());
  CHECK(run_program({"completion", "tcsh"}, folder.path()).exit_code == 2);
}

TEST_CASE("zsh and fish take their completions, where they are installed") {
  const TemporaryFolder folder;
  for (const std::string shell : {"zsh", "fish"}) {
    const Outcome outcome = run_program({"completion", shell}, folder.path());
    REQUIRE(outcome.exit_code == 0);
    CHECK(has(outcome.out, "train"));
    int status = 0;
    if (std::system(("command -v " + shell + " > /dev/null").c_str()) != 0) continue;
    write_file_text(folder / ("completion." + shell), outcome.out);
    CHECK(printed(shell + " -n '" + (folder / ("completion." + shell)).string() + "'", status).empty());
    CHECK(status == 0);
  }
}

TEST_CASE("the manual page is sound roff") {
  const TemporaryFolder folder;
  const Outcome outcome = run_program({"man"}, folder.path());
  REQUIRE(outcome.exit_code == 0);
  CHECK(has(outcome.out, ".TH EQPROP 1"));
  for (const char* section : {"NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "\"EXIT STATUS\"", "ENVIRONMENT"})
    CHECK(has(outcome.out, std::string(".SH ") + section + "\n"));
  write_file_text(folder / "eqprop.1", outcome.out);
  const std::string page = "'" + (folder / "eqprop.1").string() + "'";
  int status = 0;
  if (std::system("command -v groff > /dev/null") == 0) {
    CHECK(printed("groff -ww -man -z " + page, status).empty());
    CHECK(status == 0);
  }
  if (std::system("command -v mandoc > /dev/null") == 0) {
    printed("mandoc -Tlint -Wwarning " + page, status);
    CHECK(status == 0);
  }
}
