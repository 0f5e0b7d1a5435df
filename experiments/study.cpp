#include "experiments/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "energy/nearest.h"
#include "experiments/fields.h"
#include "experiments/study_figures.h"

namespace eqprop {
namespace {

namespace fs = std::filesystem;

constexpr double kLargest = std::numeric_limits<double>::max();

// reads one table; a key that is missing is told with the line of its table
template <class Read>
void read_table(const TomlTable& table, Read read) {
  FieldReader reader(table.values);
  try {
    reader.section(table.name);
    read(reader);
    reader.finish();
  } catch (const InputError& error) {
    if (error.where().line > 0) throw;
    throw error.at(table.where);
  }
}

// a name is a folder, a cell of a table and a text in quotes
bool is_plain_name(const std::string& name) {
  const auto is_odd = [](char c) {
    return std::string_view("/\\|\"").find(c) != std::string_view::npos || (c >= 0 && c < 0x20) || c == 0x7F;
  };
  return !name.empty() && name.size() <= 100 && name.front() != '.' && name.front() != ' ' && name.back() != ' ' &&
         std::none_of(name.begin(), name.end(), is_odd);
}

fs::path find_config(const Places& places, const fs::path& study, const std::string& name, const Where& where) {
  const bool beside = name.find('/') != std::string::npos;
  const fs::path file = beside ? study.parent_path() / name : places.configs / name;
  std::error_code ignored;
  if (fs::is_regular_file(file, ignored)) return file;
  if (beside)
    throw InputError(Code::missing_file, where, fmt::format("no config {}", file.string()), "a path is taken from the folder of the study");
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(places.configs, ignored)) found.push_back(entry.path().filename().string());
  std::sort(found.begin(), found.end());
  throw InputError(Code::missing_file, where, fmt::format("no config \"{}\" in {}", name, places.configs.string()),
                   name_hint(name, {found.begin(), found.end()}) + "; or a path with a '/', from the folder of the study");
}

void read_base(FieldReader& reader, const TomlTable& table, const Places& places, const fs::path& study, StudyBase& base) {
  base.where = table.where;
  reader.require("name = \"...\"");
  reader.text("name", base.name);
  if (!is_plain_name(base.name))
    throw InputError(Code::out_of_range, reader.where(table.name + ".name"),
                     fmt::format("`{}.name` = \"{}\": expected a short text without / \\ | and quotes, not beginning with a dot or blank",
                                 table.name, base.name),
                     "it becomes the name of a folder");
  reader.require("config = \"digits.toml\"");
  reader.text("config", base.config_name);
  base.config = find_config(places, study, base.config_name, reader.where(table.name + ".config"));
  reader.texts("set", base.sets);
  reader.require("seeds = [1, 2, 3]");
  reader.integers("seeds", base.seeds, 0, std::numeric_limits<int>::max());
  const std::set<int> different(base.seeds.begin(), base.seeds.end());
  if (base.seeds.empty() || different.size() != base.seeds.size())
    throw InputError(Code::seeds, reader.where(table.name + ".seeds"),
                     fmt::format("`{}.seeds`: expected at least one seed, each once", table.name));
}

StudyRun read_run(const TomlTable& table, const Places& places, const fs::path& study) {
  StudyRun run;
  read_table(table, [&](FieldReader& reader) {
    read_base(reader, table, places, study, run);
    const TomlValue* cosine = table.values.find("run.cosine");
    if (cosine != nullptr && std::holds_alternative<std::string>(cosine->data)) {
      reader.text("cosine", run.cosine_at.emplace());
      run.where_cosine = cosine->where;
    } else {
      reader.flag("cosine", run.cosine);
    }
  });
  return run;
}

StudyCritical read_critical(const TomlTable& table, const Places& places, const fs::path& study) {
  StudyCritical c;
  read_table(table, [&](FieldReader& reader) {
    read_base(reader, table, places, study, c);
    reader.require("key = \"settle.activation_noise\"");
    reader.text("key", c.key);
    reader.require("low = 0.001");
    reader.number("low", c.low, {0, kLargest, true, false});
    reader.require("high = 1");
    reader.number("high", c.high, {0, kLargest, true, false});
    reader.number("limit", c.limit, {0, 1, true, true});
    reader.integer("steps", c.steps, 1, 30);
    reader.require("over = \"settle.noise_window\"");
    reader.text("over", c.over);
    reader.require("values = [1, 4, 16]");
    reader.numbers("values", c.values, {0, kLargest, true, false});
    const auto conflict = [&](const char* key, const std::string& message) {
      throw InputError(Code::conflict, reader.where("critical." + std::string(key)), message);
    };
    if (!(c.low < c.high)) conflict("low", fmt::format("`critical.low` = {}: expected less than `critical.high` = {}", c.low, c.high));
    const std::set<double> different(c.values.begin(), c.values.end());
    if (c.values.empty() || different.size() != c.values.size())
      conflict("values", "`critical.values`: expected at least one value, each once");
  });
  return c;
}

StoredFigure read_figure(const TomlTable& table, const Study& study) {
  StoredFigure out;
  out.where = table.where;
  read_table(table, [&](FieldReader& reader) {
    reader.require("run = \"...\"");
    reader.text("run", out.run);
    reader.require("figure = \"test_error\"");
    reader.text("figure", out.figure);
    reader.require("values = [0.02]");
    reader.numbers("values", out.values, {-kLargest, kLargest, false, false});
    reader.number("tolerance", out.tolerance, {0, kLargest, false, false});
    std::vector<std::string_view> names;
    for (const StudyRun& run : study.runs) names.push_back(run.name);
    for (const StudyCritical& critical : study.criticals) names.push_back(critical.name);
    if (std::find(names.begin(), names.end(), out.run) == names.end())
      throw InputError(Code::unknown_name, reader.where("figures.run"), fmt::format("`figures.run` = \"{}\": no such run", out.run),
                       name_hint(out.run, names));
    if (!is_figure(out.figure))
      throw InputError(Code::unknown_name, reader.where("figures.figure"),
                       fmt::format("`figures.figure` = \"{}\" is not known", out.figure), name_hint(out.figure, study_figure_names()));
    if (out.values.empty())
      throw InputError(Code::out_of_range, reader.where("figures.values"), "`figures.values`: expected at least one value");
  });
  return out;
}

// a table after its own place is found
void add_table(const TomlTable& table, const Places& places, Study& study) {
  if (table.name.empty()) {
    read_table(table, [&](FieldReader& reader) {
      reader.require("title = \"...\"");
      reader.text("title", study.title);
      reader.require("about = \"...\"");
      reader.text("about", study.about);
      reader.require("order = 10");
      reader.integer("order", study.order, 0, 1000000);
    });
  } else if (table.name == "run") {
    study.runs.push_back(read_run(table, places, study.file));
  } else if (table.name == "critical") {
    study.criticals.push_back(read_critical(table, places, study.file));
  } else if (table.name == "stored") {
    study.stored.emplace();
    study.stored->where = table.where;
    read_table(table, [&](FieldReader& reader) {
      reader.text("machine", study.stored->machine);
      reader.text("date", study.stored->date);
      reader.text("version", study.stored->version);
      reader.number("cpu_minutes", study.stored->cpu_minutes, {0, kLargest, false, false});
    });
  } else if (table.name == "figures") {
    if (!study.stored)
      throw InputError(Code::missing_key, table.where, "stored figures without a section [stored]", "they belong into it: figures = [..]");
    study.stored->figures.push_back(read_figure(table, study));
  } else {
    throw InputError(Code::unknown_key, table.where, "unknown section [" + table.name + "]",
                     name_hint(table.name, {"run", "critical", "stored"}));
  }
}

void check_names(const Study& study) {
  std::set<std::string> names;
  const auto add = [&](const StudyBase& base) {
    if (!names.insert(base.name).second)
      throw InputError(Code::conflict, base.where, fmt::format("two runs are named \"{}\"", base.name),
                       "every run needs a name of its own");
  };
  for (const StudyRun& run : study.runs) add(run);
  for (const StudyCritical& critical : study.criticals) add(critical);
  if (names.empty())
    throw InputError(Code::missing_key, {study.file.string()}, "a study without runs", "add [[run]] with name, config and seeds");
}

void check_cosines(const Study& study) {
  std::vector<std::string_view> names;
  for (const StudyRun& run : study.runs) names.push_back(run.name);
  for (const StudyRun& run : study.runs) {
    if (!run.cosine_at) continue;
    const auto at = std::find(names.begin(), names.end(), *run.cosine_at);
    if (at == names.end())
      throw InputError(Code::unknown_name, run.where_cosine, fmt::format("`run.cosine` = \"{}\": no such run", *run.cosine_at),
                       name_hint(*run.cosine_at, names) + "; or true, or false");
    if (study.runs[static_cast<std::size_t>(at - names.begin())].seeds != run.seeds)
      throw InputError(Code::conflict, run.where_cosine, fmt::format("`run.cosine` = \"{}\": that run has other seeds", *run.cosine_at),
                       "both need the same seeds: each is compared at the weights of its own");
  }
}

}  // namespace

