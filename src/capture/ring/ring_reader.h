// Reads a BPF ring buffer through its own mapping, so that the reading side needs only a file
// descriptor and no privilege. Layout: kernel/bpf/ringbuf.c (consumer page, producer page, data,
// then the data once more). Only the first copy of the data is mapped, since each page mapped
// counts as resident memory; a record that goes over the end is put together in a buffer. One
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace beyla::capture::ring {

class RingReader {
 public:
  // `data_bytes` is the ring's max_entries; a record longer than `max_record_bytes` is cut to it.
  // The fd is borrowed during the call only.
  [[nodiscard]] static base::Result<RingReader> make(int ring_fd, std::size_t data_bytes,
                                                     std::size_t max_record_bytes);
  RingReader(RingReader&& other) noexcept;
  RingReader& operator=(RingReader&&) = delete;
  ~RingReader();

  // Calls sink(span<const byte>) for up to `limit` records; a record is dead when sink returns.
  // Returns how many were read.
  template <typename Sink>
  std::size_t read(std::size_t limit, Sink&& sink) {
    std::size_t count = 0;
    while (count < limit) {
      const Record record = next();
      if (record.length == 0) break;
      if (!record.discarded) {
        sink(record.bytes);
        ++count;
      }
      release(record);
    }
    return count;
  }
  [[nodiscard]] bool empty() const;

 private:
  struct Record {
    std::span<const std::byte> bytes;
    std::size_t length = 0;  // 0: none is ready
    bool discarded = false;
  };
  RingReader(void* consumer, void* producer, std::size_t data_bytes, std::size_t max_record_bytes);
  [[nodiscard]] Record next();
  [[nodiscard]] std::span<const std::byte> contiguous(std::size_t at, std::size_t size);
  void release(const Record& record);

  void* consumer_ = nullptr;
  void* producer_ = nullptr;
  std::size_t data_bytes_ = 0;
  std::vector<std::byte> joined_;  // of max_record_bytes
  std::size_t joined_bytes_ = 0;   // of it in use
};

}  // namespace beyla::capture::ring
