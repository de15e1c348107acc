#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/byte_reader.h"
#include "capture/record_encoder.h"
#include "capture/replay/player.h"
#include "capture/replay/recording_reader.h"
#include "capture/replay/recording_writer.h"
#include "capture/target_messages.h"

namespace beyla::capture::replay {
namespace {

using std::chrono::nanoseconds;

constexpr nanoseconds kWallOffset{1'700'000'000'000'000'000};

base::BootTime at(std::int64_t ns) { return base::BootTime(nanoseconds(ns)); }

template <typename T>
std::string bytes_of(const T& value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

std::string header_bytes(std::uint32_t format = kFormatVersion,
                         std::uint32_t abi_version = abi::kAbiVersion) {
  return bytes_of(recording_header{kMagic, format, abi_version, kWallOffset.count()});
}

std::string entry_bytes(EntryKind kind, std::string_view payload) {
  return bytes_of(entry_header{static_cast<std::uint32_t>(kind),
                               static_cast<std::uint32_t>(payload.size())}) +
         std::string(payload);
}

std::string opened_bytes(std::int64_t time, model::ConnectionId id) {
  model::ConnectionOpened event{at(time), {}};
  event.connection.id = id;
  std::vector<std::byte> bytes;
  encode_record(event, bytes);
  return entry_bytes(EntryKind::event, base::as_text(bytes));
}

std::string selected_bytes(std::int64_t time) {
  return entry_bytes(EntryKind::target_change,
                     bytes_of(make_target_message(abi::kTargetSelected, {}, at(time), "shop")));
}

std::string moment_bytes(EntryKind kind, std::uint64_t time_ns) {
  return entry_bytes(kind, bytes_of(moment{time_ns}));
}

// Hands out the text in pieces of `step` bytes.
ByteSource read_text(std::string text, std::size_t step = 1000) {
  return [text = std::move(text), step,
          at = std::size_t{0}](std::span<std::byte> buffer) mutable -> base::Result<std::size_t> {
    const std::size_t count = std::min({step, buffer.size(), text.size() - at});
    std::memcpy(buffer.data(), text.data() + at, count);
    at += count;
    return count;
  };
}

struct Log final : model::EventSink, model::TargetSink, TickSink {
  std::string text;
  void on_opened(const model::ConnectionOpened& event) override {
    text += "open " + std::to_string(event.connection.id) + '\n';
  }
  void on_data(const model::StreamData&) override { text += "data\n"; }
  void on_send_closed(const model::SendClosed&) override { text += "fin\n"; }
  void on_closed(const model::ConnectionClosed&) override { text += "close\n"; }
  void on_selected(const model::TargetProcess& target, base::BootTime) override {
    text += "selected " + target.service.name + '\n';
  }
  void on_rejected(const model::ProcessKey&, base::BootTime) override { text += "rejected\n"; }
  void on_exited(const model::ProcessKey&, base::BootTime) override { text += "exited\n"; }
  void on_tick(base::BootTime time) override {
    text += "tick " + std::to_string(time.time_since_epoch().count()) + '\n';
  }
};

struct Played {
  std::string log;
  std::int64_t end_ns = 0;
  std::string failure;
  std::uint64_t malformed = 0;
};

Played play_text(const std::string& text, std::size_t step = 1000) {
  auto reader = RecordingReader::make(read_text(text, step), "f.beyla");
  if (!reader) return {"", 0, reader.error().message(), 0};
  Log log;
  DecoderCounts counts;
  const Ending ending = play(*reader, {log, log, log}, counts);
  return {log.text, ending.time.time_since_epoch().count(),
          ending.failure ? ending.failure->message() : "", counts.malformed.value()};
}

std::string whole_recording() {
  return header_bytes() + opened_bytes(5, 77) + selected_bytes(6) +
         moment_bytes(EntryKind::tick, 7) + moment_bytes(EntryKind::end, 8);
}

class RecordingOnDisk : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "recording-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string path() const { return folder_ / "f.beyla"; }
  [[nodiscard]] std::optional<RecordingWriter> write_to_path() const {
    auto file = RecordingFile::create(path());
    EXPECT_TRUE(file);
    RecordingWriter writer(base::Fd(::dup(file->fd())), path(), kWallOffset);
    file->keep();
    return writer;
  }
  [[nodiscard]] std::string content() const {
    std::ifstream file(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::filesystem::path folder_;
};

TEST_F(RecordingOnDisk, HoldsWhatWasAppendedForItsOwnerOnly) {
  auto writer = write_to_path();
  writer->append(EntryKind::tick, base::as_bytes(bytes_of(moment{7})));
  writer->flush();
  EXPECT_EQ(content(), header_bytes() + moment_bytes(EntryKind::tick, 7));
  writer->append(EntryKind::end, base::as_bytes(bytes_of(moment{8})));
  writer->finish();
  EXPECT_FALSE(writer->error());
  EXPECT_EQ(content(),
            header_bytes() + moment_bytes(EntryKind::tick, 7) + moment_bytes(EntryKind::end, 8));
  struct stat status{};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(RecordingOnDisk, NeverReplacesAFile) {
  std::ofstream(path()) << "precious";
  const auto file = RecordingFile::create(path());
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().message(),
            path() + " exists: a recording never replaces a file, choose another name");
  EXPECT_EQ(content(), "precious");
}

TEST_F(RecordingOnDisk, IsRemovedUnlessItIsKept) {
  {
    const auto file = RecordingFile::create(path());
  }
  EXPECT_FALSE(std::filesystem::exists(path()));
  {
    auto file = RecordingFile::create(path());
    ASSERT_TRUE(file);
    RecordingFile moved = std::move(*file);
    moved.keep();
  }
  EXPECT_TRUE(std::filesystem::exists(path()));
}

TEST_F(RecordingOnDisk, ManyEntriesPassThroughTheBufferWhole) {
  auto writer = write_to_path();
  const std::string payload(100'000, 'p');
  std::string expected = header_bytes();
  for (int i = 0; i < 20; ++i) {
    writer->append(EntryKind::event, base::as_bytes(payload));
    expected += entry_bytes(EntryKind::event, payload);
  }
  writer->finish();
  EXPECT_TRUE(content() == expected);
}

TEST(RecordingWriter, AFullDiskEndsTheRecordingOnce) {
  RecordingWriter writer(base::Fd(::open("/dev/full", O_WRONLY | O_CLOEXEC)), "f.beyla",
                         kWallOffset);
  ASSERT_TRUE(writer.error());
  EXPECT_EQ(writer.error()->message(),
            "cannot write f.beyla, the recording ends here: No space left on device");
  writer.append(EntryKind::end, base::as_bytes(bytes_of(moment{8})));
  writer.finish();
  EXPECT_EQ(writer.error()->os_errno, ENOSPC);
}

TEST(Player, PlaysEntriesInTheirOrderWhateverTheReadsReturn) {
  for (const std::size_t step : {1U, 7U, 1000U}) {
    const Played played = play_text(whole_recording(), step);
    EXPECT_EQ(played.log, "open 77\nselected shop\ntick 7\n");
    EXPECT_EQ(played.end_ns, 8);
    EXPECT_EQ(played.failure, "");
    EXPECT_EQ(played.malformed, 0U);
  }
}

TEST(Player, TellsTheClockOfTheRecording) {
  auto reader = RecordingReader::make(read_text(whole_recording()), "f.beyla");
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->wall_offset(), kWallOffset);
}

TEST(Player, RefusesWhatItCannotRead) {
  EXPECT_EQ(play_text("").failure, "f.beyla: not a beyla recording");
  EXPECT_EQ(play_text("BEYLAREC").failure, "f.beyla: not a beyla recording");
  EXPECT_EQ(play_text(std::string(5000, 'x')).failure, "f.beyla: not a beyla recording");
  EXPECT_EQ(play_text(header_bytes(9)).failure,
            "f.beyla: recorded in format 9, this beyla reads " + std::to_string(kFormatVersion));
  EXPECT_EQ(play_text(header_bytes(kFormatVersion, 99)).failure,
            "f.beyla: recorded with abi 99, this beyla reads " +
                std::to_string(static_cast<int>(abi::kAbiVersion)));
}

TEST(Player, PlaysWhatIsWholeOfACutRecording) {
  const std::string text = whole_recording();
  const std::size_t first_end = header_bytes().size() + opened_bytes(5, 77).size();
  for (std::size_t size = header_bytes().size(); size < text.size(); ++size) {
    const Played played = play_text(text.substr(0, size));
    EXPECT_NE(played.failure.find("f.beyla: cut short behind byte "), std::string::npos) << size;
    EXPECT_EQ(played.log.starts_with("open 77\n"), size >= first_end) << size;
  }
  EXPECT_EQ(play_text(text.substr(0, first_end + 3)).failure,
            "f.beyla: cut short behind byte " + std::to_string(first_end) +
                ", what stands before is replayed");
  EXPECT_EQ(play_text(text.substr(0, first_end)).end_ns, 5);
}

TEST(Player, StopsWhereTheRecordingIsDamaged) {
  const std::string front = header_bytes() + opened_bytes(5, 77);
  const std::string where = "f.beyla: damaged at byte " + std::to_string(front.size()) + ": ";
  const auto failure_with = [&](const std::string& rest) {
    const Played played = play_text(front + rest);
    EXPECT_EQ(played.log, "open 77\n");
    return played.failure;
  };
  EXPECT_EQ(failure_with(entry_bytes(EntryKind{99}, "")), where + "no kind of entry is 99");
  EXPECT_EQ(failure_with(entry_bytes(EntryKind::tick, "short")),
            where + "an entry of kind 3 cannot have 5 bytes");
  EXPECT_EQ(failure_with(bytes_of(entry_header{1, kMaxPayloadBytes + 1})),
            where + "an entry of kind 1 cannot have 131073 bytes");
  EXPECT_EQ(play_text(whole_recording() + "x").failure,
            "f.beyla: damaged at byte " + std::to_string(whole_recording().size()) +
                ": bytes behind the end of the recording");
}

TEST(Player, CountsEntriesThatAreNoRecords) {
  const Played played =
      play_text(header_bytes() + entry_bytes(EntryKind::event, "no record") +
                opened_bytes(-1, 77) +  // a time that no clock shows
                moment_bytes(EntryKind::tick, ~std::uint64_t{0}) + moment_bytes(EntryKind::end, 8));
  EXPECT_EQ(played.log, "");
  EXPECT_EQ(played.malformed, 2U);
  EXPECT_EQ(played.end_ns, 8);
  EXPECT_EQ(played.failure, "");
}

TEST(Player, TakesTheLargestEntry) {
  const Played played =
      play_text(header_bytes() + entry_bytes(EntryKind::event, std::string(kMaxPayloadBytes, 'p')) +
                opened_bytes(5, 77) + moment_bytes(EntryKind::end, 8));
  EXPECT_EQ(played.log, "open 77\n");
  EXPECT_EQ(played.failure, "");
}

}  // namespace
}  // namespace beyla::capture::replay
