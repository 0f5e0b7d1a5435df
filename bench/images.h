#pragma once
// The images that the benches train on: MNIST when EQPROP_DATA_DIR is set, else random strokes.
#include <cstdlib>
#include <string>

#include "base/random.h"
#include "eqprop/data/sources.h"

namespace eqprop::bench {

struct Images {
  std::string name;  ///< for the label
  Dataset train;
};

/// 19 % of the pixels on, as in MNIST; the labels mean nothing.
inline Dataset random_images(std::size_t count, std::uint32_t seed) {
  Dataset data{"random", 784, 10, {}, {}, {}};
  const RandomKey key(seed, Purpose::test);
  for (std::uint32_t i = 0; i < count; ++i) {
    Place place;
    place.sample = i;
    for (std::uint32_t f = 0; f < 784; ++f) {
      const float u = key.uniform(place, f);
      data.x.push_back(u < 0.19F ? u / 0.19F : 0.0F);
    }
    data.labels.push_back(static_cast<std::int32_t>(i % 10));
    data.ids.push_back(i);
  }
  return data;
}

/// All training images; 20 000 where they are random.
inline Images load_images(std::uint32_t seed) {
  if (const char* folder = std::getenv("EQPROP_DATA_DIR")) return {"MNIST", load_data("mnist", {{}, folder}).train};
  return {"random images", random_images(20000, seed)};
}

}  // namespace eqprop::bench
