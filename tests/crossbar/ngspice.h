#pragma once
// Runs ngspice, a circuit simulator of other people, where it is installed.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/catch.h"

namespace eqprop {

inline bool ngspice_is_here() {
  if (std::system("ngspice --version > /dev/null 2>&1") == 0) return true;
  WARN("not compared with ngspice, which is not installed: apt install ngspice");
  return false;
}

/// What ngspice prints for a netlist.
inline std::string ngspice(const std::string& netlist) {
  std::string folder = (std::filesystem::temp_directory_path() / "eqprop-spice-XXXXXX").string();
  REQUIRE(mkdtemp(folder.data()) != nullptr);
  const std::filesystem::path in = std::filesystem::path(folder) / "circuit.cir", out = std::filesystem::path(folder) / "printed";
  std::ofstream(in) << netlist;
  const int status = std::system(("ngspice -n -b " + in.string() + " > " + out.string() + " 2>&1 < /dev/null").c_str());
  std::ifstream printed(out);
  std::string text{std::istreambuf_iterator<char>(printed), {}};
  std::filesystem::remove_all(folder);
  INFO(text.substr(0, 400));
  REQUIRE(status == 0);
  return text;
}

}  // namespace eqprop
