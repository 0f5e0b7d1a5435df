#pragma once
// A study: trainings whose results are stored beside their description, in one file experiments/study/NAME.toml (docs/formats.md).
//   [[run]] trains a config for every seed; [[critical]] looks for the largest value of a key that a network still learns with.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "experiments/places.h"

namespace eqprop {

/// What is trained: a config with changes, once per seed.
struct StudyBase {
  std::string name;               ///< the folder's name
  std::string config_name;        ///< as written
  std::filesystem::path config;   ///< found
  std::vector<std::string> sets;  ///< "section.key=value"
  std::vector<int> seeds;
  Where where;
};

struct StudyRun : StudyBase {
  bool cosine = false;                   ///< compare the gradient at the trained weights with the exact one
  std::optional<std::string> cosine_at;  ///< a run at whose weights this run's estimate is compared with the same estimate settled fully
  Where where_cosine;
};

/// For every value of `over`: the largest `key` at which the mean test error stays below `limit`, by bisection in logarithms.
struct StudyCritical : StudyBase {
  std::string key;             ///< "settle.activation_noise"
  double low = 0, high = 0;    ///< taken to be good and bad
  double limit = 0.5;          ///< test error, fraction
  int steps = 6;               ///< bisections
  std::string over;            ///< "settle.noise_window"
  std::vector<double> values;  ///< of `over`
};

struct StoredFigure {
  std::string run;                  ///< name of a run or of a critical search
  std::string figure;               ///< a name of study_figures.h
  std::vector<double> values;       ///< one per seed that has it
  std::optional<double> tolerance;  ///< of the mean; absent: reported, never compared
  Where where;
};

struct Stored {
  std::string machine, date, version;
  double cpu_minutes = 0;
  std::vector<StoredFigure> figures;
  Where where;
};

struct Study {
  std::string name;
  std::filesystem::path file;
  std::string title, about;
  int order = 0;
  std::vector<StudyRun> runs;
  std::vector<StudyCritical> criticals;
  std::optional<Stored> stored;
  /// Trainings of all seeds; a critical search counts as all its bisections.
  std::size_t trainings() const;
};

/// The file of a study: a name as in experiments/study, or a path when it has a '/' or ends in .toml. Throws InputError(unknown_name).
std::filesystem::path study_file(const Places& places, const std::string& name);

/// Throws InputError with file:line:column for what is no study: unknown keys and names, a config that is not there, a name twice, a cosine
/// at an unknown run or one of other seeds, stored figures of an unknown run, [stored] that is not the last part.
Study read_study(const Places& places, const std::filesystem::path& file);
/// The same from text; a config with a '/' is looked for beside `file`.
Study parse_study(const Places& places, const std::string& text, const std::filesystem::path& file);

/// All studies that the program brings along, by their order, then by name.
std::vector<Study> all_studies(const Places& places);

}  // namespace eqprop
