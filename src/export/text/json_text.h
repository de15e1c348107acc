// Text from elsewhere (the network, other processes) made fit to stand in JSON. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

namespace beyla::exporters::text {

// Appends a JSON string (RFC 8259 section 7) with its quotes. Each byte that is no UTF-8 becomes
// U+FFFD. Escaped is also what RFC 8259 would allow, but a terminal obeys (DEL, U+0080 to U+009F)
// or a reader takes for the end of a line (U+0085, U+2028, U+2029).
void append_json_string(std::string& out, std::string_view raw);

}  // namespace beyla::exporters::text
