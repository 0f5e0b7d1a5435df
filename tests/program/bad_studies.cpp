#include "tests/program/bad_input.h"
#include "tests/program/process.h"

namespace eqprop::testing {
namespace {

/// Lines 1 .. 12; the stored part begins at line 9.
const std::string kStudy =
    "title = \"T\"\nabout = \"A\"\norder = 1\n[[run]]\nname = \"one\"\nconfig = \"./good.toml\"\nseeds = [1]\n\n"
    "[stored]\nfigures = [\n  { run = \"one\", figure = \"test_error\", values = [0.1], tolerance = 0.01 },\n]\n";

const std::string kCritical =
    "[[critical]]\nname = \"two\"\nconfig = \"./good.toml\"\nseeds = [1]\nkey = \"settle.activation_noise\"\nlow = 0.01\nhigh = 1\n"
    "over = \"settle.noise_window\"\nvalues = [1, 4]\n\n";

/// A part of the study replaced (empty: put at the end), and what the error must say.
struct BadStudy {
  std::string part, wrong;
  Code code;
  std::vector<std::string> says;
};

std::vector<BadStudy> rows() {
  using enum Code;
  const std::string stored = "[stored]\n";
  return {
      {"order = 1\n", "order = \n", toml_syntax, {"bad.toml:3:", "not valid TOML"}},
      {"title = \"T\"\n", "", missing_key, {"bad.toml", "no key `title`"}},
      {"title = \"T\"\n", "titel = \"T\"\ntitle = \"T\"\n", unknown_key, {"bad.toml:1:1", "`titel`", "did you mean `title`"}},
      {"order = 1\n", "order = -1\n", out_of_range, {"bad.toml:3:1", "`order` = -1"}},
      {"[[run]]", "[[runs]]", unknown_key, {"bad.toml:4:", "[runs]", "did you mean `run`"}},
      {"seeds = [1]\n", "seed = [1]\nseeds = [1]\n", unknown_key, {"bad.toml:7:1", "`run.seed`", "did you mean `seeds`"}},
      {"seeds = [1]\n", "", missing_key, {"bad.toml:4:", "[run]", "seeds = [1, 2, 3]"}},
      {"seeds = [1]\n", "seeds = [1, 1]\n", seeds, {"bad.toml:7:1", "each once"}},
      {"seeds = [1]\n", "seeds = []\n", seeds, {"bad.toml:7:1", "at least one"}},
      {"seeds = [1]\n", "seeds = [1]\nset = \"train.beta=1\"\n", wrong_type, {"bad.toml:8:1", "`run.set`", "list of texts"}},
      {"seeds = [1]\n", "seeds = [1]\nset = [3]\n", wrong_type, {"bad.toml:8:8", "`run.set` = 3"}},
      {"seeds = [1]\n", "seeds = [1]\nset = [\"train.bta=1\"]\n", unknown_key, {"bad.toml:4:", "run \"one\"", "did you mean `beta`"}},
      {"seeds = [1]\n", "seeds = [1]\nset = [\"train.beta\"]\n", assignment, {"bad.toml:4:", "run \"one\"", "section.key=value"}},
      {"seeds = [1]\n", "seeds = [1]\ncosine = 1\n", wrong_type, {"bad.toml:8:1", "`run.cosine` = 1"}},
      {"seeds = [1]\n",
       "seeds = [1]\ncosine = \"ones\"\n",
       unknown_name,
       {"bad.toml:8:1", "`run.cosine` = \"ones\"", "did you mean `one`"}},
      {stored,
       "[[run]]\nname = \"more\"\nconfig = \"./good.toml\"\nseeds = [2]\ncosine = \"one\"\n" + stored,
       conflict,
       {"bad.toml:13:1", "`run.cosine` = \"one\"", "other seeds"}},
      {stored,
       "[[run]]\nname = \"more\"\nconfig = \"./good.toml\"\nset = [\"network.initial_scale=2\"]\nseeds = [1]\ncosine = \"one\"\n" + stored,
       conflict,
       {"bad.toml:14:1", "`run.cosine` = \"one\"", "another network", "[settle]"}},
      {"name = \"one\"\n", "name = \"../one\"\n", out_of_range, {"bad.toml:5:1", "`run.name` = \"../one\"", "folder"}},
      {"./good.toml", "./none.toml", missing_file, {"bad.toml:6:1", "none.toml", "folder of the study"}},
      {"./good.toml", "digit.toml", missing_file, {"bad.toml:6:1", "did you mean `digits.toml`"}},
      {stored,
       "[[run]]\nname = \"one\"\nconfig = \"./good.toml\"\nseeds = [2]\n" + stored,
       conflict,
       {"bad.toml:9:", "two runs", "\"one\""}},
      {"run = \"one\"", "run = \"ones\"", unknown_name, {"bad.toml:11:", "`figures.run` = \"ones\"", "did you mean `one`"}},
      {"\"test_error\"", "\"test_eror\"", unknown_name, {"bad.toml:11:", "did you mean `test_error`"}},
      {"values = [0.1]", "values = []", out_of_range, {"bad.toml:11:", "`figures.values`"}},
      {"values = [0.1]", "values = [nan]", out_of_range, {"bad.toml:11:", "`figures.values`"}},
      {"tolerance = 0.01", "tolerance = -1", out_of_range, {"bad.toml:11:", "`figures.tolerance` = -1"}},
      {stored, "", missing_key, {"bad.toml:10:", "without a section [stored]"}},
      {stored, "[store]\n", unknown_key, {"bad.toml:9:", "[store]", "did you mean `stored`"}},
      {"", "[[run]]\nname = \"late\"\nconfig = \"./good.toml\"\nseeds = [1]\n", conflict, {"bad.toml:13:", "after [stored]"}},
  };
}

}  // namespace

std::vector<BadCase> bad_studies() {
  using enum Code;
  const std::vector<std::string> reproduce = {"reproduce", "./bad.toml"};
  std::vector<BadCase> cases = {
      {"no study", unknown_name, {"no study \"digitz\"", "did you mean `digits`"}, {"reproduce", "digitz"}},
      {"no name of a study", usage, {"--list"}, {"reproduce"}},
      {"a study file that is not there", missing_file, {"none.toml"}, {"reproduce", "./none.toml"}},
      {"a config for a study", missing_key, {"good.toml", "no key `title`"}, {"reproduce", "./good.toml"}},
      {"nobody works", usage, {"--jobs"}, {"reproduce", "./good.toml", "--jobs", "0"}},
      {"a list and a page", usage, {"--list", "--markdown"}, {"reproduce", "--list", "--markdown"}},
  };
  const auto add = [&](const std::string& text, const BadStudy& row) {
    cases.push_back({"study with " + row.wrong + " for " + row.part, row.code, row.says, reproduce,
                     [text](const auto& folder) { write_file_text(folder / "bad.toml", text); }});
  };
  for (const BadStudy& row : rows()) add(replaced(kStudy, row.part, row.wrong), row);
  const std::vector<BadStudy> criticals = {
      {"low = 0.01", "low = 1", conflict, {"bad.toml:14:1", "`critical.low` = 1", "less than"}},
      {"low = 0.01", "low = 0", out_of_range, {"bad.toml:14:1", "`critical.low` = 0"}},
      {"values = [1, 4]", "values = [1, 1]", conflict, {"bad.toml:17:1", "each once"}},
      {"settle.noise_window", "settle.noise_windw", unknown_key, {"bad.toml:9:", "run \"two\"", "did you mean `noise_window`"}},
      {"settle.activation_noise", "settle.activation_nois", unknown_key, {"bad.toml:9:", "run \"two\"", "did you mean `activation_noise`"}},
      {"key = \"settle.activation_noise\"\n", "", missing_key, {"bad.toml:9:", "[critical]", "key = "}},
      {"name = \"two\"", "name = \"one\"", conflict, {"bad.toml:9:", "two runs"}},
  };
  for (const BadStudy& row : criticals) add(replaced(kStudy, "[stored]\n", replaced(kCritical, row.part, row.wrong) + "[stored]\n"), row);
  return cases;
}

}  // namespace eqprop::testing
