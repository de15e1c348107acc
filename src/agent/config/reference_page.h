// The Markdown page that lists every setting, made from the setting table: docs/configuration.md.
// Out: the whole page, ending in a newline. Pure; any thread; no errors.
#pragma once

#include <string>

namespace beyla::agent::config {

[[nodiscard]] std::string reference_page();

}  // namespace beyla::agent::config
