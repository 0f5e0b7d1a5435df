// A user's program in a project that has eqprop as a folder.
#include "base/random.h"

int main() {
  const float u = eqprop::RandomKey(1, eqprop::Purpose::test).uniform({}, 0);
  return u > 0 && u < 1 ? 0 : 1;
}
