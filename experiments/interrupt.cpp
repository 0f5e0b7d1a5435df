#include "experiments/interrupt.h"

#include <signal.h>
#include <unistd.h>

namespace eqprop {
namespace {

volatile sig_atomic_t signals = 0;

void on_signal(int) {
  if (signals != 0) _exit(kExitInterrupted);
  signals = 1;
}

}  // namespace

void catch_interrupts() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return signals != 0; }

}  // namespace eqprop
