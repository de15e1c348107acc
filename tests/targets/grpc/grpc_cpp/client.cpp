#include <atomic>
#include <chrono>
#include <iostream>
#include <thread>

#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/support/sync_stream.h>

#include "peer.h"

namespace {

using grpc::internal::RpcMethod;

struct Call {
  std::string method;
  int messages = 0;
  std::size_t bytes = 0;
  int timeout_ms = 0;
  int cancel_ms = 0;
  std::size_t metadata_bytes = 0;
  int compress = 0;
  std::string query;
};

RpcMethod::RpcType type_of(const std::string& method) {
  if (method == "ServerStream") return RpcMethod::SERVER_STREAMING;
  if (method == "ClientStream") return RpcMethod::CLIENT_STREAMING;
  if (method == "Bidirectional") return RpcMethod::BIDI_STREAMING;
  return RpcMethod::NORMAL_RPC;
}

std::chrono::system_clock::time_point in(int milliseconds) {
  return std::chrono::system_clock::now() + std::chrono::milliseconds(milliseconds);
}

void prepare(grpc::ClientContext& context, const Call& call) {
  if (call.timeout_ms != 0) context.set_deadline(in(call.timeout_ms));
  if (call.metadata_bytes != 0) context.AddMetadata("padding", std::string(call.metadata_bytes, '~'));
  if (call.compress != 0) context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
}

Bytes message_of(const Call& call) {
  std::string text = call.query;
  if (text.size() < call.bytes) text += "&pad=" + std::string(call.bytes - text.size(), 'p');
  return pack(text);
}

grpc::Status converse(grpc::ChannelInterface* channel, const RpcMethod& method, const Call& call,
                      grpc::ClientContext& context) {
  const Bytes message = message_of(call);
  Bytes answer;
  switch (method.method_type()) {
    case RpcMethod::SERVER_STREAMING: {
      std::unique_ptr<grpc::ClientReader<Bytes>> reader(
          grpc::internal::ClientReaderFactory<Bytes>::Create(channel, method, &context, message));
      while (reader->Read(&answer)) continue;
      return reader->Finish();
    }
    case RpcMethod::CLIENT_STREAMING: {
      std::unique_ptr<grpc::ClientWriter<Bytes>> writer(
          grpc::internal::ClientWriterFactory<Bytes>::Create(channel, method, &context, &answer));
      for (int left = call.messages; left > 0 && writer->Write(message); --left) continue;
      writer->WritesDone();
      return writer->Finish();
    }
    case RpcMethod::BIDI_STREAMING: {
      std::unique_ptr<grpc::ClientReaderWriter<Bytes, Bytes>> stream(
          grpc::internal::ClientReaderWriterFactory<Bytes, Bytes>::Create(channel, method, &context));
      for (int left = call.messages; left > 0 && stream->Write(message); --left) continue;
      stream->WritesDone();
      while (stream->Read(&answer)) continue;
      return stream->Finish();
    }
    default: return grpc::internal::BlockingUnaryCall(channel, method, &context, message, &answer);
  }
}

int carry_out(grpc::ChannelInterface* channel, const Call& call) {
  grpc::ClientContext context;
  prepare(context, call);
  const std::string name = "/targets.Calls/" + call.method;
  const RpcMethod method(name.c_str(), type_of(call.method));
  std::jthread canceller;
  if (call.cancel_ms != 0) {
    canceller = std::jthread([&] {
      std::this_thread::sleep_until(in(call.cancel_ms));
      context.TryCancel();
    });
  }
  return converse(channel, method, call, context).error_code();
}

std::vector<Call> read() {
  std::vector<Call> calls;
  for (Call call; std::cin >> call.method >> call.messages >> call.bytes >> call.timeout_ms >>
                  call.cancel_ms >> call.metadata_bytes >> call.compress >> call.query;) {
    calls.push_back(call);
  }
  return calls;
}

std::shared_ptr<grpc::Channel> channel_to(const std::string& port) {
  grpc::ChannelArguments arguments;
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (with_tls()) {
    credentials = grpc::SslCredentials({.pem_root_certs = content_of("TLS_CERTIFICATE"), .pem_private_key = {}, .pem_cert_chain = {}});
    arguments.SetSslTargetNameOverride("localhost");
  }
  return grpc::CreateCustomChannel("127.0.0.1:" + port, credentials, arguments);
}

}  // namespace

void call_all(const std::string& port, unsigned at_once) {
  const std::vector<Call> calls = read();
  std::vector<int> codes(calls.size());
  const auto channel = channel_to(port);
  std::atomic<std::size_t> next = 0;
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < at_once; ++i) {
      threads.emplace_back([&] {
        for (std::size_t index; (index = next++) < calls.size();) {
          codes[index] = carry_out(channel.get(), calls[index]);
        }
      });
    }
  }
  for (std::size_t index = 0; index < codes.size(); ++index) std::cout << index << ' ' << codes[index] << '\n';
}

int main(int count, char** arguments) {
  if (count > 2 && arguments[1] == std::string("serve")) {
    serve(arguments[2]);
  } else if (count > 3) {
    call_all(arguments[2], static_cast<unsigned>(std::atoi(arguments[3])));
  }
}
