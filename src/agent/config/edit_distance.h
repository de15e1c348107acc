// Levenshtein distance between two words: how many single-character edits turn one into the other.
// Pure function; any thread; no errors. Cost is a.size() * b.size(): the caller bounds the lengths.
#pragma once

#include <cstddef>
#include <string_view>

namespace beyla::agent::config {

[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace beyla::agent::config
