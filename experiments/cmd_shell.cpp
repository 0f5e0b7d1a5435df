// completion SHELL, man: what shells and readers of manuals need, on standard output.
#include <cstdio>
#include <memory>

#include "experiments/commands.h"
#include "experiments/shell_words.h"

namespace eqprop {

void add_shell(CLI::App& app) {
  auto* completion = app.add_subcommand("completion", "completion for a shell: source <(eqprop completion bash)");
  auto shell = std::make_shared<std::string>();
  completion->add_option("SHELL", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  completion->callback([shell, &app] {
    const std::string text = *shell == "bash" ? bash_completion(app) : *shell == "zsh" ? zsh_completion(app) : fish_completion(app);
    std::fputs(text.c_str(), stdout);
  });
  app.add_subcommand("man", "the manual page in roff: eqprop man | man -l -")->callback([&app] {
    std::fputs(manual_page(app).c_str(), stdout);
  });
}

}  // namespace eqprop
