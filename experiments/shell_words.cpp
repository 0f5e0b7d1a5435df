#include "experiments/shell_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "crossbar/device/device.h"
#include "experiments/experiment.h"
#include "experiments/explanations.h"

namespace eqprop {
namespace {

using CLI::App;
using CLI::Option;

std::vector<const App*> commands_of(const App& app) {
  return app.get_subcommands([](const App*) { return true; });
}
std::vector<const Option*> options_of(const App& app) {
  std::vector<const Option*> out;
  for (const Option* option : app.get_options([](const Option*) { return true; }))
    if (option->nonpositional()) out.push_back(option);
  return out;
}
// a command's options and those of its own commands, each name once
std::vector<const Option*> options_within(const App& command) {
  std::vector<const Option*> out = options_of(command);
  for (const App* inner : commands_of(command))
    for (const Option* option : options_of(*inner)) {
      const bool known = std::any_of(out.begin(), out.end(), [&](const Option* o) { return o->get_name() == option->get_name(); });
      if (!known) out.push_back(option);
    }
  return out;
}
std::vector<const Option*> positionals_of(const App& app) {
  std::vector<const Option*> out;
  for (const Option* option : app.get_options([](const Option*) { return true; }))
    if (!option->nonpositional()) out.push_back(option);
  return out;
}
bool takes_value(const Option& option) { return option.get_items_expected_max() > 0; }

// "--json" or "-h", all names of an option
std::vector<std::string> names_of(const Option& option) {
  std::vector<std::string> out;
  for (const std::string& name : option.get_snames()) out.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) out.push_back("--" + name);
  return out;
}

// what may stand for the positional arguments of a command when it is no file
std::vector<std::string> values_of(const App& command) {
  std::vector<std::string> out;
  if (command.get_name() == "devices") out = preset_names();
  if (command.get_name() == "completion") out = {"bash", "zsh", "fish"};
  if (command.get_name() == "explain")
    for (const Explanation& e : explanations()) out.push_back(code_name(e.code));
  for (const App* inner : commands_of(command)) out.push_back(inner->get_name());
  return out;
}

std::string option_words(const App& command) {
  std::string out;
  for (const Option* option : options_within(command))
    for (const std::string& name : names_of(*option)) out += (out.empty() ? "" : " ") + name;
  return out;
}

std::string replaced(std::string text, const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string out;
  for (const char c : text) {
    std::string piece(1, c);
    for (const auto& [from, to] : pairs)
      if (piece == from) {
        piece = to;
        break;
      }
    out += piece;
  }
  return out;
}

// inside '...' of a shell
std::string quoted(const std::string& text) { return replaced(text, {{"'", "'\\''"}}); }
std::string fish_quoted(const std::string& text) { return replaced(text, {{"\\", "\\\\"}, {"'", "\\'"}}); }
// inside '--option[...]' of zsh's _arguments
std::string zsh_text(const std::string& text) { return quoted(replaced(text, {{"\\", "\\\\"}, {"[", "\\["}, {"]", "\\]"}, {":", "\\:"}})); }
// in roff; a line never begins with a dot or quote
std::string roff(const std::string& text) {
  const std::string out = replaced(text, {{"\\", "\\e"}, {"-", "\\-"}, {"'", "\\(aq"}, {"`", "\\(ga"}, {"\n", " "}});
  return out.starts_with('.') ? "\\&" + out : out;
}

std::string usage_of(const App& command) {
  std::string out = fmt::format(".B eqprop {}\n", roff(command.get_name()));
  for (const Option* positional : positionals_of(command)) {
    const std::string name = roff(positional->get_name());
    out += positional->get_required() ? fmt::format(".I {}\n", name) : fmt::format(".RI [ {} ]\n", name);
  }
  return out + ".RI [ options ]\n";
}

std::string man_option(const Option& option) {
  std::string names;
  for (const std::string& name : names_of(option)) names += (names.empty() ? "" : ", ") + name;
  if (!option.nonpositional()) names = option.get_name();
  std::string out = fmt::format(".TP\n\\fB{}\\fR", roff(names));
  if (option.nonpositional() && takes_value(option)) {
    // a check adds its own words behind a colon
    const std::string type = option.get_type_name().substr(0, option.get_type_name().find(':'));
    out += fmt::format(" \\fI{}\\fR", roff(type.empty() ? "VALUE" : type));
  }
  out += "\n" + roff(option.get_description().empty() ? "as the name says" : option.get_description()) + "\n";
  if (takes_value(option) && !option.get_default_str().empty() && option.get_lnames() != std::vector<std::string>{"threads"})
    out += fmt::format("Default: {}.\n", roff(option.get_default_str()));
  return out;
}

void man_command(const App& command, const std::string& path, std::string& out) {
  out += fmt::format(".SS \"{}\"\n{}\n", roff(path), roff(command.get_description()));
  for (const Option* positional : positionals_of(command)) out += man_option(*positional);
  for (const Option* option : options_of(command)) out += man_option(*option);
  for (const App* inner : commands_of(command)) man_command(*inner, path + " " + inner->get_name(), out);
}

}  // namespace

