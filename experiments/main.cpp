// The program `eqprop`: reads the arguments, runs a command, turns errors into exit codes.
//   0 done, 1 a check failed, 2 usage or config, 3 input file, 4 target not reached, 130 interrupted
#include <cstdio>
#include <exception>

#include "base/check.h"
#include "experiments/all_commands.h"
#include "experiments/experiment.h"
#include "experiments/talk.h"

int main(int argc, char** argv) {
  using namespace eqprop;
  CLI::App app("Learning by equilibrium propagation on memristor crossbars, every joule counted", "eqprop");
  app.set_version_flag("--version", "eqprop " + std::string(program_version()));
  app.require_subcommand(1);
  app.footer("exit codes: 0 done, 1 a check failed, 2 usage or config, 3 input file, 4 target not reached, 130 interrupted");
  int exit_code = kExitDone;
  add_all_commands(app, std::vector<std::string>(argv, argv + argc), exit_code);

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version);
  } catch (const CLI::ParseError& error) {
    error_text(Code::usage, std::string(error.what()) + " (see eqprop --help, or eqprop COMMAND --help)");
    return kExitConfig;
  } catch (const InputError& error) {
    error_text(error.what());
    return error.kind() == InputKind::config ? kExitConfig : kExitFile;
  } catch (const std::exception& error) {
    error_text(Code::internal, std::string("the program itself failed, please report this: ") + error.what());
    return kExitCheckFailed;
  }
  // results that nobody could be given are no success
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    error_text(Code::cannot_write, "standard output cannot be written: the disk is full, or it is closed; the results are incomplete");
    return kExitFile;
  }
  return exit_code;
}
