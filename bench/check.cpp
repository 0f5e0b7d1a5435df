// Compares benchmark results with the demanded rates of floors.json. A floor was set on one machine: here it is scaled by what this machine
// can do at most, measured in the benchmark's own process, over what that one could. Exit code 1 when a rate lies below its floor, 2 when
// a file is not as expected.
//   bench_check FLOORS.json RESULTS.json...
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

namespace {

using Json = nlohmann::json;

Json read(const char* path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error(std::string(path) + ": cannot be read");
  try {
    return Json::parse(in);
  } catch (const Json::exception& error) {
    throw std::runtime_error(std::string(path) + ": " + error.what());
  }
}

struct Measured {
  double rate = 0;
  const Json* context = nullptr;
  double limit(const std::string& name) const { return std::stod(context->at(name).get<std::string>()); }
};

// the median of a benchmark's counter, with the context of its process
Measured find(const std::vector<Json>& results, const std::string& name, const std::string& counter) {
  for (const Json& result : results)
    for (const Json& run : result.at("benchmarks")) {
      if (run.value("run_name", "") != name) continue;
      if (run.value("error_occurred", false)) throw std::runtime_error(name + ": " + run.value("error_message", "failed"));
      if (run.value("aggregate_name", "") == "median") return {run.at(counter).get<double>(), &result.at("context")};
    }
  throw std::runtime_error("no result of " + name + ": run its program with --benchmark_repetitions and --benchmark_out");
}

int check(const char* floors_path, const std::vector<Json>& results) {
  const Json floors = read(floors_path);
  bool reached = true;
  fmt::print("{:<60} {:>11} {:>11} {:>7} {:>12} {:>7}\n", "benchmark", "measured", "floor here", "ratio", "of FMA peak", "scale");
  for (const Json& floor : floors.at("floors")) {
    const std::string name = floor.at("benchmark");
    const Measured here = find(results, name, floor.at("counter"));
    double scale = 1e300;
    for (const std::string limit : floor.at("limits"))
      scale = std::min(scale, here.limit(limit) / floors.at("reference").at(limit).get<double>());
    const double demanded = floor.at("at_least").get<double>() * scale;
    const double ratio = here.rate / demanded;
    const std::string share =
        floor.contains("flop") ? fmt::format("{:.2f}", here.rate * floor["flop"].get<double>() / here.limit("fma_peak_flops")) : "";
    fmt::print("{:<60} {:>11.4g} {:>11.4g} {:>7.2f} {:>12} {:>7.2f}{}\n", name, here.rate, demanded, ratio, share, scale,
               ratio >= 1 ? "" : "  BELOW");
    reached = reached && ratio >= 1;
  }
  return reached ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 3) throw std::runtime_error("usage: bench_check FLOORS.json RESULTS.json...");
    std::vector<Json> results;
    for (int i = 2; i < argc; ++i) results.push_back(read(argv[i]));
    return check(argv[1], results);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_check: {}\n", error.what());
    return 2;
  }
}
