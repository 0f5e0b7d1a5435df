#pragma once
// The config of arrays that are written and read, not trained.
#include "experiments/config.h"

namespace eqprop {

/// As parse_config, but the device may be of kind verify_only: known as written by write-verify alone, without a pulse law to train by.
Config parse_write_config(const std::string& text, const std::string& file, const Overrides& overrides = {});

}  // namespace eqprop
