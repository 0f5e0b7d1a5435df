#pragma once
// Stable codes of everything that goes wrong: "EQ-003". A number is never used again for something else. The block decides the exit code
// of the program; `eqprop explain EQ-003` says cause and remedies.
#include <string>

namespace eqprop {

enum class Code : int {
  // 1 .. 99: command line and configuration
  usage = 1,             ///< the command line itself
  toml_syntax = 2,       ///< not TOML, or TOML that no config may hold
  unknown_key = 3,       ///< a key or section that does not exist
  missing_key = 4,       ///< a key that must be given
  wrong_type = 5,        ///< a text where a number is expected, and the like
  out_of_range = 6,      ///< a number outside its range, NaN included
  unknown_name = 7,      ///< no device, data set, price list, estimator, ... of this name
  unit = 8,              ///< a quantity with no unit, or the wrong one
  conflict = 9,          ///< two values that cannot stand together
  layers_and_data = 10,  ///< first or last layer does not fit the data
  assignment = 11,       ///< --set that is no section.key=value
  seeds = 12,            ///< --seeds that is no list
  folder_taken = 13,     ///< the run folder holds something already
  other_config = 14,     ///< resuming a run with another config
  device = 15,           ///< a device that cannot be built, trained or priced
  carve = 16,            ///< no validation or test set can be carved
  weight_window = 17,    ///< weights that no conductance window can hold
  ranks = 18,            ///< a ratio between different ranks of joules
  // 101 .. 199: files
  missing_file = 101,      ///< not there
  unreadable = 102,        ///< there, but cannot be read
  wrong_format = 103,      ///< a file of another kind
  truncated = 104,         ///< ends too early
  damaged = 105,           ///< checksum or structure broken
  other_version = 106,     ///< written by another version
  bad_cell = 107,          ///< a table cell, row or line that is not as expected
  bad_label = 108,         ///< a label outside the classes, or a class without samples
  files_disagree = 109,    ///< two files that do not belong together
  bad_price = 110,         ///< a price file that is not as expected
  missing_price = 111,     ///< an event without a price
  bad_ledger = 112,        ///< a ledger that is not as expected
  no_run = 113,            ///< no run folder
  cannot_write = 114,      ///< folder missing, not writable, disk full
  no_data = 115,           ///< a named data set that is not here
  other_data = 116,        ///< resuming a run with other data
  nothing_to_price = 117,  ///< no sample was trained yet
  not_fetched = 118,       ///< a file that could not be fetched: network, server, a transfer cut short
  missing_program = 119,   ///< a program that draws for us is not installed, or failed
  // 201 .. 299: warnings, and results below what was asked for
  lost_class = 201,          ///< outputs that no longer learn
  pulses_clipped = 202,      ///< weights do not fit into the conductance window
  changes_capped = 203,      ///< devices lag behind the rule
  some_diverged = 204,       ///< some settles diverged
  target_not_reached = 205,  ///< accuracy below [target]
  nothing_to_resume = 206,   ///< --resume without a run
  run_unfinished = 207,      ///< a run that is read before its end
  couplings_replaced = 208,  ///< gradcheck on ideal couplings
  cosine_not_reached = 209,  ///< gradcheck below [target]
  moving_feedback = 210,     ///< weights that move within a phase overtake it
  wires_not_solved = 211,    ///< conjugate gradients ended before the tolerance
  law_misses = 212,          ///< no law of a fit says what the pulses do
  no_aging = 213,            ///< eval --after of what does not change with time
  // 301 .. 399: the end of a run, and of the program
  run_diverged = 301,  ///< the weights lost their meaning
  internal = 302,      ///< a mistake of ours
  // 401 .. 499: findings of `eqprop doctor`, beside the warnings above; none ends the program
  settles_cut_short = 401,     ///< the sweep budget ended many settles
  noise_hides_contrast = 402,  ///< read noise above the difference between the phases
  units_saturated = 403,       ///< units at a bound of their activation
  units_dead = 404,            ///< units that answer the same to every sample
  devices_at_bound = 405,      ///< devices at a bound of their conductance window
  devices_stuck = 406,         ///< devices that no pulse moves
  rate_too_high = 407,         ///< weights change too much from step to step
  rate_too_low = 408,          ///< weights hardly change, or learning ended too early
  overfitting = 409,           ///< training far above validation
  adc_clips = 410,             ///< currents outside the ADC's range
  adc_hardly_used = 411,       ///< currents far below the ADC's range
  endurance_used = 412,        ///< pulses on one device near what it is rated for
  beta_below_floor = 413,      ///< a nudge that noise and converter steps hide
  beta_in_dead_zone = 414,     ///< a nudge that does not move most target outputs
  beta_too_curved = 415,       ///< a nudge beyond the linear answer of the network
};

/// "EQ-003".
inline std::string code_name(Code code) {
  const std::string digits = std::to_string(static_cast<int>(code));
  return "EQ-" + std::string(3 - digits.size(), '0') + digits;
}

}  // namespace eqprop
