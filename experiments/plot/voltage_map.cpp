#include "experiments/plot/voltage_map.h"

#include "experiments/plot/array_map.h"

namespace eqprop {

using Eigen::Index;

Figure voltage_figure(const Wires& wires, const WireState& state, const std::string& caption) {
  const Index rows = wires.word_lines(), columns = wires.bit_lines();
  Eigen::MatrixXd word(rows, columns), bit(rows, columns);
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < columns; ++j) {
      word(i, j) = state.word_volt(i, j);
      bit(i, j) = state.bit_volt(i, j);
    }
  return array_figure("voltages", "Voltages in the array", caption,
                      {{"word", "nodes of the word lines", "V", word},
                       {"bit", "nodes of the bit lines", "V", bit},
                       {"cell", "over the cells, word line minus bit line", "V", word - bit}});
}

}  // namespace eqprop
