#include "probes/proof/executable_maps.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "base/fd.h"

namespace beyla::probes::proof {
namespace {

base::Fd file_with(std::string_view text) {
  base::Fd fd(::memfd_create("maps", MFD_CLOEXEC));
  EXPECT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

constexpr MappedFile kFile{8, 1, 1234};

auto ranges_in(std::string_view text) { return code_ranges(file_with(text).get(), kFile); }

TEST(MapsLine, IsTakenApart) {
  const auto line = parse_maps_line("55d0c8a00000-55d0c8a80000 r-xp 0001f000 08:01 1234   /bin/x");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->address, 0x55d0c8a00000);
  EXPECT_TRUE(line->probeable);
  EXPECT_EQ(line->range.begin, 0x1f000);
  EXPECT_EQ(line->range.end, 0x9f000);
  EXPECT_EQ(line->file, kFile);
}

TEST(MapsLine, OnlyPrivateCodeThatCannotBeWrittenIsProbeable) {
  for (const char* permissions : {"r--p", "rw-p", "rwxp", "r-xs", "-w-p", "---p"}) {
    const auto line = parse_maps_line(std::string("1000-2000 ") + permissions + " 0 08:01 1234 x");
    ASSERT_TRUE(line) << permissions;
    EXPECT_FALSE(line->probeable) << permissions;
  }
  EXPECT_TRUE(parse_maps_line("1000-2000 --xp 0 08:01 1234 x")->probeable);
}

TEST(MapsLine, WhatIsNoneIsRefused) {
  for (const char* text :
       {"", "1000", "1000-", "1000-2000", "1000-2000 r-xp", "1000-2000 r-xp 0",
        "1000-2000 r-x 0 08:01 1", "1000-2000 r-xp 0 08:01", "1000-2000 r-xp 0 08:01 ",
        "1000-2000 r-xp 0 08:01 x", "g000-2000 r-xp 0 08:01 1", "2000-1000 r-xp 0 08:01 1",
        "-1000-2000 r-xp 0 08:01 1", "1000-2000 r-xp -1 08:01 1",
        "10000000000000000-2 r-xp 0 08:01 1", "1000-2000 r-xp ffffffffffffff00 08:01 1"}) {
    EXPECT_FALSE(parse_maps_line(text)) << text;
  }
}

TEST(CodeRanges, AreThoseOfTheVeryFile) {
  const auto ranges = ranges_in(
      "1000-2000 r--p 00000000 08:01 1234 /bin/x\n"
      "2000-4000 r-xp 00001000 08:01 1234 /bin/x\n"
      "5000-6000 r-xp 00009000 08:01 1235 /bin/x\n"
      "6000-7000 r-xp 00009000 08:02 1234 /bin/x\n"
      "7000-8000 r-xp 00009000 09:01 1234 /bin/x\n"
      "8000-9000 rwxp 00009000 08:01 1234 /bin/x\n"
      "9000-a000 r-xp 00000000 00:00 0\n"
      "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n");
  ASSERT_TRUE(ranges);
  ASSERT_EQ(ranges->size(), 1);
  EXPECT_TRUE(ranges->front().covers(0x1000, 0x2000));
  EXPECT_FALSE(ranges->front().covers(0x1000, 0x2001));
  EXPECT_FALSE(ranges->front().covers(0xfff, 1));
  EXPECT_FALSE(ranges->front().covers(0x3000, 0));
  EXPECT_FALSE(ranges->front().covers(0x1001, ~0ULL));
}

TEST(MappedCode, IsEachFileOnceByTheEndOfItsName) {
  const auto files =
      mapped_code(file_with("1000-2000 r--p 00000000 08:01 1 /usr/bin/x\n"
                            "2000-4000 r-xp 00001000 08:01 1 /usr/bin/x\n"
                            "5000-6000 r-xp 00001000 08:01 2 /usr/a b/libssl.so.3 (deleted)\n"
                            "6000-9000 r-xp 00002000 08:01 1 /usr/bin/x\n"
                            "9000-a000 r-xp 00000000 00:00 0 [vdso]\n"
                            "a000-b000 rwxp 00000000 08:01 3 /usr/lib/libjit.so\n"
                            "b000-c000 r-xp 00000000 08:02 2 /" +
                            std::string(300, 'y') + "\n")
                      .get());
  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 3U);
  EXPECT_EQ((*files)[0].name, "x");
  EXPECT_EQ((*files)[0].code_bytes, 0x5000U);
  EXPECT_EQ((*files)[0].address, 0x2000U);
  EXPECT_EQ((*files)[0].address_end, 0x4000U);
  EXPECT_EQ((*files)[1].name, "libssl.so.3 (deleted)");
  EXPECT_EQ((*files)[1].file, (MappedFile{8, 1, 2}));
  EXPECT_EQ((*files)[2].name, std::string(64, 'y'));
}

TEST(MappedCode, IsRefusedWhereALineIsNone) {
  EXPECT_EQ(mapped_code(file_with("1000-2000\n").get()).error(), Refusal::unreadable_maps);
}

TEST(MappedCode, IsLimited) {
  std::string maps;
  for (std::size_t inode = 1; inode <= kMaxMappedFiles + 1; ++inode) {
    maps += "1000-2000 r-xp 0 08:01 " + std::to_string(inode) + " /x\n";
  }
  EXPECT_EQ(mapped_code(file_with(maps).get())->size(), kMaxMappedFiles);
}

TEST(CodeRanges, NamesHaveNoSay) {
  const std::string name = std::string(100'000, 'n') + " 2000-3000 r-xp 0 08:01 1234 \\012 \xff";
  const auto ranges = ranges_in("1000-2000 r-xp 00001000 08:01 1234 " + name +
                                "\n3000-4000 r-xp 00005000 08:01 1234\n");
  ASSERT_TRUE(ranges);
  ASSERT_EQ(ranges->size(), 2);
  EXPECT_EQ(ranges->at(1).begin, 0x5000);
}

TEST(CodeRanges, WhatIsNoMapsFileIsRefused) {
  EXPECT_EQ(ranges_in("\n").error(), Refusal::unreadable_maps);
  EXPECT_EQ(ranges_in("1000-2000 r-xp 0 08:01 1234 x\nnonsense\n").error(),
            Refusal::unreadable_maps);
  EXPECT_EQ(code_ranges(-1, kFile).error(), Refusal::unreadable_maps);
}

TEST(CodeRanges, AreBounded) {
  std::string text;
  for (int line = 0; line < 1000; ++line) text += "1000-2000 r-xp 00001000 08:01 1234\n";
  EXPECT_EQ(ranges_in(text)->size(), 256);
}

TEST(CodeRanges, TooLongIsNotReadToItsEnd) {
  const std::string line = "1000-2000 r--p 00000000 08:01 1234 " + std::string(4000, 'n') + "\n";
  std::string text;
  while (text.size() < 17U * 1024 * 1024) text += line;
  EXPECT_EQ(ranges_in(text).error(), Refusal::unreadable_maps);
}

TEST(MappedFileOf, IsWhatTheKernelSaysOfOurOwnCode) {
  const base::Fd exe(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const base::Fd maps(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
  const auto file = mapped_file_of(exe.get());
  ASSERT_TRUE(file);
  const auto ranges = code_ranges(maps.get(), *file);
  ASSERT_TRUE(ranges);
  EXPECT_FALSE(ranges->empty());
}

TEST(MappedFileOf, NotMappableNotNamed) {
  const base::Fd directory(::open("/", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(mapped_file_of(directory.get()).error(), Refusal::unreadable_file);
  EXPECT_EQ(mapped_file_of(-1).error(), Refusal::unreadable_file);
}

}  // namespace
}  // namespace beyla::probes::proof
