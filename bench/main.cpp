// main() of every benchmark program: the limits of this machine are measured in the same process and stand in the context of the output.
#include <benchmark/benchmark.h>

#include <string>

#include "bench/peak.h"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  using namespace eqprop::bench;
  constexpr std::size_t kNear = std::size_t{1} << 20, kFar = std::size_t{256} << 20;
  benchmark::AddCustomContext("fma_peak_flops", std::to_string(peak_flops()));
  benchmark::AddCustomContext("near_read_bytes_per_second", std::to_string(read_bandwidth(kNear)));
  benchmark::AddCustomContext("near_update_bytes_per_second", std::to_string(update_bandwidth(kNear)));
  benchmark::AddCustomContext("memory_read_bytes_per_second", std::to_string(read_bandwidth(kFar)));
  benchmark::AddCustomContext("memory_update_bytes_per_second", std::to_string(update_bandwidth(kFar)));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
