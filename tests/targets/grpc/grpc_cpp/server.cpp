#include <unistd.h>

#include <chrono>
#include <thread>

#include <grpcpp/impl/codegen/method_handler.h>
#include <grpcpp/impl/codegen/rpc_service_method.h>
#include <grpcpp/support/sync_stream.h>

#include "peer.h"

namespace {

using grpc::ServerContext;
using grpc::Status;
using Asked = std::map<std::string, long>;

void wait(long milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

Status obey(const Bytes& message, ServerContext& context, Asked& asked) {
  std::stringstream query(unpack(message));
  for (std::string part; std::getline(query, part, '&');) {
    const auto equals = part.find('=');
    asked[part.substr(0, equals)] = std::atol(part.c_str() + equals + 1);
  }
  wait(asked["delay"]);
  if (asked.contains("exit")) _exit(0);
  if (asked["code"] == 0) return Status::OK;
  if (asked["trailer"] != 0) {
    context.AddTrailingMetadata("padding", std::string(static_cast<std::size_t>(asked["trailer"]), '~'));
  }
  return {static_cast<grpc::StatusCode>(asked["code"]), "as asked: 100 %, ü\n"};
}

Bytes answer(Asked& asked) { return pack(std::string(static_cast<std::size_t>(asked["size"]), 'x')); }

class Calls final : public grpc::Service {
 public:
  Calls() {
    using namespace grpc::internal;
    const auto add = [this](const char* name, RpcMethod::RpcType type, MethodHandler* handler) {
      AddMethod(new RpcServiceMethod(name, type, handler));
    };
    add("/targets.Calls/Unary", RpcMethod::NORMAL_RPC,
        new RpcMethodHandler<Calls, Bytes, Bytes>(
            [](Calls*, ServerContext* context, const Bytes* request, Bytes* response) {
              Asked asked;
              const Status status = obey(*request, *context, asked);
              if (status.ok()) *response = answer(asked);
              return status;
            },
            this));
    add("/targets.Calls/ServerStream", RpcMethod::SERVER_STREAMING,
        new ServerStreamingHandler<Calls, Bytes, Bytes>(&server_stream, this));
    add("/targets.Calls/ClientStream", RpcMethod::CLIENT_STREAMING,
        new ClientStreamingHandler<Calls, Bytes, Bytes>(&client_stream, this));
    add("/targets.Calls/Bidirectional", RpcMethod::BIDI_STREAMING,
        new BidiStreamingHandler<Calls, Bytes, Bytes>(&bidirectional, this));
  }

 private:
  static Status server_stream(Calls*, ServerContext* context, const Bytes* request,
                              grpc::ServerWriter<Bytes>* writer) {
    Asked asked;
    const Status status = obey(*request, *context, asked);
    for (long left = asked["count"]; status.ok() && left > 0; --left) {
      wait(asked["interval"]);
      if (!writer->Write(answer(asked))) break;
    }
    return status;
  }

  static Status client_stream(Calls*, ServerContext* context, grpc::ServerReader<Bytes>* reader,
                              Bytes* response) {
    Asked asked;
    for (Bytes message; reader->Read(&message);) {
      const Status status = obey(message, *context, asked);
      if (!status.ok()) return status;
    }
    *response = answer(asked);
    return Status::OK;
  }

  static Status bidirectional(Calls*, ServerContext* context,
                              grpc::ServerReaderWriter<Bytes, Bytes>* stream) {
    for (Bytes message; stream->Read(&message);) {
      Asked asked;
      const Status status = obey(message, *context, asked);
      if (!status.ok()) return status;
      stream->Write(answer(asked));
    }
    return Status::OK;
  }
};

}  // namespace

void serve(const std::string& port) {
  Calls calls;
  grpc::ServerBuilder builder;
  std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
  if (with_tls()) {
    grpc::SslServerCredentialsOptions options;
    options.pem_key_cert_pairs.push_back({content_of("TLS_KEY"), content_of("TLS_CERTIFICATE")});
    credentials = grpc::SslServerCredentials(options);
  }
  builder.AddListeningPort("127.0.0.1:" + port, credentials);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 1 << 16);
  if (const char* const age = std::getenv("MAX_AGE_MS")) {
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, std::atoi(age));
  }
  builder.RegisterService(&calls);
  builder.BuildAndStart()->Wait();
}
