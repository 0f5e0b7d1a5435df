// crossbar export RUN: the arrays of a run as they are now, a file per tile, for other programs.
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/parallel.h"
#include "crossbar/wires/spice.h"
#include "energy/nearest.h"
#include "eqprop/data/checkpoint.h"
#include "eqprop/data/matrix_csv.h"
#include "eqprop/data/npy.h"
#include "experiments/commands.h"
#include "experiments/crossbar_commands.h"
#include "experiments/crossbar_run.h"
#include "experiments/experiment.h"
#include "experiments/talk.h"

namespace eqprop {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kIndexFormat = "eqprop arrays 1";

struct ExportArguments {
  std::string run, format, out;
  WireArguments wires;
  std::uint32_t sample = 0;
  int threads = hardware_threads();
};

struct NamedFile {
  std::string name, content;
};

void check_format(const std::string& format) {
  if (format != "spice" && format != "csv" && format != "npy")
    throw InputError(Code::unknown_name, {"--format " + format}, "no format of this name", name_hint(format, {"spice", "csv", "npy"}));
}

// a folder of our own, or one that holds nothing
void check_folder_free(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::exists(folder, ignored)) return;
  if (!fs::is_directory(folder, ignored))
    throw InputError(Code::folder_taken, {folder.string()}, "this is a file, not a folder", "choose another --out");
  if (fs::is_empty(folder, ignored)) return;
  std::ifstream index(folder / "index.json");
  std::string text(200, '\0');
  index.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (text.find(kIndexFormat) == std::string::npos)
    throw InputError(Code::folder_taken, {folder.string()}, "this folder is not empty and holds no export of arrays",
                     "choose another --out");
}

void make_folder(const fs::path& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed)
    throw InputError(Code::cannot_write, {folder.string()}, "cannot make this folder: " + failed.message(), "choose another --out");
}

// "word lines 1..65, the last is the bias; outputs 1..128 as bit lines 1..256, G+ and G- of each side by side"
std::string lines_text(const TileCircuit& tile) {
  return fmt::format("word lines: inputs {}..{}{}; bit lines: G+ and G- of outputs {}..{} side by side", tile.first_line + 1,
                     tile.first_line + tile.siemens.rows() - (tile.has_bias ? 1 : 0), tile.has_bias ? " and the bias" : "",
                     tile.first_output + 1, tile.first_output + tile.outputs());
}

// cells first
std::vector<NamedFile> files_of(const TileCircuit& tile, const std::string& format, std::uint32_t sample) {
  std::string part = tile.part.empty() ? "" : tile.part + "-";
  std::erase(part, ' ');
  const std::string stem = fmt::format("layer{}-{}tile{}", tile.layer_number, part, tile.tile);
  const std::string what = fmt::format("{}; {}", tile.name(), lines_text(tile));
  if (format == "spice")
    return {{stem + ".cir", spice_netlist(tile.siemens, tile.forward_wires, Direction::forward, tile.forward_volt,
                                          fmt::format("{}; validation sample {}", what, sample))}};
  if (format == "npy") return {{stem + ".npy", npy(tile.siemens)}, {stem + "-volt.npy", npy(tile.forward_volt)}};
  return {{stem + ".csv", fmt::format("# siemens; {}\n", what) + matrix_csv(tile.siemens)},
          {stem + "-volt.csv", fmt::format("# volts of validation sample {}; {}\n", sample, what) + matrix_csv(tile.forward_volt)}};
}

Json wires_json(const WireOptions& wires) {
  return {{"segment_ohm", wires.segment_ohm},
          {"driver_ohm", wires.driver_ohm},
          {"sense_ohm", wires.sense_ohm},
          {"double_sided", wires.double_sided}};
}

