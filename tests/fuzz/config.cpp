// TOML configs: what is accepted is written and read back the same. Input: the file, then --set assignments, each after a zero byte.
#include "experiments/config.h"

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eqprop;
  using fuzz::expect;
  std::string text(fuzz::text_of({data, size}));
  Overrides overrides;
  for (std::size_t zero; (zero = text.rfind('\0')) != std::string::npos && overrides.sets.size() < 8; text.resize(zero))
    overrides.sets.insert(overrides.sets.begin(), text.substr(zero + 1));
  const auto config = fuzz::accepted([&] { return parse_config(text, "fuzz.toml", overrides); });
  if (!config) return 0;
  const std::string written = config_text(*config);
  const auto again = fuzz::accepted([&] { return parse_config(written, "written.toml"); });
  expect(again.has_value(), "a resolved config can be read");
  expect(config_identity(*again) == config_identity(*config), "a resolved config is the same config");
  expect(config_text(*again) == written, "a resolved config is written as it was read");
  return 0;
}