std::size_t Study::trainings() const {
  std::size_t count = 0;
  for (const StudyRun& run : runs) count += run.seeds.size();
  for (const StudyCritical& c : criticals) count += c.seeds.size() * c.values.size() * static_cast<std::size_t>(c.steps);
  return count;
}

fs::path study_file(const Places& places, const std::string& name) {
  if (name.find('/') != std::string::npos || name.ends_with(".toml")) return name;
  const fs::path file = places.studies / (name + ".toml");
  std::error_code ignored;
  if (fs::is_regular_file(file, ignored)) return file;
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(places.studies, ignored))
    if (entry.path().extension() == ".toml") found.push_back(entry.path().stem().string());
  std::sort(found.begin(), found.end());
  throw InputError(Code::unknown_name, {}, "no study \"" + name + "\"",
                   name_hint(name, {found.begin(), found.end()}) + "; or the path of a .toml file");
}

Study parse_study(const Places& places, const std::string& text, const fs::path& file) {
  Study study;
  study.name = file.stem().string();
  study.file = file;
  for (const TomlTable& table : read_toml_tables(text, file.string())) {
    if (study.stored && (table.name == "run" || table.name == "critical"))
      throw InputError(Code::conflict, table.where, "[" + table.name + "] after [stored]",
                       "[stored] is the last part: it is written anew as a whole");
    add_table(table, places, study);
  }
  check_names(study);
  check_cosines(study);
  return study;
}

Study read_study(const Places& places, const fs::path& file) { return parse_study(places, read_config_text(file), file); }

std::vector<Study> all_studies(const Places& places) {
  std::vector<Study> studies;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(places.studies, ignored))
    if (entry.path().extension() == ".toml") studies.push_back(read_study(places, entry.path()));
  std::sort(studies.begin(), studies.end(),
            [](const Study& a, const Study& b) { return std::tie(a.order, a.name) < std::tie(b.order, b.name); });
  return studies;
}

}  // namespace eqprop
