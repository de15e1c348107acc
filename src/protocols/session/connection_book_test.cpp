#include "protocols/session/connection_book.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "model/capture_policy.h"

namespace beyla::protocols::session {
namespace {

using Entry = ConnectionBook::Entry;
using State = ConnectionBook::State;

Entry entry_of(std::uint64_t id) {
  Entry entry;
  entry.id = id;
  entry.state = State::parsed;
  entry.role = model::Role::client;
  entry.slot = model::PolicySlot::kNone;
  entry.flags = ConnectionBook::kPositionsKnown;
  entry.received_end = 10;
  entry.sent_end = 20;
  return entry;
}

// What a ledger would hold of it.
class Image {
 public:
  std::size_t take(ConnectionBook& book) {
    std::size_t writes = 0;
    book.take_changes([&](std::size_t offset, std::span<const std::byte> bytes) {
      EXPECT_LE(offset + bytes.size(), ConnectionBook::region_bytes());
      if (bytes_.size() < offset + bytes.size()) bytes_.resize(offset + bytes.size());
      std::ranges::copy(bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
      ++writes;
    });
    return writes;
  }
  [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

std::vector<std::uint64_t> ids_in(const ConnectionBook& book) {
  std::vector<std::uint64_t> ids;
  for (const Entry& entry : book.entries()) {
    if (entry.state != State::free) ids.push_back(entry.id);
  }
  return ids;
}

TEST(ConnectionBook, WritesOnlyWhatHasChanged) {
  ConnectionBook book;
  Image image;
  EXPECT_EQ(image.take(book), 0U);
  const auto first = book.add();
  book.update(first, entry_of(1));
  const auto second = book.add();
  book.update(second, entry_of(2));
  EXPECT_EQ(image.take(book), 3U);  // and how many are in use
  book.update(first, entry_of(1));
  EXPECT_EQ(image.take(book), 0U);
  auto moved = entry_of(2);
  for (int i = 0; i < 5; ++i) {
    ++moved.sent_end;
    book.update(second, moved);
  }
  EXPECT_EQ(image.take(book), 1U);
  ConnectionBook successor;
  EXPECT_EQ(successor.restore(image.bytes()), 0U);
  EXPECT_EQ(ids_in(successor), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(successor.entries()[second], moved);
}

TEST(ConnectionBook, UsesFreePlacesAgain) {
  ConnectionBook book;
  Image image;
  for (std::uint64_t id = 1; id <= 3; ++id) book.update(book.add(), entry_of(id));
  book.remove(1);
  image.take(book);
  ConnectionBook successor;
  EXPECT_EQ(successor.restore(image.bytes()), 0U);
  EXPECT_EQ(successor.add(), 1U);
  EXPECT_EQ(successor.add(), 3U);
}

TEST(ConnectionBook, AllZeroIsEmpty) {
  ConnectionBook book;
  EXPECT_EQ(book.restore(std::vector<std::byte>(ConnectionBook::region_bytes())), 0U);
  EXPECT_TRUE(book.entries().empty());
}

TEST(ConnectionBook, RefusesWhatItCannotHaveWritten) {
  const std::pair<const char*, std::function<void(Entry&)>> damages[] = {
      {"state", [](Entry& e) { e.state = static_cast<State>(4); }},
      {"role", [](Entry& e) { e.role = static_cast<model::Role>(3); }},
      {"parsed without role", [](Entry& e) { e.role = model::Role::unknown; }},
      {"slot", [](Entry& e) { e.slot = model::kPolicySlots; }},
      {"same id", [](Entry& e) { e.id = 1; }},
      {"position", [](Entry& e) { e.sent_end = ~std::uint64_t{0}; }},
      {"position of the parser", [](Entry& e) { e.parser.answers = ~std::uint64_t{0}; }},
      {"position not known", [](Entry& e) { e.flags = 0; }},
      {"from start, behind it", [](Entry& e) { e.flags |= ConnectionBook::kFromStart; }},
      {"hold of nothing", [](Entry& e) { e.flags |= ConnectionBook::kHolds; }},
      {"hold of a server",
       [](Entry& e) {
         e.flags |= ConnectionBook::kHolds;
         e.held_end = e.held_sent_end = 100;
         e.role = model::Role::server;
       }},
      {"hold without end",
       [](Entry& e) {
         e.flags |= ConnectionBook::kHolds;
         e.held_end = std::uint64_t{1} << 40U;
         e.held_sent_end = 100;
       }},
  };
  for (const auto& [what, damage] : damages) {
    ConnectionBook book;
    Image image;
    for (std::uint64_t id = 1; id <= 3; ++id) book.update(book.add(), entry_of(id));
    auto damaged = entry_of(2);
    damage(damaged);
    book.update(1, damaged);
    image.take(book);
    ConnectionBook successor;
    EXPECT_EQ(successor.restore(image.bytes()), 1U) << what;
    EXPECT_EQ(ids_in(successor), (std::vector<std::uint64_t>{1, 3})) << what;
    EXPECT_EQ(successor.add(), 1U) << what;
    // It goes from the ledger, too.
    image.take(successor);
    ConnectionBook third;
    EXPECT_EQ(third.restore(image.bytes()), 0U) << what;
  }
}

TEST(ConnectionBook, BelievesNoNumberOfEntries) {
  ConnectionBook book;
  Image image;
  book.update(book.add(), entry_of(1));
  image.take(book);
  std::ranges::fill(std::span(image.bytes()).first(sizeof(std::uint64_t)), std::byte{0xff});
  ConnectionBook successor;
  EXPECT_EQ(successor.restore(image.bytes()), 0U);
  EXPECT_EQ(ids_in(successor), std::vector<std::uint64_t>{1});
  ConnectionBook cut;
  EXPECT_EQ(cut.restore(std::span(image.bytes()).first(50)), 0U);
  EXPECT_TRUE(cut.entries().empty());
}

}  // namespace
}  // namespace beyla::protocols::session
