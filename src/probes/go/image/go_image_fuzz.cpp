// Input: a byte that says what the rest is. Even: an ELF file as it is. Odd: which layout, and
// changes (where, what) to a small valid image of it, so that each table is reached by a few bytes.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "base/byte_reader.h"
#include "probes/go/image/go_image.h"
#include "probes/go/image/synthetic/image_plan.h"

namespace {

using namespace beyla::probes::go;

constexpr std::size_t kMaxImageBytes = 16 * 1024;

void require(bool holds) {
  if (!holds) std::abort();
}

void require_functions(const GoImage& image, std::size_t file_bytes) {
  constexpr std::string_view kNames[] = {"runtime.goexit1",
                                         "net/http.serverHandler.ServeHTTP",
                                         "golang.org/x/net/http2.(*serverConn).runHandler",
                                         "main.main",
                                         "f",
                                         ""};
  const auto functions = image.find_functions(kNames);
  require(functions.size() == std::size(kNames));
  for (const auto& function : functions) {
    if (!function) continue;
    require(function->bytes > 0 && function->file_offset <= file_bytes &&
            function->bytes <= file_bytes - function->file_offset);
    require(image.code(*function).size() == function->bytes);
  }
}

void require_fields(const GoImage& image) {
  constexpr WantedField kFields[] = {
      {"net/http.Request", "Method"},
      {"net/http.Request", "URL"},
      {"net/http.Request", "none"},
      {"net/url.URL", "Path"},
      {"net.TCPConn", "conn.fd"},
      {"net.netFD", "self.self.self.self.id"},
      {"k8s.io/api/core/v1.Pod", ""},
      {"github.com/labstack/echo/v4.Echo", "router"},
      {"", ""},
      {".", "."},
      {"net.netFD",
       "self.self.self.self.self.self.self.self.self.self.self.self.self.self.self.id"}};
  const auto fields = image.find_fields(kFields);
  require(fields.size() == std::size(kFields));
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (!fields[i]) continue;
    const std::array<std::string_view, 1> name = {kFields[i].type};
    const auto type = image.find_types(name).front();
    require(type.has_value());
    require(kFields[i].path.contains('.') || fields[i]->offset + fields[i]->bytes <= type->bytes);
  }
}

void read(std::span<const std::byte> file) {
  const auto image = GoImage::read(file.first(std::min(file.size(), kMaxImageBytes)));
  if (!image) {
    require(!refusal_name(image.error()).empty());
    return;
  }
  require(image->version() >= kOldestGo);
  require_functions(*image, file.size());
  require_fields(*image);
}

struct Layout {
  unsigned minor = 0;
  bool position_independent = false;
  bool with_sections = false;
};
constexpr Layout kLayouts[] = {{17, false, true}, {17, true, true},   {18, false, true},
                               {19, true, false}, {20, true, true},   {20, false, false},
                               {26, false, true}, {26, false, false}, {26, true, true}};

const std::vector<std::vector<std::byte>>& valid_images() {
  static const auto images = [] {
    std::vector<std::vector<std::byte>> built;
    for (const Layout& layout : kLayouts) {
      auto plan = plan_of_everything(layout.minor);
      plan.position_independent = layout.position_independent;
      plan.with_sections = layout.with_sections;
      built.push_back(build_image(plan));
      require(GoImage::read(built.back()).has_value());
    }
    return built;
  }();
  return images;
}

void read_changed(std::span<const std::byte> input) {
  beyla::base::ByteReader reader(input);
  const auto layout = reader.read_u8();
  if (!layout) return;
  auto image = valid_images()[*layout % std::size(kLayouts)];
  while (const auto at = reader.read_struct<std::uint16_t>()) {
    const auto count = reader.read_u8();
    const auto change = count ? reader.read_bytes(*count % 9) : std::nullopt;
    if (!change) break;
    const std::size_t begin = *at % image.size();
    std::copy_n(change->begin(), std::min(change->size(), image.size() - begin),
                image.begin() + static_cast<std::ptrdiff_t>(begin));
  }
  read(image);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto input = std::as_bytes(std::span(data, size)).subspan(1);
  if (data[0] % 2 == 0) {
    read(input);
  } else {
    read_changed(input);
  }
  return 0;
}
