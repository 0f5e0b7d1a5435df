#pragma once
// "did you mean": the known name nearest to a mistyped one.
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace eqprop {

/// Edits (insert, delete, replace one character) that turn a into b; O(|a| |b|).
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replace, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

/// "did you mean `x`? accepted: x, y, z"; without the question when no name is near (more than half of it would change).
inline std::string name_hint(std::string_view name, const std::vector<std::string_view>& accepted) {
  std::string list, nearest;
  std::size_t best = name.size() / 2 + 1;
  for (const std::string_view candidate : accepted) {
    list += (list.empty() ? "" : ", ") + std::string(candidate);
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return (nearest.empty() ? "" : "did you mean `" + nearest + "`? ") + "accepted: " + list;
}

}  // namespace eqprop
