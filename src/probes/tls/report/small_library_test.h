// Files as small as can be in which OpenSSL or BoringSSL is found without symbols: functions of 128
// bytes, with what tells them and nothing else. For tests and fuzzing.
#pragma once

#include <elf.h>

#include <array>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace beyla::probes::tls::testing {

class SmallLibrary {
 public:
  static constexpr std::size_t kFunctions = 16;
  static constexpr std::size_t kFunctionBytes = 128;
  static constexpr std::size_t kCode = 4096;
  static constexpr std::size_t kBytes = 8192;
  // Where the file says how long a function is.
  [[nodiscard]] static constexpr std::size_t length_of(std::size_t function) {
    return kFrames + kFrameBytes * (function + 1) + 12;
  }

  [[nodiscard]] static std::vector<std::byte> openssl() {
    SmallLibrary library;
    library.transfers(0, "SSL_read", "ssl_read_internal");
    library.transfers(3, "SSL_write", "ssl_write_internal");
    library.raises(6, "SSL_do_handshake", 144).calls_by_pointer().returns();
    library.raises(7, "SSL_shutdown", 276).calls_by_pointer().returns();
    library.raises(8, "SSL_new", 1).calls(9).returns();
    library.at(9).counts_down().names("ssl/ssl_lib.c").calls(10).returns();
    library.at(10).counts_down().names("ssl/ssl_lib.c").calls(15).returns();
    return library.file();
  }

  // Which function is which, by their places.
  enum Boringssl : std::size_t {
    kReadImpl,
    kWrite,
    kHandshake,
    kRead,
    kPeek,
    kShutdown,
    kNew,
    kDestructor,
    kConfigDestructor,
    kOther,
    kFree,
    kGiveBack,
    kRun,
    kShed,
    kUnused,
    kPutError
  };
  [[nodiscard]] static std::vector<std::byte> boringssl() {
    SmallLibrary library;
    library.at(kReadImpl).puts(226).puts(215).calls(kHandshake).returns();
    library.at(kWrite).puts(226).puts(215).puts(111).calls(kHandshake).returns();
    library.at(kHandshake).puts(134).calls(kRun).calls(kShed).returns();
    library.at(kRead).puts(66).calls(kReadImpl).stores().returns();
    library.at(kPeek).puts(66).calls(kReadImpl).returns();
    library.at(kShutdown).puts(226).puts(291).calls(kReadImpl).returns();
    library.at(kNew).puts(185).calls(kDestructor).calls(kConfigDestructor);
    library.calls(kOther).calls(kGiveBack).returns();
    library.at(kDestructor).calls(kConfigDestructor).calls(kGiveBack).calls_by_pointer().returns();
    library.at(kConfigDestructor).calls(kOther).calls(kGiveBack).calls_by_pointer().returns();
    library.at(kFree).calls(kDestructor).calls(kGiveBack).returns();
    return library.file();
  }

 private:
  static constexpr std::size_t kTexts = 2048;
  static constexpr std::size_t kFrames = 6144;
  static constexpr std::size_t kFrameBytes = 20;

  SmallLibrary() : file_(kBytes) {
    std::fill_n(file_.begin() + kCode, kFunctions * kFunctionBytes, std::byte{0x90});
    for (std::size_t at = 0; at < kFunctions; ++at) this->at(at).returns();
  }

  template <typename T>
  void put(std::size_t at, const T& value) {
    std::memcpy(file_.data() + at, &value, sizeof(value));
  }
  SmallLibrary& bytes(std::initializer_list<int> code) {
    for (const int byte : code) file_[next_++] = static_cast<std::byte>(byte);
    return *this;
  }
  SmallLibrary& number(std::size_t value) {
    put(next_, static_cast<std::uint32_t>(value));
    next_ += sizeof(std::uint32_t);
    return *this;
  }

