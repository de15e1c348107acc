// Target: gRPC's C++ library in both roles; see ../README.md. Messages pass as they are.
#pragma once

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

using Bytes = grpc::ByteBuffer;

inline Bytes pack(const std::string& text) {
  const grpc::Slice slice(text);
  return Bytes(&slice, 1);
}

inline std::string unpack(const Bytes& bytes) {
  std::vector<grpc::Slice> slices;
  (void)bytes.Dump(&slices);
  std::string text;
  for (const grpc::Slice& slice : slices) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return text;
}

inline std::string content_of(const char* variable) {
  std::ifstream file(std::getenv(variable));
  return {std::istreambuf_iterator<char>(file), {}};
}

inline bool with_tls() { return std::getenv("TLS_CERTIFICATE") != nullptr; }

void serve(const std::string& port);
void call_all(const std::string& port, unsigned at_once);