Json tile_json(const TileCircuit& tile, const std::vector<NamedFile>& files) {
  Json json = {{"layer", tile.layer_number},
               {"name", tile.layer},
               {"part", nullptr},
               {"tile", tile.tile},
               {"file", files.front().name},
               {"volt_file", nullptr},
               {"word_lines", tile.siemens.rows()},
               {"bit_lines", tile.siemens.cols()},
               {"first_input", tile.first_line + 1},
               {"has_bias", tile.has_bias},
               {"first_output", tile.first_output + 1},
               {"outputs", tile.outputs()},
               {"siemens_per_weight", tile.siemens_per_weight},
               {"volt_per_unit", tile.volt_per_unit}};
  if (!tile.part.empty()) json["part"] = tile.part;
  if (files.size() > 1) json["volt_file"] = files.back().name;
  return json;
}

int export_arrays(const ExportArguments& arguments) {
  check_format(arguments.format);
  const fs::path run = arguments.run;
  const fs::path out = arguments.out.empty() ? run / "arrays" / arguments.format : fs::path(arguments.out);
  const RunArrays arrays = read_run_arrays(
      run, [&](const WireOptions& wires) { return arguments.wires.given(wires); }, arguments.threads,
      [&](std::size_t samples) -> std::vector<std::uint32_t> {
        if (arguments.sample >= samples)
          throw InputError(Code::out_of_range, {fmt::format("--sample {}", arguments.sample), 0, 0},
                           fmt::format("the validation set has {} samples", samples), "they count from 0");
        return {arguments.sample};
      });
  check_folder_free(out);

  Json index = {{"format", kIndexFormat},
                {"version", program_version()},
                {"files", arguments.format},
                {"seed", arrays.config.seed},
                {"epochs", arrays.epochs_done},
                {"device", arrays.config.device_preset.name},
                {"sample", arguments.sample},
                {"rows", "word lines: inputs, and the bias as the last of all"},
                {"columns", "bit lines: G+ and G- of each output side by side"},
                {"weight", arrays.config.crossbar.slices.any() ? "sum over slices of (G+ - G-) / siemens_per_weight"
                                                               : "(G+ - G-) / siemens_per_weight"},
                {"wires", wires_json(arrays.tiles.front().forward_wires)},
                {"backward_wires", wires_json(arrays.tiles.front().backward_wires)},
                {"wires_of_run", arrays.wires_of_run},
                {"tiles", Json::array()}};
  make_folder(out);
  for (const TileCircuit& tile : arrays.tiles) {
    const std::vector<NamedFile> files = files_of(tile, arguments.format, arguments.sample);
    for (const NamedFile& file : files) write_text_atomic(out / file.name, file.content);
    index["tiles"].push_back(tile_json(tile, files));
  }
  write_text_atomic(out / "index.json", index.dump(2) + "\n");
  say("{} tile{} of {} after {} epochs, {}; {:g} ohm a segment", arrays.tiles.size(), arrays.tiles.size() == 1 ? "" : "s", arguments.run,
      arrays.epochs_done, arguments.format, arrays.tiles.front().forward_wires.segment_ohm);
  if (arguments.format == "spice")
    say("  each runs as it is: ngspice -b {}", (out / index["tiles"][0]["file"].get<std::string>()).string());
  std::puts((out / "index.json").c_str());
  return kExitDone;
}

}  // namespace

void add_crossbar_export(CLI::App& crossbar, int& exit_code) {
  auto given = std::make_shared<ExportArguments>();
  auto* sub = crossbar.add_subcommand("export", "the arrays of a run as they are now, for other programs: a file per tile and an index");
  sub->add_option("RUN", given->run, "run folder of `eqprop train`")->required();
  sub->add_option("--format", given->format,
                  "spice: netlists that ngspice runs; csv: tables of siemens and volts for `crossbar solve`; npy: the same for NumPy")
      ->required()
      ->type_name("spice|csv|npy");
  sub->add_option("--out", given->out, "folder for the files; default RUN/arrays/FORMAT");
  sub->add_option("--sample", given->sample, "validation sample whose voltages drive the word lines, from 0")->capture_default_str();
  given->wires.add_to(*sub);
  sub->add_option("--threads", given->threads, "threads; never changes results")->check(CLI::Range(1, 1024))->capture_default_str();
  sub->footer("Ohms that are not given are those of the run, or 1 ohm a segment and none at the ends where its reads pass no wires.");
  sub->callback([given, &exit_code] { exit_code = export_arrays(*given); });
}

}  // namespace eqprop
