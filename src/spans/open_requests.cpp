#include "spans/open_requests.h"

#include <utility>

namespace beyla::spans {

model::RequestId OpenRequests::add() {
  std::uint32_t index = 0;
  if (!free_.empty()) {
    index = free_.back();
    free_.pop_back();
  } else if (requests_.size() < kMaxRequests) {
    index = static_cast<std::uint32_t>(requests_.size());
    requests_.emplace_back();
  } else {
    return 0;
  }
  ++requests_[index].generation;
  return id_of(index);
}

OpenRequest* OpenRequests::find(model::RequestId id) {
  const std::uint32_t index = index_of(id);
  if (id == 0 || index >= requests_.size()) return nullptr;
  const bool is_it = id_of(index) == id && requests_[index].generation % 2 == 1;
  return is_it ? &requests_[index] : nullptr;
}

void OpenRequests::remove(model::RequestId id) {
  OpenRequest* request = find(id);
  if (request == nullptr) return;
  const std::uint64_t generation = request->generation + 1;
  std::string route = std::move(request->route);
  route.clear();
  *request = {};
  request->generation = generation;
  request->route = std::move(route);  // its memory is used again
  free_.push_back(index_of(id));
}

}  // namespace beyla::spans
