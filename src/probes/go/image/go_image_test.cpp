#include "probes/go/image/go_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "probes/go/image/synthetic/image_plan.h"

namespace beyla::probes::go {
namespace {

using testing::ElementsAre;
using testing::Optional;

struct Layout {
  unsigned minor = 0;
  bool position_independent = false;
  bool with_sections = false;
};

// Every layout of the tables, with what differs between linkers.
class GoImageTest : public testing::TestWithParam<Layout> {
 protected:
  ImagePlan plan() const {
    ImagePlan plan = plan_of_everything(GetParam().minor);
    plan.position_independent = GetParam().position_independent;
    plan.with_sections = GetParam().with_sections;
    return plan;
  }
  // Keeps the file: the image borrows it.
  std::expected<GoImage, ImageRefusal> read(const ImagePlan& plan) {
    file_ = build_image(plan);
    return GoImage::read(file_);
  }

  std::vector<std::byte> file_;
};

INSTANTIATE_TEST_SUITE_P(Layouts, GoImageTest,
                         testing::Values(Layout{17, false, true}, Layout{17, true, true},
                                         Layout{17, true, false}, Layout{18, false, true},
                                         Layout{18, true, false}, Layout{19, false, false},
                                         Layout{20, false, true}, Layout{20, true, true},
                                         Layout{25, false, false}, Layout{26, false, true},
                                         Layout{26, true, true}, Layout{26, true, false},
                                         Layout{26, false, false}),
                         [](const auto& test) {
                           return "go1_" + std::to_string(test.param.minor) +
                                  (test.param.position_independent ? "_pie" : "") +
                                  (test.param.with_sections ? "" : "_without_sections");
                         });

TEST_P(GoImageTest, SaysWhichGoBuiltIt) {
  const auto image = read(plan());
  ASSERT_TRUE(image) << refusal_name(image.error());
  EXPECT_EQ(image->version(), (GoVersion{1, static_cast<std::uint16_t>(GetParam().minor), 3}));
}

TEST_P(GoImageTest, FindsFunctionsWhereTheyAre) {
  const auto image = read(plan());
  ASSERT_TRUE(image);
  constexpr std::string_view kNames[] = {"main.main", "net/http.serverHandler.ServeHTTP",
                                         "main.mai", "ain.main"};
  const auto functions = image->find_functions(kNames);
  ASSERT_EQ(functions.size(), 4u);
  ASSERT_TRUE(functions[0] && functions[1]);
  EXPECT_EQ(functions[0]->bytes, 32u);
  EXPECT_EQ(functions[1]->bytes, 224u);
  // In the order of the plan: goexit1 (16), ServeHTTP (224), runHandler (48), goexit1 (192), main.
  EXPECT_EQ(functions[0]->address - functions[1]->address, 224u + 48 + 192);
  EXPECT_EQ(image->elf().file_offset(functions[1]->address, 224), functions[1]->file_offset);
  for (const auto& found : {*functions[0], *functions[1]}) {
    EXPECT_THAT(image->code(found), testing::Each(std::byte{0xcc})) << "foreign code is NOPs";
  }
  EXPECT_FALSE(functions[2] || functions[3]);
}

TEST_P(GoImageTest, TakesTheLargerOfTwoFunctionsOfAName) {
  const auto image = read(plan());
  ASSERT_TRUE(image);
  constexpr std::string_view kNames[] = {"runtime.goexit1"};
  const auto functions = image->find_functions(kNames);
  ASSERT_TRUE(functions[0]);
  EXPECT_EQ(functions[0]->bytes, 192u);
}

TEST_P(GoImageTest, FindsFunctionsOfVendoredPackages) {
  ImagePlan changed = plan();
  changed.functions.push_back({"x/vendor/main.main", 500});
  changed.functions.push_back({"xvendor/lib.f", 64});
  const auto image = read(changed);
  ASSERT_TRUE(image);
  constexpr std::string_view kNames[] = {"golang.org/x/net/http2.(*serverConn).runHandler",
                                         "main.main", "lib.f"};
  const auto functions = image->find_functions(kNames);
  ASSERT_TRUE(functions[0] && functions[1]);
  EXPECT_EQ(functions[0]->bytes, 48u);
  EXPECT_EQ(functions[1]->bytes, 32u) << "the package itself comes first, however small";
  EXPECT_FALSE(functions[2]);
}

TEST_P(GoImageTest, FindsFieldsAndWhatTheyAre) {
  const auto image = read(plan());
  ASSERT_TRUE(image);
  constexpr WantedField kWanted[] = {{"net/http.Request", "URL"}, {"net/http.Request", "ctx"},
                                     {"net/url.URL", "Path"},     {"net/http.Request", "UR"},
                                     {"net/http.Reques", "URL"},  {"http.Request", "URL"}};
  const auto fields = image->find_fields(kWanted);
  ASSERT_EQ(fields.size(), 6u);
  ASSERT_TRUE(fields[0] && fields[1] && fields[2]);
  EXPECT_EQ(fields[0]->offset, 16u);
  EXPECT_EQ(fields[0]->bytes, 8u);
  EXPECT_EQ(fields[0]->kind, Kind::pointer);
  EXPECT_EQ(fields[1]->offset, 240u);
  EXPECT_EQ(fields[1]->bytes, 16u);
  EXPECT_EQ(fields[1]->kind, Kind::interface);
  EXPECT_EQ(fields[2]->offset, 56u);
  EXPECT_EQ(fields[2]->kind, Kind::string);
  EXPECT_FALSE(fields[3] || fields[4] || fields[5]);
}

TEST_P(GoImageTest, FollowsPathsThroughStructsByValueOnly) {
  const auto image = read(plan());
  ASSERT_TRUE(image);
  constexpr WantedField kWanted[] = {{"net.TCPConn", "conn.fd"},
                                     {"net.TCPConn", "conn"},
                                     {"net.conn", "fd.id"},
                                     {"net.TCPConn", "conn."},
                                     {"net.netFD", "self.self.id"}};
  const auto fields = image->find_fields(kWanted);
  ASSERT_TRUE(fields[0] && fields[1] && fields[4]);
  EXPECT_EQ(fields[0]->offset, 8u);
  EXPECT_EQ(fields[0]->kind, Kind::pointer);
  EXPECT_EQ(fields[1]->kind, Kind::structure);
  EXPECT_FALSE(fields[2]) << "the way there goes through a pointer";
  EXPECT_FALSE(fields[3]);
  EXPECT_EQ(fields[4]->offset, 16u);
}

TEST_P(GoImageTest, TellsTypesOfOneNameApartByTheirPackages) {
  ImagePlan changed = plan();
  changed.structs.push_back({"x/vendor/only", "only.T", 24, {}});
  changed.structs.push_back({"y/http", "http.Request", 40, {}});
  changed.structs.push_back({"y/kafka-go", "kafka.Writer", 48, {}});
  const auto image = read(changed);
  ASSERT_TRUE(image);
  constexpr std::string_view kNames[] = {"net/http.Request",
                                         "y/http.Request",
                                         "net.conn",
                                         "only.T",
                                         "k8s.io/api/core/v1.Pod",
                                         "github.com/labstack/echo/v4.Echo",
                                         "y/kafka-go.Writer",
                                         "z/http.Request"};
  const auto types = image->find_types(kNames);
  for (const std::size_t found : {0, 1, 2, 3, 4, 5, 6}) ASSERT_TRUE(types[found]) << found;
  EXPECT_EQ(types[0]->bytes, 256u);
  EXPECT_EQ(types[1]->bytes, 40u);
  EXPECT_EQ(types[3]->bytes, 24u);
  EXPECT_EQ(types[6]->bytes, 48u);
  EXPECT_FALSE(types[7]);
  constexpr WantedField kConnection[] = {{"net.TCPConn", "conn"}};
  EXPECT_EQ(image->find_fields(kConnection)[0]->type_address, types[2]->address)
      << "not the vendored one";
}

TEST_P(GoImageTest, ReadsLongNames) {
  ImagePlan changed = plan();
  const std::string long_name(300, 'x');
  changed.structs.push_back({"main", "main." + long_name, 8, {{long_name, Kind::int_, 0}}});
  const auto image = read(changed);
  ASSERT_TRUE(image);
  const std::string type = "main." + long_name;
  const WantedField wanted[] = {{type, long_name}};
  EXPECT_TRUE(image->find_fields(wanted)[0]);
}

TEST_P(GoImageTest, FieldsOutsideOfTheirStructsAreNone) {
  ImagePlan changed = plan();
  changed.structs.push_back(
      {"main",
       "main.T",
       20,
       {{"a", Kind::int_, 12}, {"b", Kind::int_, 13}, {"c", Kind::int_, 24}}});
  const auto image = read(changed);
  ASSERT_TRUE(image);
  constexpr WantedField kWanted[] = {{"main.T", "a"}, {"main.T", "b"}, {"main.T", "c"}};
  const auto fields = image->find_fields(kWanted);
  EXPECT_TRUE(fields[0]);
  EXPECT_FALSE(fields[1] || fields[2]);
}

TEST_P(GoImageTest, SaysWhereThePointerTypeIs) {
  const auto image = read(plan());
  ASSERT_TRUE(image);
  constexpr std::string_view kNames[] = {"net/url.URL"};
  constexpr WantedField kPointer[] = {{"net/http.Request", "URL"}};
  EXPECT_EQ(image->find_types(kNames)[0]->pointer_address,
            image->find_fields(kPointer)[0]->type_address);
}

TEST_P(GoImageTest, EveryShorterFileIsRefusedOrRead) {
  const auto whole = build_image(plan());
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    const std::vector<std::byte> file(whole.begin(),
                                      whole.begin() + static_cast<std::ptrdiff_t>(bytes));
    const auto image = GoImage::read(file);
    if (!image) continue;
    constexpr std::string_view kNames[] = {"main.main"};
    ASSERT_TRUE(image->find_functions(kNames)[0]) << bytes;
  }
}

TEST_P(GoImageTest, SeveralTextSectionsAreRefused) {
  ImagePlan changed = plan();
  changed.text_sections = 2;
  EXPECT_EQ(read(changed).error(), ImageRefusal::several_text_sections);
}

TEST_P(GoImageTest, GoBefore1_17IsRefused) {
  ImagePlan changed = plan();
  changed.version = "go1.16.15";
  EXPECT_EQ(read(changed).error(), ImageRefusal::too_old);
}

}  // namespace
}  // namespace beyla::probes::go
