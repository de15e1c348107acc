// Reads a BPF ring buffer through its own mapping, so that the reading side needs only a file
// descriptor and no privilege. Layout: kernel/bpf/ringbuf.c (consumer page, producer page, data,
// then the data once more). Only the first copy of the data is mapped, since each page mapped
// counts as resident memory; a record that goes over the end is put together in a buffer. One
// thread.
//
// What is read stays in the ring until release(): who dies before leaves it to a successor.
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
  // The fd is borrowed during the call only. Reading begins where the last reader released; where
  // it left a position that no record begins at, all that is there now is passed over.
  [[nodiscard]] static base::Result<RingReader> make(int ring_fd, std::size_t data_bytes,
                                                     std::size_t max_record_bytes);
  RingReader(RingReader&& other) noexcept;
  RingReader& operator=(RingReader&&) = delete;
  ~RingReader();

  struct Read {
    std::size_t records = 0;
    bool stopped_at_limit = false;  // else because no more was ready
  };
  // Calls sink(span<const byte>) for up to `max_records`, or until they take up `max_bytes` of the
  // ring; a record is dead when sink returns.
  template <typename Sink>
  Read read(std::size_t max_records, std::size_t max_bytes, Sink&& sink) {
    const std::uint64_t begin = position_;
    Read done;
    while (done.records < max_records && position_ - begin < max_bytes) {
      const Record record = next();
      if (record.length == 0) return done;
      if (!record.discarded) {
        sink(record.bytes);
        ++done.records;
      }
      position_ += record.length;
    }
    done.stopped_at_limit = true;
    return done;
  }
  // The kernel may write over all that was read.
  void release();
  // Behind all that was read. Counts bytes from the ring's making, never back to 0.
  [[nodiscard]] std::uint64_t position() const { return position_; }
  // Reading goes on there: a predecessor handled all before it and died before release(). Frees it.
  // False, and nothing changes: no record between the ring's two ends begins there.
  [[nodiscard]] bool resume_at(std::uint64_t position);
  // All was read, but for what comes.
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
  [[nodiscard]] std::uint32_t header_at(std::uint64_t at) const;
  [[nodiscard]] bool begins_record(std::uint64_t at) const;

  void* consumer_ = nullptr;
  void* producer_ = nullptr;
  std::size_t data_bytes_ = 0;
  std::uint64_t position_ = 0;
  std::vector<std::byte> joined_;  // of max_record_bytes
  std::size_t joined_bytes_ = 0;   // of it in use
};

}  // namespace beyla::capture::ring
