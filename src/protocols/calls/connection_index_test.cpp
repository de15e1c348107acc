#include "protocols/calls/connection_index.h"

#include <gtest/gtest.h>

#include "protocols/calls/made_calls.h"

namespace beyla::protocols::calls {
namespace {

using model::Role;

constexpr model::ProcessKey kOther{42, 1, 2000};

TEST(ConnectionIndex, FindsTheConnectionOfTheSameProcess) {
  ConnectionIndex index;
  index.add(made_connection(1, Role::server, 80, 5000), kGoProcess);
  index.add(made_connection(2, Role::server, 90, 5000), kOther);
  const auto client = made_connection(0, Role::server, 0, 5000).remote;
  ASSERT_NE(index.find_served(kGoProcess, client), nullptr);
  EXPECT_EQ(index.find_served(kGoProcess, client)->local.port, 80);
  EXPECT_EQ(index.find_served(kOther, client)->local.port, 90);
  EXPECT_EQ(index.find_served({43, 1, 1}, client), nullptr);
  EXPECT_EQ(index.find_served(kGoProcess, made_connection(0, Role::server, 0, 5001).remote),
            nullptr);
}

TEST(ConnectionIndex, AConnectionOfAnUnknownProcessIsAnybodys) {
  ConnectionIndex index;
  index.add(made_connection(1, Role::server, 80, 5000), {});
  EXPECT_NE(index.find_served(kGoProcess, made_connection(0, Role::server, 0, 5000).remote),
            nullptr);
}

TEST(ConnectionIndex, ConnectionsOfClientsAreNotServed) {
  ConnectionIndex index;
  index.add(made_connection(1, Role::client, 5000, 80), kGoProcess);
  EXPECT_EQ(index.find_served(kGoProcess, made_connection(0, Role::server, 0, 80).remote), nullptr);
  EXPECT_NE(index.find(1), nullptr);
}

TEST(ConnectionIndex, ACloseTakesOnlyItsOwn) {
  ConnectionIndex index;
  const auto client = made_connection(0, Role::server, 0, 5000).remote;
  index.add(made_connection(1, Role::server, 80, 5000), kGoProcess);
  index.add(made_connection(2, Role::server, 81, 5000), kGoProcess);  // the port again
  index.remove(1);
  ASSERT_NE(index.find_served(kGoProcess, client), nullptr);
  EXPECT_EQ(index.find_served(kGoProcess, client)->local.port, 81);
  index.remove(2);
  index.remove(2);
  EXPECT_EQ(index.find_served(kGoProcess, client), nullptr);
  EXPECT_EQ(index.size(), 0U);
}

TEST(ConnectionIndex, IsBounded) {
  ConnectionIndex index;
  for (std::size_t id = 1; id < ConnectionIndex::kMaxConnections + 10; ++id) {
    index.add(made_connection(id, Role::server, 80, 5000), {1, 0, id});
  }
  EXPECT_EQ(index.size(), ConnectionIndex::kMaxConnections);
  index.remove(1);
  index.add(made_connection(1, Role::server, 80, 5000), kGoProcess);
  EXPECT_NE(index.find(1), nullptr);
}

}  // namespace
}  // namespace beyla::protocols::calls
