#include "agent/broker/image_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/broker/image_test_data.h"

namespace beyla::broker {
namespace {

using namespace std::chrono_literals;
using ::beyla::broker::testing::FakeProc;
using ::beyla::broker::testing::FakeWorkers;
using ::beyla::broker::testing::go_report;
using ::beyla::broker::testing::kTickNs;
using ::beyla::broker::testing::other_report;
using ::beyla::broker::testing::tls_report;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::uint64_t kForkWithoutExec = 0x40;  // PF_FORKNOEXEC, include/linux/sched.h

base::BootTime at(std::chrono::nanoseconds time) { return base::BootTime(time); }

model::ProcessKey process(std::uint32_t pid, std::uint32_t generation = 1) {
  return {pid, generation, pid * 7 * kTickNs + 5};
}

struct NotedUser final : public ImageUser {
  AttachOutcome attach(const model::ProcessKey& key, const TargetFiles& files,
                       const TargetImage& image, const ImageReports& reports,
                       bool is_retry) override {
    asked.push_back(std::to_string(key.pid) + (is_retry ? " again" : " first"));
    if (!has_room) return AttachOutcome::later;
    char content[64] = {};
    EXPECT_GT(::pread(image.file.get(), content, sizeof(content) - 1, 0), 0);
    EXPECT_NE(reports.of_image.kind, abi::kBinaryOther);
    attached.push_back(std::to_string(key.pid) + content);
    switches_stacks = files.switches_stacks;
    executables.push_back(reports.of_executable.kind);
    return AttachOutcome::done;
  }
  void detach(const model::ProcessKey& key) override {
    detached.push_back(std::to_string(key.pid));
  }
  bool has_room = true;
  std::vector<std::string> asked;     // pid and whether it was turned away before
  std::vector<std::string> attached;  // pid and what its file holds
  std::vector<std::string> detached;
  std::vector<abi::binary_kind> executables;
  bool switches_stacks = false;  // of the last one
};

class ImageDeskTest : public ::testing::Test {
 protected:
  void select(const model::ProcessKey& key) { desk_.on_selected({key, {}}, at(1s)); }
  void run_and_select(const model::ProcessKey& key, const std::string& file) {
    proc_.run(key, proc_.file(file));
    select(key);
  }
  // Until it waits for something.
  void settle(base::BootTime now = at(1s)) {
    desk_.turn(now);
    while (desk_.due(now) == now) desk_.turn(now);
  }

