#include "capture/target_messages.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace beyla::capture {
namespace {

struct Keep final : model::TargetSink {
  std::vector<std::string> seen;
  void on_selected(const model::TargetProcess& target, base::BootTime time) override {
    add("selected " + target.service.name, target.key, time);
  }
  void on_rejected(const model::ProcessKey& key, base::BootTime time) override {
    add("rejected", key, time);
  }
  void on_exited(const model::ProcessKey& key, base::BootTime time) override {
    add("exited", key, time);
  }
  void add(const std::string& what, const model::ProcessKey& key, base::BootTime time) {
    seen.push_back(what + ' ' + std::to_string(key.pid) + '/' +
                   std::to_string(key.exec_generation) + '/' + std::to_string(key.start_ns) +
                   " at " + std::to_string(time.time_since_epoch().count()));
  }
};

constexpr model::ProcessKey kKey{7, 2, 1000};
constexpr base::BootTime kTime{std::chrono::nanoseconds(5)};

bool decode(const abi::target_message& message, Keep& keep) {
  return decode_target_message(std::as_bytes(std::span(&message, 1)), keep);
}

TEST(TargetMessages, EachChangeComesBackAsItWas) {
  Keep keep;
  EXPECT_TRUE(decode(make_target_message(abi::kTargetSelected, kKey, kTime, "shop"), keep));
  EXPECT_TRUE(decode(make_target_message(abi::kTargetRejected, kKey, kTime, ""), keep));
  EXPECT_TRUE(decode(make_target_message(abi::kTargetExited, kKey, kTime, ""), keep));
  EXPECT_EQ(keep.seen,
            (std::vector<std::string>{"selected shop 7/2/1000 at 5", "rejected 7/2/1000 at 5",
                                      "exited 7/2/1000 at 5"}));
}

TEST(TargetMessages, LongNamesAreCut) {
  Keep keep;
  const std::string name(1000, 'n');
  EXPECT_TRUE(decode(make_target_message(abi::kTargetSelected, kKey, kTime, name), keep));
  EXPECT_EQ(keep.seen.at(0),
            "selected " + name.substr(0, abi::kServiceNameBytes - 1) + " 7/2/1000 at 5");
}

TEST(TargetMessages, NamesWithoutAnEndAreReadToTheirField) {
  Keep keep;
  auto message = make_target_message(abi::kTargetSelected, kKey, kTime, "");
  std::ranges::fill(message.service_name, std::uint8_t{'n'});
  EXPECT_TRUE(decode(message, keep));
  EXPECT_EQ(keep.seen.at(0),
            "selected " + std::string(abi::kServiceNameBytes, 'n') + " 7/2/1000 at 5");
}

TEST(TargetMessages, OthersAreRefused) {
  Keep keep;
  const auto good = make_target_message(abi::kTargetExited, kKey, kTime, "");
  EXPECT_FALSE(decode_target_message(std::as_bytes(std::span(&good, 1)).first(100), keep));
  auto other_version = good;
  ++other_version.version;
  EXPECT_FALSE(decode(other_version, keep));
  auto other_change = good;
  other_change.change = 99;
  EXPECT_FALSE(decode(other_change, keep));
  auto other_time = good;
  other_time.time_ns = ~std::uint64_t{0};
  EXPECT_FALSE(decode(other_time, keep));
  EXPECT_TRUE(keep.seen.empty());
}

}  // namespace
}  // namespace beyla::capture
