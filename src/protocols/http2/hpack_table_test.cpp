#include "protocols/http2/hpack_table.h"

#include <gtest/gtest.h>

#include <string>

#include "protocols/http2/hpack_decoder.h"

namespace beyla::protocols::http2 {
namespace {

TableField field(std::string_view name, std::string_view value) {
  TableField made;
  made.field.name = name;
  made.field.value = value;
  made.wanted = true;
  return made;
}

// "?" where it is not known.
std::string value_at(HpackTable& table, std::uint32_t age) {
  TableField found;
  if (!table.find(age, found)) return "none";
  return std::string(found.field.value.value_or("?"));
}

void insert_numbers(HpackTable& table, int from, int to) {
  for (int i = from; i < to; ++i) table.insert(field("name", std::to_string(i)));
}

TEST(HpackTable, CountsFromTheNewest) {
  HpackTable table;
  insert_numbers(table, 0, 3);
  EXPECT_EQ(value_at(table, 0), "2");
  EXPECT_EQ(value_at(table, 2), "0");
  EXPECT_EQ(value_at(table, 3), "none");
}

TEST(HpackTable, HoldsWhatTheDefaultSizeHolds) {
  HpackTable table;
  insert_numbers(table, 100, 1100);
  // 32 + 4 + 3 bytes each, the last 100 with one more: 102 of them.
  EXPECT_EQ(value_at(table, 101), "998");
  EXPECT_EQ(value_at(table, 102), "none");
}

TEST(HpackTable, AnEntryThatIsNamedAfterWeDroppedItShowsALargerTable) {
  HpackTable table;
  insert_numbers(table, 1000, 1400);
  EXPECT_EQ(value_at(table, 200), "none");
  insert_numbers(table, 1400, 1800);
  EXPECT_EQ(value_at(table, 200), "1599");
}

TEST(HpackTable, KeepsNoMoreThanItMay) {
  constexpr int kDefaultEntries = 102;  // as above
  HpackTable table;
  table.set_max_bytes(kDefaultTableBytes);
  table.resize(kMaxTableBytes);
  insert_numbers(table, 100, 1100);
  EXPECT_EQ(value_at(table, kDefaultEntries - 1), "998");
  EXPECT_EQ(value_at(table, kDefaultEntries), "none");
  insert_numbers(table, 2000, 3000);  // 40 bytes each; that it was named does not make it larger
  EXPECT_EQ(value_at(table, kDefaultEntries - 1), "2898");
  EXPECT_EQ(value_at(table, kDefaultEntries), "none");

  table.resize(kMaxTableBytes);  // takes nothing from the encoder's
  table.set_max_bytes(kMaxTableBytes);
  EXPECT_EQ(value_at(table, kDefaultEntries), "none");  // which shows that the encoder has more
  insert_numbers(table, 3000, 4000);
  EXPECT_EQ(value_at(table, 2 * kDefaultEntries - 1), "3796");
  table.set_max_bytes(kDefaultTableBytes);
  EXPECT_EQ(value_at(table, kDefaultEntries), "none");
  EXPECT_EQ(value_at(table, kDefaultEntries - 1), "3898");
}

TEST(HpackTable, AnEntryThatWasNeverInsertedShowsNothing) {
  HpackTable table;
  insert_numbers(table, 1000, 1400);
  EXPECT_EQ(value_at(table, 400), "none");
  insert_numbers(table, 1400, 1800);
  EXPECT_EQ(value_at(table, 200), "none");
}

TEST(HpackTable, MemoryHasALimitWhateverSizeIsTold) {
  HpackTable table;
  table.resize(0xFFFFFFFF);
  insert_numbers(table, 100'000, 200'000);
  EXPECT_EQ(value_at(table, 389), "199610");  // 32 + 4 + 6 bytes each in 16 KiB
  EXPECT_EQ(value_at(table, 390), "none");
  EXPECT_LE(table.memory_bytes(), kMaxHpackMemoryBytes);
  const std::string large(6000, 'x');
  for (int i = 0; i < 100; ++i) table.insert(field(large, large));
  EXPECT_EQ(value_at(table, 0), large);
  EXPECT_EQ(value_at(table, 1), "none");
  EXPECT_LE(table.memory_bytes(), kMaxHpackMemoryBytes);
}

TEST(HpackTable, SmallerSizesEvict) {
  HpackTable table;
  insert_numbers(table, 0, 5);
  table.resize(3 * (32 + 5));
  EXPECT_EQ(value_at(table, 2), "2");
  EXPECT_EQ(value_at(table, 3), "none");
  table.resize(0);
  EXPECT_EQ(value_at(table, 0), "none");
  table.resize(4096);
  insert_numbers(table, 5, 6);
  EXPECT_EQ(value_at(table, 0), "5");
}

TEST(HpackTable, WhatASizeEvictedShowsNoLargerTable) {
  HpackTable table;
  insert_numbers(table, 0, 5);
  table.resize(3 * (32 + 5));
  EXPECT_EQ(value_at(table, 3), "none");
  insert_numbers(table, 5, 9);
  EXPECT_EQ(value_at(table, 2), "6");
  EXPECT_EQ(value_at(table, 3), "none");
}

// Its place counts if the encoder's table is larger than we know.
TEST(HpackTable, WhatIsLargerThanTheTableStandsThereUnknown) {
  HpackTable table;
  table.insert(field("name", std::string(5000, 'x')));
  insert_numbers(table, 0, 1);
  EXPECT_EQ(value_at(table, 0), "0");
  EXPECT_EQ(value_at(table, 1), "?");
}

TEST(HpackTable, ForgetsAll) {
  HpackTable table;
  insert_numbers(table, 0, 5);
  table.resize(0);
  table.forget();
  EXPECT_EQ(value_at(table, 0), "none");
  insert_numbers(table, 5, 7);
  EXPECT_EQ(value_at(table, 1), "5");  // the size may have changed where we did not see
}

TEST(HpackTable, StaticNamesTakeNoMemory) {
  HpackTable table;
  TableField path;
  path.field.name = ":path";
  path.static_name = 4;
  table.insert(path);
  TableField found;
  ASSERT_TRUE(table.find(0, found));
  EXPECT_EQ(found.field.name, ":path");
  EXPECT_EQ(found.field.value, std::nullopt);
  EXPECT_LE(table.memory_bytes(), sizeof(table) + 8 * 12);
}

}  // namespace
}  // namespace beyla::protocols::http2
