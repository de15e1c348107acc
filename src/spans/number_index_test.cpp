#include "spans/number_index.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_map>

#include "spans/random_ids.h"
#include "spans/route_text.h"

namespace beyla::spans {
namespace {

TEST(NumberIndex, DoesWhatAMapDoes) {
  std::mt19937_64 random(1);
  for (const std::uint64_t range : {8U, 100U, 100'000U}) {
    NumberIndex index(random());
    std::unordered_map<std::uint64_t, std::uint64_t> map;
    for (int i = 0; i < 100'000; ++i) {
      const std::uint64_t key = 1 + random() % range;
      switch (random() % 6) {
        case 0:
          index.erase(key);
          map.erase(key);
          break;
        case 1: {
          const std::uint64_t value = random() % 2;
          index.erase(key, value);
          if (const auto found = map.find(key); found != map.end() && found->second == value) {
            map.erase(found);
          }
          break;
        }
        case 2:
          if (const auto found = map.find(key); found != map.end() && found->second == 1) {
            found->second = 0;
          }
          index.replace(key, 1, 0);
          break;
        default:
          index.set(key, random() % 2);
          map[key] = *index.find(key);
          break;
      }
      ASSERT_EQ(index.size(), map.size());
      const std::uint64_t other = 1 + random() % range;
      const auto found = map.find(other);
      ASSERT_EQ(index.find(other),
                found == map.end() ? std::nullopt : std::optional(found->second));
    }
  }
}

TEST(NumberIndex, ZeroIsNoKey) {
  NumberIndex index(7);
  EXPECT_EQ(index.find(0), std::nullopt);
  index.set(1, 2);
  index.erase(0);
  EXPECT_EQ(index.find(0), std::nullopt);
  EXPECT_EQ(index.find(1), 2U);
}

TEST(RandomIds, AreNeverZeroAndDiffer) {
  RandomIds ids({0, 0, 0, 0});
  const model::TraceId first = ids.trace_id();
  EXPECT_NE(first, model::TraceId{});
  EXPECT_NE(first, ids.trace_id());
  EXPECT_NE(ids.span_id(), ids.span_id());
  for (int i = 0; i < 1000; ++i) ASSERT_NE(ids.span_id(), model::SpanId{});
}

// The first numbers of the authors' own program for this state.
TEST(RandomIds, IsTheGeneratorThatItSays) {
  RandomIds ids({1, 2, 3, 4});
  EXPECT_EQ(ids.number(), 11520U);
  EXPECT_EQ(ids.number(), 0U);
  EXPECT_EQ(ids.number(), 1509978240U);
  EXPECT_EQ(ids.number(), 1215971899390074240U);
}

TEST(RandomIds, OfTheKernelDiffer) {
  const auto one = RandomIds::fresh_seed();
  const auto two = RandomIds::fresh_seed();
  ASSERT_TRUE(one && two);
  EXPECT_NE(*one, *two);
}

TEST(RouteText, LeavesOutMethodAndHostOfAPattern) {
  EXPECT_EQ(route_in("/users/{id}"), "/users/{id}");
  EXPECT_EQ(route_in("GET /users/{id}"), "/users/{id}");
  EXPECT_EQ(route_in("GET  example.com/users/{id}"), "/users/{id}");
  EXPECT_EQ(route_in("example.com/"), "/");
  EXPECT_EQ(route_in("POST /{$}"), "/{$}");
  EXPECT_EQ(route_in("/files/{path...}"), "/files/{path...}");
  EXPECT_EQ(route_in("/users/:id/orders/*rest"), "/users/:id/orders/*rest");
  EXPECT_EQ(route_in("/a/{id:[0-9 /]+}"), "/a/{id:[0-9 /]+}");
}

TEST(RouteText, WhatNamesNoPathIsNone) {
  EXPECT_EQ(route_in(""), "");
  EXPECT_EQ(route_in("GET"), "");
  EXPECT_EQ(route_in("{name:a/b}"), "");
  EXPECT_EQ(route_in("/" + std::string(kMaxRouteBytes, 'a')), "");
  EXPECT_EQ(route_in("/" + std::string(kMaxRouteBytes - 1, 'a')).size(), kMaxRouteBytes);
}

}  // namespace
}  // namespace beyla::spans