  SmallLibrary& at(std::size_t function) {
    next_ = kCode + function * kFunctionBytes;
    return *this;
  }
  SmallLibrary& returns() {
    bytes({0xc3});
    const std::size_t function = (next_ - 1 - kCode) / kFunctionBytes;
    bytes_[function] = static_cast<std::uint32_t>(next_ - kCode - function * kFunctionBytes);
    return *this;
  }
  SmallLibrary& calls(std::size_t function) {
    return bytes({0xe8}).number(kCode + function * kFunctionBytes - next_ - 4);
  }
  SmallLibrary& calls_by_pointer() { return bytes({0xff, 0x10}); }         // call *(%rax)
  SmallLibrary& stores() { return bytes({0x48, 0x89, 0x08}); }             // mov %rcx, (%rax)
  SmallLibrary& counts_down() { return bytes({0xf0, 0x0f, 0xc1, 0x07}); }  // lock xadd %eax, (%rdi)
  SmallLibrary& names(std::string_view text) {                             // lea text(%rip), %rcx
    std::memcpy(file_.data() + texts_, text.data(), text.size());
    const std::size_t place = texts_;
    texts_ += text.size() + 1;
    return bytes({0x48, 0x8d, 0x0d}).number(place - next_ - 4);
  }
  SmallLibrary& raises(std::size_t function, std::string_view name, std::size_t reason) {
    at(function).names("ssl/ssl_lib.c").names(name);
    return bytes({0xbf}).number(20).bytes({0xbe}).number(reason).calls(15);  // edi, esi
  }
  void transfers(std::size_t first, std::string_view name, std::string_view internal) {
    raises(first, name, 271).calls(first + 1).returns();
    raises(first + 1, internal, 276).returns();
    at(first + 2).calls(first + 1).returns();
  }
  SmallLibrary& puts(std::size_t reason) {
    bytes({0xbf}).number(16).bytes({0x31, 0xf6, 0xba}).number(reason);  // edi, esi, edx
    return names("ssl/ssl_lib.cc").calls(kPutError);
  }

  // A CIE and an FDE for each function, pcrel and sdata4.
  void put_frames() {
    constexpr std::array<std::uint8_t, kFrameBytes> kCommon = {
        16, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x1b, 0, 0, 0};
    put(kFrames, kCommon);
    std::size_t at = kFrames + kCommon.size();
    for (std::size_t function = 0; function < kFunctions; ++function) {
      struct Frame {
        std::uint32_t length, id;
        std::int32_t begin;
        std::uint32_t bytes, rest;
      };
      const auto begin = static_cast<std::int32_t>(kCode + function * kFunctionBytes) -
                         static_cast<std::int32_t>(at + 8);
      put(at, Frame{16, static_cast<std::uint32_t>(at + 4 - kFrames), begin, bytes_[function], 0});
      at += sizeof(Frame);
    }
    frames_end_ = at;
  }

  [[nodiscard]] std::vector<std::byte> file() {
    put_frames();
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_machine = EM_X86_64;
    header.e_phoff = sizeof(header);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 1;
    header.e_shoff = 256;
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = 2;
    header.e_shstrndx = 0;
    put(0, header);
    put(sizeof(header), Elf64_Phdr{PT_LOAD, PF_R | PF_X, 0, 0, 0, kBytes, kBytes, 4096});
    constexpr std::string_view kNames{"\0.eh_frame", 11};
    std::memcpy(file_.data() + 1024, kNames.data(), kNames.size());
    Elf64_Shdr sections[2]{};
    sections[0].sh_type = SHT_STRTAB;
    sections[0].sh_offset = 1024;
    sections[0].sh_size = kNames.size();
    sections[1].sh_type = SHT_PROGBITS;
    sections[1].sh_name = 1;
    sections[1].sh_addr = kFrames;
    sections[1].sh_size = frames_end_ - kFrames;
    put(256, sections);
    return file_;
  }

  std::vector<std::byte> file_;
  std::array<std::uint32_t, kFunctions> bytes_{};
  std::size_t next_ = 0;
  std::size_t texts_ = kTexts;
  std::size_t frames_end_ = 0;
};

}  // namespace beyla::probes::tls::testing
