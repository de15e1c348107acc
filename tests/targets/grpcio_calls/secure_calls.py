"""grpcio with TLS: "serve PORT PEM", or "call PORT PEM COUNT", half to Fine and half to Missing."""
import sys
from concurrent import futures
from pathlib import Path

import grpc


class Calls(grpc.GenericRpcHandler):
    def service(self, details):
        if details.method == "/targets.Calls/Fine":
            return grpc.unary_unary_rpc_method_handler(lambda request, context: request)
        return grpc.unary_unary_rpc_method_handler(lambda _, context: context.abort(grpc.StatusCode.NOT_FOUND, "none"))


def serve(port: str, pem: bytes) -> None:
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Calls()])
    server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials([(pem, pem)]))
    server.start()
    server.wait_for_termination()


def call(port: str, pem: bytes, count: int) -> None:
    options = [("grpc.ssl_target_name_override", "localhost")]
    with grpc.secure_channel(f"127.0.0.1:{port}", grpc.ssl_channel_credentials(pem), options) as channel:
        for number in range(count):
            method = channel.unary_unary("/targets.Calls/" + ("Missing" if number % 2 else "Fine"))
            try:
                method(b"message")
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.NOT_FOUND:
                    raise


if __name__ == "__main__":
    content = Path(sys.argv[3]).read_bytes()
    serve(sys.argv[2], content) if sys.argv[1] == "serve" else call(sys.argv[2], content, int(sys.argv[4]))
