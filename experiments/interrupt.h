#pragma once
// Ctrl-C and SIGTERM: the first asks the run to stop after the step under way, the second ends the program at once.

namespace eqprop {

inline constexpr int kExitInterrupted = 130;

void catch_interrupts();
/// True once a signal has come.
bool interrupted();

}  // namespace eqprop