std::string bash_completion(const App& app) {
  std::string cases, names, root_options;
  for (const Option* option : options_of(app))
    for (const std::string& name : names_of(*option)) root_options += (root_options.empty() ? "" : " ") + name;
  for (const App* command : commands_of(app)) {
    names += (names.empty() ? "" : " ") + command->get_name();
    cases += fmt::format("    {}) options='{}' values='{}' ;;\n", command->get_name(), option_words(*command),
                         fmt::join(values_of(*command), " "));
  }
  return fmt::format(R"(# bash completion of eqprop, made by `eqprop completion bash`; load it with: source <(eqprop completion bash)
_eqprop() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} command='' options='' values='' i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    if [[ ${{COMP_WORDS[i]}} != -* ]]; then
      command=${{COMP_WORDS[i]}}
      break
    fi
  done
  case $command in
    '') options='{}' values='{}' ;;
{}  esac
  # files are offered where nothing of ours fits
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -W "$values" -- "$current")
  fi
}}
complete -o default -F _eqprop eqprop
)",
                     root_options, names, cases);
}

std::string zsh_completion(const App& app) {
  std::string names, cases;
  for (const App* command : commands_of(app)) {
    names += fmt::format("    '{}:{}'\n", command->get_name(), zsh_text(command->get_description()));
    cases += fmt::format("    {})\n      _arguments", command->get_name());
    for (const Option* option : options_within(*command))
      for (const std::string& name : names_of(*option))
        cases += fmt::format(" \\\n        '{}{}[{}]{}'", option->get_items_expected_max() > 1 ? "*" : "", name,
                             zsh_text(option->get_description()), takes_value(*option) ? ":value:_files" : "");
    const auto values = values_of(*command);
    cases +=
        values.empty() ? std::string(" \\\n        '*:file:_files'") : fmt::format(" \\\n        '*:name:({})'", fmt::join(values, " "));
    cases += "\n      ;;\n";
  }
  return fmt::format(R"(#compdef eqprop
# zsh completion of eqprop, made by `eqprop completion zsh`; put it as _eqprop into a folder of $fpath
_eqprop() {{
  local -a commands
  commands=(
{}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    _arguments{}
    return
  fi
  shift words
  (( CURRENT-- ))
  case $words[1] in
{}  esac
}}
if [[ $funcstack[1] == _eqprop ]]; then
  _eqprop "$@"
else
  compdef _eqprop eqprop
fi
)",
                     names,
                     [&] {
                       std::string out;
                       for (const Option* option : options_of(app))
                         for (const std::string& name : names_of(*option))
                           out += fmt::format(" '{}[{}]'", name, zsh_text(option->get_description()));
                       return out;
                     }(),
                     cases);
}

std::string fish_completion(const App& app) {
  std::string out = "# fish completion of eqprop, made by `eqprop completion fish`; put it into ~/.config/fish/completions/eqprop.fish\n";
  const auto option_lines = [&](const std::vector<const Option*>& options, const std::string& when) {
    for (const Option* option : options) {
      std::string names;
      for (const std::string& name : option->get_snames()) names += " -s " + name;
      for (const std::string& name : option->get_lnames()) names += " -l " + name;
      out += fmt::format("complete -c eqprop -n '{}'{}{} -d '{}'\n", when, names, takes_value(*option) ? " -r" : "",
                         fish_quoted(option->get_description()));
    }
  };
  option_lines(options_of(app), "__fish_use_subcommand");
  for (const App* command : commands_of(app)) {
    out += fmt::format("complete -c eqprop -f -n '__fish_use_subcommand' -a {} -d '{}'\n", command->get_name(),
                       fish_quoted(command->get_description()));
    const std::string when = "__fish_seen_subcommand_from " + command->get_name();
    option_lines(options_within(*command), when);
    if (const auto values = values_of(*command); !values.empty())
      out += fmt::format("complete -c eqprop -f -n '{}' -a '{}'\n", when, fmt::join(values, " "));
  }
  return out;
}

std::string manual_page(const App& app) {
  std::string out = fmt::format(".TH EQPROP 1 \"\" \"eqprop {}\" \"User Commands\"\n.SH NAME\neqprop \\- {}\n.SH SYNOPSIS\n",
                                program_version(), roff(app.get_description()));
  bool first = true;
  for (const App* command : commands_of(app)) {
    out += (first ? "" : ".br\n") + usage_of(*command);
    first = false;
  }
  out += ".SH DESCRIPTION\n" + roff(app.get_description()) + ".\n";
  out += roff(
             "A config in TOML says what is trained; a run folder holds all that came of it. Results go to standard output, talk to "
             "standard error.") +
         "\n.SH OPTIONS\n";
  for (const Option* option : options_of(app)) out += man_option(*option);
  out += ".SH COMMANDS\n";
  for (const App* command : commands_of(app)) man_command(*command, command->get_name(), out);
  const std::pair<const char*, const char*> codes[] = {
      {"0", "done"},
      {"1", "a check failed, or the run diverged"},
      {"2", "usage or config"},
      {"3", "an input file is missing or damaged"},
      {"4", "a [target] of the config was not reached"},
      {"130", "interrupted; the checkpoint is written and the command that resumes is printed"}};
  out += ".SH \"EXIT STATUS\"\n";
  for (const auto& [code, text] : codes) out += fmt::format(".TP\n.B {}\n{}\n", code, roff(text));
  out += ".SH ENVIRONMENT\n.TP\n.B EQPROP_DATA_DIR\n" + roff("folder that holds mnist/, fashion-mnist/, optdigits/") + "\n";
  out +=
      ".SH \"SEE ALSO\"\n" + roff("Each message ends with a code like EQ-003; `eqprop explain EQ-003` says its cause and remedies.") + "\n";
  return out;
}

}  // namespace eqprop