  FakeProc proc_;
  FakeWorkers workers_;
  NotedUser user_;
  ImageCounts counts_;
  ImageDesk desk_{workers_, user_, counts_, true,
                  discover::inspect::ProcessInspector(proc_.root())};
};

TEST_F(ImageDeskTest, ManyProcessesOfOneFileAreAnalysedOnce) {
  const auto file = proc_.file("a");
  for (const std::uint32_t pid : {1, 2, 3}) proc_.run(process(pid), file);
  select(process(1));
  select(process(2));
  settle();
  EXPECT_THAT(workers_.started, ElementsAre("a"));
  EXPECT_THAT(user_.attached, IsEmpty());
  workers_.answer("a", go_report());
  settle();
  EXPECT_THAT(user_.attached, ElementsAre("1a", "2a"));
  select(process(3));
  settle();
  EXPECT_THAT(user_.attached, ElementsAre("1a", "2a", "3a"));
  EXPECT_THAT(workers_.started, ElementsAre("a"));
  EXPECT_EQ(counts_.go.value(), 1U);
}

TEST_F(ImageDeskTest, OtherProgramsAreLeftAlone) {
  run_and_select(process(1), "a");
  settle();
  workers_.answer("a", other_report());
  settle();
  EXPECT_THAT(user_.attached, IsEmpty());
  EXPECT_EQ(counts_.other.value(), 1U);
  EXPECT_EQ(counts_.go.value(), 0U);
}

TEST_F(ImageDeskTest, TlsCodeThatCannotBeProbedIsCountedOnItsOwn) {
  run_and_select(process(1), "a");
  settle();
  auto report = other_report();
  std::memcpy(report.text, "rustls_no_symbols", 17);
  workers_.answer("a", report);
  settle();
  EXPECT_THAT(user_.attached, IsEmpty());
  EXPECT_EQ(counts_.tls_unfit.value(), 1U);
  EXPECT_EQ(counts_.other.value(), 0U);
}

TEST_F(ImageDeskTest, FilesWithInlinedFunctionsAreCounted) {
  for (const bool is_go : {true, false}) {
    const std::string name = is_go ? "a" : "b";
    run_and_select(process(is_go ? 1 : 2), name);
    settle();
    auto report = is_go ? go_report() : other_report();
    report.inlined = std::uint64_t{1} << abi::kGoProbeXnetFlush;
    workers_.answer(name, report);
    settle();
  }
  EXPECT_EQ(counts_.inlined.value(), 2U);
  EXPECT_THAT(user_.attached, ElementsAre("1a"));
}

TEST_F(ImageDeskTest, FilesWaitInOrderForAFewWorkers) {
  run_and_select(process(1), "c");
  run_and_select(process(2), "a");
  run_and_select(process(3), "d");
  run_and_select(process(4), "b");
  settle();
  EXPECT_THAT(workers_.started, ElementsAre("c", "a"));
  workers_.answer("a", go_report());
  settle();
  EXPECT_THAT(workers_.started, ElementsAre("c", "a", "d"));
  workers_.answer("d", go_report());
  settle();
  EXPECT_THAT(workers_.started, ElementsAre("c", "a", "d", "b"));
  EXPECT_THAT(user_.attached, ElementsAre("2a", "3d"));
}

TEST_F(ImageDeskTest, OneTurnLooksAtOneProcess) {
  const auto file = proc_.file("a");
  for (const std::uint32_t pid : {1, 2, 3}) proc_.run(process(pid), file);
  select(process(1));
  settle();
  workers_.answer("a", go_report());
  settle();
  select(process(2));
  select(process(3));
  EXPECT_EQ(desk_.due(at(2s)), at(2s));
  desk_.turn(at(2s));
  EXPECT_THAT(user_.attached, ElementsAre("1a", "2a"));
  EXPECT_EQ(desk_.due(at(2s)), at(2s));
  desk_.turn(at(2s));
  EXPECT_EQ(desk_.due(at(2s)), std::nullopt);
}

TEST_F(ImageDeskTest, WhoEndsMeanwhileGetsNothing) {
  run_and_select(process(1), "a");
  run_and_select(process(2), "b");
  settle();
  desk_.on_exited(process(1), at(1s));
  desk_.on_rejected(process(2), at(1s));
  workers_.answer("a", go_report());
  workers_.answer("b", go_report());
  settle();
  EXPECT_THAT(user_.attached, IsEmpty());
  EXPECT_THAT(user_.detached, ElementsAre("1", "2"));
}

TEST_F(ImageDeskTest, AFileNobodyRunsAnyMoreIsNotAnalysed) {
  for (const std::uint32_t pid : {1, 2, 3})
    run_and_select(process(pid), std::string(1, 'a' + static_cast<char>(pid)));
  settle();
  desk_.on_exited(process(3), at(1s));
  workers_.answer("b", go_report());
  settle();
  EXPECT_EQ(workers_.started.size(), 2U);
  EXPECT_EQ(counts_.failures[static_cast<std::size_t>(AnalysisFailure::not_started)].value(), 0U);
}

TEST_F(ImageDeskTest, APidThatIsAnotherProcessIsGone) {
  auto later = process(1);
  later.start_ns += kTickNs;
  proc_.run(later, proc_.file("a"));
  select(process(1));
  settle();
  EXPECT_THAT(workers_.started, IsEmpty());
  EXPECT_EQ(counts_.gone.value(), 1U);
  proc_.end(later);
  select(process(1));
  settle();
  EXPECT_EQ(counts_.gone.value(), 2U);
}

TEST_F(ImageDeskTest, ThePidOfAWaitingProcessMayBeAnothersByTheTimeOfTheReport) {
  run_and_select(process(1), "a");
  settle();
  auto later = process(1);
  later.start_ns += kTickNs;
  proc_.run(later, proc_.file("b"));
  workers_.answer("a", go_report());
  settle();
  EXPECT_THAT(user_.attached, IsEmpty());
  EXPECT_EQ(counts_.gone.value(), 1U);
}

// The record of its exec is still on its way.
TEST_F(ImageDeskTest, AnExecMeanwhileIsNotTakenForTheFileThatWasAnalysed) {
  run_and_select(process(1), "a");
  settle();
  proc_.run(process(1), proc_.file("b"));
  workers_.answer("a", go_report());
  settle();
  EXPECT_THAT(user_.attached, IsEmpty());
  EXPECT_THAT(workers_.started, ElementsAre("a", "b"));
  desk_.on_exited(process(1), at(1s));
  workers_.answer("b", go_report());
  settle();
  EXPECT_THAT(user_.attached, IsEmpty());
}

TEST_F(ImageDeskTest, AFileThatWasWrittenAnewIsAnotherFile) {
  const auto file = proc_.file("a");
  proc_.run(process(1), file);
  proc_.run(process(2), file);
  select(process(1));
  settle();
  workers_.answer("a", go_report());
  settle();
  std::filesystem::last_write_time(file, std::filesystem::file_time_type(5s));
  select(process(2));
  settle();
  EXPECT_THAT(workers_.started, ElementsAre("a", "a"));
}

TEST_F(ImageDeskTest, ABareForkOfAGoProcessIsNoProgramOfItsOwn) {
  proc_.run(process(1), proc_.file("a"), kForkWithoutExec);
  select(process(1));
  settle();
  workers_.answer("a", go_report());
  settle();
  EXPECT_THAT(user_.attached, IsEmpty());
  EXPECT_EQ(counts_.gone.value(), 0U);
}

TEST_F(ImageDeskTest, ABareForkOfAnotherOneIs) {
  proc_.run(process(1), proc_.file("a"), kForkWithoutExec);
  select(process(1));
  settle();
  workers_.answer("a", tls_report());
  settle();
  EXPECT_THAT(user_.attached, ElementsAre("1a"));
}

TEST_F(ImageDeskTest, LibrariesAreToldOfAfterTheExecutable) {
  proc_.run(process(1), proc_.file("a"));
  proc_.map(process(1), {"libssl.so.3", "libgnutls.so.30"});
  select(process(1));
  settle();
  EXPECT_THAT(workers_.started, ElementsAre("a", "libssl.so.3"));
  workers_.answer("libssl.so.3", tls_report());
  settle();
  EXPECT_THAT(user_.attached, IsEmpty());
  EXPECT_THAT(workers_.started, ElementsAre("a", "libssl.so.3", "libgnutls.so.30"));
  workers_.answer("a", other_report());
  settle();
  EXPECT_THAT(user_.attached, ElementsAre("1libssl.so.3"));
  workers_.answer("libgnutls.so.30", tls_report());
  settle();
  EXPECT_THAT(user_.attached, ElementsAre("1libssl.so.3", "1libgnutls.so.30"));
  EXPECT_EQ(counts_.tls.value(), 2U);
  EXPECT_EQ(desk_.due(at(9s)), std::nullopt);
}

TEST_F(ImageDeskTest, OfOtherLibrariesOnlyLargeOnesAreLookedAt) {
  proc_.run(process(1), proc_.file("a"));
  proc_.map(process(1), {"libc.so.6", "libmodule.so"}, {"libmodule.so"});
  select(process(1));
  settle();
  workers_.answer("a", other_report());
  settle();
  EXPECT_THAT(workers_.started, ElementsAre("a", "libmodule.so"));
}

TEST_F(ImageDeskTest, NotMoreThanSomeLibrariesAreLookedAtAndTheLikelyOnesFirst) {
  proc_.run(process(1), proc_.file("a"));
  std::vector<std::string> names;
  for (std::size_t at = 0; at < kMaxLibraries; ++at) names.push_back("large" + std::to_string(at));
  names.emplace_back("libssl.so.3");
  proc_.map(process(1), names, names);
  select(process(1));
  settle();
  EXPECT_THAT(workers_.started, ElementsAre("a", "libssl.so.3"));
  for (std::size_t at = 0; at < workers_.started.size(); ++at) {
    workers_.answer(workers_.started[at], other_report());
    settle();
  }
  EXPECT_EQ(workers_.started.size(), 1 + kMaxLibraries);
}

TEST_F(ImageDeskTest, ALibraryOfManyProcessesIsAnalysedOnce) {
  for (const std::uint32_t pid : {1, 2}) {
    proc_.run(process(pid), proc_.file("a"));
    proc_.map(process(pid), {"libssl.so.3"});
    select(process(pid));
  }
  settle();
  workers_.answer("a", other_report());
  workers_.answer("libssl.so.3", tls_report());
  settle();
  EXPECT_THAT(user_.attached, ElementsAre("1libssl.so.3", "2libssl.so.3"));
  EXPECT_THAT(workers_.started, ElementsAre("a", "libssl.so.3"));
}

TEST_F(ImageDeskTest, SaysWhatMayNotBeDoneInAProcess) {
  proc_.run(process(1), proc_.file("a"));
  proc_.map(process(1), {"libssl.so.3", "_greenlet.cpython-311-x86_64-linux-gnu.so"});
  select(process(1));
  settle();
  workers_.answer("a", go_report());
  workers_.answer("libssl.so.3", tls_report());
  settle();
  EXPECT_TRUE(user_.switches_stacks);
  EXPECT_THAT(user_.executables, ElementsAre(abi::kBinaryGo, abi::kBinaryGo));
}

TEST_F(ImageDeskTest, FilesThatNoWorkerCouldBeStartedForAreAskedForAgain) {
  workers_.fails = true;
  proc_.run(process(1), proc_.file("a"));
  proc_.map(process(1), {"libssl.so.3"});
  select(process(1));
  settle();
  EXPECT_EQ(counts_.failures[static_cast<std::size_t>(AnalysisFailure::not_started)].value(), 2U);
  workers_.fails = false;
  settle(at(1s) + Retries::kFirstWait);
  EXPECT_THAT(workers_.started, ElementsAre("a", "libssl.so.3"));
}

TEST_F(ImageDeskTest, OnlyWhatFoundNoRoomIsToldOfAgain) {
  proc_.run(process(1), proc_.file("a"));
  proc_.map(process(1), {"libssl.so.3", "libgnutls.so.30"});
  select(process(1));
  settle();
  workers_.answer("a", tls_report());
  settle();
  EXPECT_THAT(user_.attached, ElementsAre("1a"));
  user_.has_room = false;
  workers_.answer("libssl.so.3", tls_report());
  settle();
  // Its turn is over for now, whatever else becomes known.
  user_.has_room = true;
  workers_.answer("libgnutls.so.30", tls_report());
  settle();
  EXPECT_THAT(user_.attached, ElementsAre("1a", "1libgnutls.so.30"));
  settle(at(1s) + Retries::kFirstWait);
  EXPECT_THAT(user_.attached, ElementsAre("1a", "1libgnutls.so.30", "1libssl.so.3"));
  EXPECT_THAT(user_.asked, ElementsAre("1 first", "1 first", "1 first", "1 again"));
  EXPECT_EQ(counts_.retried.value(), 1U);
  EXPECT_EQ(desk_.due(at(1h)), std::nullopt);
}

// Two reports at once have its process looked at twice.
TEST_F(ImageDeskTest, WhoWasTurnedAwayRestsUntilItsTime) {
  user_.has_room = false;
  proc_.run(process(1), proc_.file("a"));
  proc_.map(process(1), {"libssl.so.3"});
  select(process(1));
  settle();
  workers_.answer("a", other_report());
  workers_.answer("libssl.so.3", tls_report());
  settle();
  EXPECT_THAT(user_.asked, ElementsAre("1 first"));
  EXPECT_EQ(counts_.retried_in_vain.value(), 0U);
}

TEST_F(ImageDeskTest, ALibraryIsNotToldOfWhileItsExecutableIsToBeAnalysedAnew) {
  proc_.run(process(1), proc_.file("a"));
  proc_.map(process(1), {"libssl.so.3"});
  select(process(1));
  settle();
  workers_.answer("libssl.so.3", tls_report());
  workers_.die("a");
  settle();
  EXPECT_THAT(user_.attached, IsEmpty());
  settle(at(1s) + BinaryShelf::kFirstWait);
  workers_.answer("a", go_report());
  settle(at(1s) + BinaryShelf::kFirstWait);
  EXPECT_THAT(user_.attached, ElementsAre("1a", "1libssl.so.3"));
  EXPECT_THAT(user_.executables, ElementsAre(abi::kBinaryGo, abi::kBinaryGo));
}

TEST_F(ImageDeskTest, LibrariesAreLeftAloneWhereNobodyWantsThem) {
  ImageDesk desk(workers_, user_, counts_, false,
                 discover::inspect::ProcessInspector(proc_.root()));
  proc_.run(process(1), proc_.file("a"));
  proc_.map(process(1), {"libssl.so.3"});
  desk.on_selected({process(1), {}}, at(1s));
  desk.turn(at(1s));
  desk.turn(at(1s));
  EXPECT_THAT(workers_.started, ElementsAre("a"));
}

TEST_F(ImageDeskTest, AFileThatFailedIsTriedAgainLater) {
  const auto failures = [&](AnalysisFailure failure) {
    return counts_.failures[static_cast<std::size_t>(failure)].value();
  };
  const auto file = proc_.file("a");
  proc_.run(process(1), file);
  proc_.run(process(2), file);
  run_and_select(process(3), "b");
  select(process(1));
  settle();
  workers_.die("a");
  const auto late = at(1s) + Analyses::kDeadline;
  settle(late);
  EXPECT_EQ(failures(AnalysisFailure::died), 1U);
  EXPECT_EQ(failures(AnalysisFailure::timed_out), 1U);
  // Meanwhile its processes cost no worker.
  select(process(2));
  settle(late);
  EXPECT_THAT(workers_.started, ElementsAre("b", "a"));
  EXPECT_EQ(desk_.due(late), late + BinaryShelf::kFirstWait);
  settle(late + BinaryShelf::kFirstWait);
  EXPECT_THAT(workers_.started, UnorderedElementsAre("b", "a", "b", "a"));
  workers_.answer("a", go_report());
  workers_.answer("b", go_report());
  settle(late + BinaryShelf::kFirstWait);
  EXPECT_THAT(user_.attached, UnorderedElementsAre("1a", "2a", "3b"));
  EXPECT_EQ(counts_.retried.value(), 3U);
  EXPECT_EQ(desk_.due(late + 1h), std::nullopt);
}

TEST_F(ImageDeskTest, AFileThatFailsEachTimeIsGivenUp) {
  const auto file = proc_.file("a");
  proc_.run(process(1), file);
  proc_.run(process(2), file);
  select(process(1));
  base::BootTime now = at(1s);
  settle(now);
  for (unsigned failure = 1; failure <= BinaryShelf::kMaxFailures; ++failure) {
    EXPECT_EQ(workers_.started.size(), failure);
    workers_.die("a");
    settle(now);
    now += 1h;
    settle(now);
  }
  EXPECT_EQ(workers_.started.size(), BinaryShelf::kMaxFailures);
  EXPECT_EQ(desk_.due(now), std::nullopt);
  select(process(2));
  settle(now);
  EXPECT_EQ(workers_.started.size(), BinaryShelf::kMaxFailures);
}

TEST_F(ImageDeskTest, AWorkerThatCannotBeStartedIsAskedForAgain) {
  workers_.fails = true;
  const auto file = proc_.file("a");
  proc_.run(process(1), file);
  proc_.run(process(2), file);
  select(process(1));
  settle();
  EXPECT_EQ(counts_.failures[static_cast<std::size_t>(AnalysisFailure::not_started)].value(), 1U);
  workers_.fails = false;
  select(process(2));
  settle();
  workers_.answer("a", go_report());
  settle();
  EXPECT_THAT(user_.attached, ElementsAre("2a"));
  settle(at(1s) + Retries::kFirstWait);
  EXPECT_THAT(user_.attached, ElementsAre("2a", "1a"));
}

TEST_F(ImageDeskTest, NorIsItAskedForByWhoHasEnded) {
  for (const std::uint32_t pid : {1, 2}) run_and_select(process(pid), "x" + std::to_string(pid));
  settle();  // no worker is free
  const auto file = proc_.file("a");
  for (const std::uint32_t pid : {3, 4}) proc_.run(process(pid), file);
  select(process(3));
  select(process(4));
  settle();
  desk_.on_exited(process(3), at(1s));
  workers_.fails = true;
  workers_.answer("x1", other_report());
  settle();
  workers_.fails = false;
  settle(at(10s));
  workers_.answer("a", go_report());
  settle(at(10s));
  EXPECT_THAT(user_.asked, ElementsAre("4 again"));
  EXPECT_EQ(counts_.retried.value(), 1U);
}

TEST_F(ImageDeskTest, WhoFindsNoRoomForItsLinkIsTriedAgain) {
  user_.has_room = false;
  run_and_select(process(1), "a");
  settle();
  workers_.answer("a", go_report());
  settle();
  EXPECT_THAT(user_.asked, ElementsAre("1 first"));
  settle(at(1s) + Retries::kFirstWait);
  EXPECT_EQ(counts_.retried_in_vain.value(), 1U);
  user_.has_room = true;
  const auto again = desk_.due(at(3s));
  ASSERT_TRUE(again);
  settle(*again);
  EXPECT_THAT(user_.asked, ElementsAre("1 first", "1 again", "1 again"));
  EXPECT_THAT(user_.attached, ElementsAre("1a"));
  EXPECT_EQ(counts_.retried.value(), 1U);
  EXPECT_EQ(desk_.due(*again), std::nullopt);
}

TEST_F(ImageDeskTest, WhoNeverFindsRoomIsGivenUp) {
  user_.has_room = false;
  run_and_select(process(1), "a");
  settle();
  workers_.answer("a", go_report());
  settle();
  while (const auto again = desk_.due(at(1s))) settle(*again);
  EXPECT_EQ(user_.asked.size(), 1 + Retries::kMaxTries);
  EXPECT_EQ(counts_.retried_in_vain.value(), std::uint64_t{Retries::kMaxTries});
  EXPECT_EQ(counts_.given_up.value(), 1U);
}

TEST_F(ImageDeskTest, WhoEndsWhileItWaitsIsNotTriedAgain) {
  user_.has_room = false;
  run_and_select(process(1), "a");
  settle();
  workers_.answer("a", go_report());
  settle();
  desk_.on_exited(process(1), at(1s));
  EXPECT_EQ(desk_.due(at(1s)), std::nullopt);
}

// Its turn comes before theirs, however many they are.
TEST_F(ImageDeskTest, AStormOfShortProcessesDoesNotKeepOneOut) {
  const auto file = proc_.file("a");
  user_.has_room = false;
  proc_.run(process(1), file);
  select(process(1));
  settle();
  workers_.answer("a", go_report());
  settle();
  user_.has_room = true;
  for (std::uint32_t pid = 2; pid < 1000; ++pid) select(process(pid));
  desk_.turn(at(1s) + Retries::kFirstWait);
  EXPECT_THAT(user_.attached, ElementsAre("1a"));
}

TEST_F(ImageDeskTest, OnlySoManyProcessesWaitAndOthersComeBack) {
  constexpr std::uint32_t kLast = ImageDesk::kMaxWaiting + 1;
  for (std::uint32_t pid = 1; pid < kLast; ++pid) select(process(pid));
  EXPECT_EQ(counts_.too_many.value(), 0U);
  run_and_select(process(kLast), "a");
  EXPECT_EQ(counts_.too_many.value(), 1U);
  desk_.turn(at(2s));
  desk_.turn(at(2s));
  EXPECT_THAT(workers_.started, ElementsAre("a"));
}

}  // namespace
}  // namespace beyla::broker
