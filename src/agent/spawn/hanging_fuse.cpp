#include "agent/spawn/hanging_fuse.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "agent/spawn/process_setup.h"
#include "agent/spawn/spawn_test_support.h"

namespace beyla::agent::spawn::testing {
namespace {

constexpr std::uint64_t kFileNode = 2;
constexpr std::uint64_t kFileBytes = 8192;
constexpr std::size_t kRequestBytes = 1 << 17;  // at least FUSE_MIN_READ_BUFFER

class Server {
 public:
  Server(int device, HangAt where, int news) : device_(device), where_(where), news_(news) {}

  // Until the device is closed from the other side.
  void run() {
    if (where_ == HangAt::start) {
      while (true) ::pause();
    }
    while (::read(device_, request_.data(), request_.size()) > 0) serve();
  }

 private:
  void serve() {
    fuse_in_header header{};
    std::memcpy(&header, request_.data(), sizeof(header));
    switch (header.opcode) {
      case FUSE_INIT: return reply(header, initial());
      case FUSE_LOOKUP: return reply(header, entry());
      case FUSE_GETATTR: return reply(header, attributes(header.nodeid));
      case FUSE_OPEN:
        if (where_ == HangAt::open) return hang();
        return reply(header, fuse_open_out{});
      case FUSE_READ: return hang();
      case FUSE_INTERRUPT:
      case FUSE_FORGET:
      case FUSE_BATCH_FORGET: return;
      default: return fail(header, ENOSYS);
    }
  }
  void hang() const { send_text(news_, "hung"); }

  template <typename T>
  void reply(const fuse_in_header& request, const T& body) const {
    fuse_out_header header{sizeof(fuse_out_header) + sizeof(T), 0, request.unique};
    const std::array<iovec, 2> pieces{
        {{&header, sizeof(header)}, {const_cast<T*>(&body), sizeof(T)}}};
    static_cast<void>(::writev(device_, pieces.data(), pieces.size()));
  }
  void fail(const fuse_in_header& request, int error) const {
    const fuse_out_header header{sizeof(fuse_out_header), -error, request.unique};
    static_cast<void>(!::write(device_, &header, sizeof(header)));
  }

  fuse_init_out initial() const {
    fuse_init_out out{};
    out.major = FUSE_KERNEL_VERSION;
    out.minor = 31;
    out.max_readahead = kFileBytes;
    out.flags = where_ == HangAt::read_by_pages ? FUSE_ASYNC_READ : 0;
    out.max_write = 4096;
    return out;
  }
  static fuse_attr attr(std::uint64_t node) {
    fuse_attr out{};
    out.ino = node;
    out.size = node == kFileNode ? kFileBytes : 0;
    out.mode = node == kFileNode ? S_IFREG | 0644 : S_IFDIR | 0755;
    out.nlink = 1;
    return out;
  }
  static fuse_entry_out entry() {
    fuse_entry_out out{};
    out.nodeid = kFileNode;
    out.attr = attr(kFileNode);
    return out;
  }
  static fuse_attr_out attributes(std::uint64_t node) {
    fuse_attr_out out{};
    out.attr = attr(node);
    return out;
  }

  int device_;
  HangAt where_;
  int news_;
  std::array<char, kRequestBytes> request_{};
};

base::Result<base::Fd> mount_at(const std::string& folder) {
  // Of this process alone: nothing stays mounted, whatever happens to the test.
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return base::fail_errno(errno, "cannot make a mount namespace");
  }
  base::Fd device(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!device.valid()) return base::fail_errno(errno, "cannot open /dev/fuse");
  const std::string options =
      "fd=" + std::to_string(device.get()) + ",rootmode=40000,user_id=0,group_id=0";
  if (::mount("beyla_test", folder.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    return base::fail_errno(errno, "cannot mount a FUSE file system");
  }
  return device;
}

}  // namespace

base::Result<std::unique_ptr<HangingFuse>> HangingFuse::mount(HangAt where) {
  std::string folder = std::filesystem::temp_directory_path() / "beyla_fuse_XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) return base::fail_errno(errno, "cannot make a folder");
  auto device = mount_at(folder);
  int news[2] = {-1, -1};
  if (!device || ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, news) != 0) {
    ::rmdir(folder.c_str());
    if (!device) return std::unexpected(std::move(device).error());
    return base::fail_errno(errno, "cannot make a socket pair");
  }
  base::Fd ours(news[0]);
  const base::Fd theirs(news[1]);
  const pid_t test = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (die_with(test)) Server(device->get(), where, theirs.get()).run();
    ::_exit(0);
  }
  return std::unique_ptr<HangingFuse>(
      new HangingFuse(std::move(folder), OwnProcess(pid), std::move(ours)));
}

HangingFuse::~HangingFuse() {
  abort();
  ::umount2(folder_.c_str(), MNT_DETACH);
  ::rmdir(folder_.c_str());
}

bool HangingFuse::has_hung() const { return receive_text(news_.get()) == "hung"; }

void HangingFuse::abort() {
  server_.kill();
  server_.wait_for(kPatience);
}

}  // namespace beyla::agent::spawn::testing
