// Files of devices: what is accepted is written and read back the same.
#include "experiments/device_file.h"

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace eqprop;
  const std::string text(fuzz::text_of({data, size}));
  const auto device = fuzz::accepted([&] { return parse_device(text, "fuzz.toml"); });
  if (!device) return 0;
  fuzz::expect(device->G_max > device->G_min, "the bounds of an accepted device are in order");
  const std::string written = device_text(*device);
  const auto again = fuzz::accepted([&] { return parse_device(written, "written.toml"); });
  fuzz::expect(again.has_value(), "a written device can be read");
  fuzz::expect(device_text(*again) == written, "a device is written as it was read");
  return 0;
}
