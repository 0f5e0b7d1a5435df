#pragma once
// Every key of a config with its meaning: `eqprop keys`, and the tables of docs/formats.md.
#include <map>
#include <string>
#include <vector>

#include "experiments/field_lister.h"

namespace eqprop {

/// Every key that a config may have, in the order of config_text (config.cpp).
std::vector<ConfigKey> config_keys();
/// "train.beta" -> what it does, in words.
const std::map<std::string, std::string>& key_meanings();
/// One table per section.
std::string keys_markdown();

}  // namespace eqprop
