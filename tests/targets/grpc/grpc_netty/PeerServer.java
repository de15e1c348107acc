import io.grpc.Metadata;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

final class PeerServer {
    private static final int MAX_METADATA_BYTES = 1 << 16;
    static final Metadata.Key<String> PADDING = Metadata.Key.of("padding", Metadata.ASCII_STRING_MARSHALLER);

    private static void pause(Integer milliseconds) {
        try {
            Thread.sleep(milliseconds == null ? 0 : milliseconds);
        } catch (InterruptedException error) {
            throw new IllegalStateException(error);
        }
    }

    private static Map<String, Integer> obey(String message) {
        Map<String, Integer> asked = new HashMap<>();
        for (String part : message.split("&")) {
            int equals = part.indexOf('=');
            if (!part.startsWith("pad=")) {
                asked.put(part.substring(0, equals), Integer.valueOf(part.substring(equals + 1)));
            }
        }
        pause(asked.get("delay"));
        if (asked.containsKey("exit")) {
            Runtime.getRuntime().halt(0);
        }
        int code = asked.getOrDefault("code", 0);
        if (code != 0) {
            Metadata trailers = new Metadata();
            int padding = asked.getOrDefault("trailer", 0);
            if (padding != 0) {
                trailers.put(PADDING, "~".repeat(padding));
            }
            throw Status.fromCodeValue(code).withDescription("as asked: 100 %, ü\n").asRuntimeException(trailers);
        }
        return asked;
    }

    private static String answer(Map<String, Integer> asked) {
        return "x".repeat(asked.getOrDefault("size", 0));
    }

    private static void unary(String request, StreamObserver<String> answers) {
        try {
            answers.onNext(answer(obey(request)));
            answers.onCompleted();
        } catch (StatusRuntimeException error) {
            answers.onError(error);
        }
    }

    private static void serverStream(String request, StreamObserver<String> answers) {
        try {
            Map<String, Integer> asked = obey(request);
            for (int left = asked.getOrDefault("count", 0); left > 0; --left) {
                pause(asked.get("interval"));
                answers.onNext(answer(asked));
            }
            answers.onCompleted();
        } catch (StatusRuntimeException error) {
            answers.onError(error);
        }
    }

    /** Of a streamed request; each: its messages are answered one by one. */
    private static StreamObserver<String> messages(StreamObserver<String> answers, boolean each) {
        return new StreamObserver<>() {
            private String last = "";
            private boolean failed;

            @Override
            public void onNext(String message) {
                if (failed) {
                    return;
                }
                try {
                    last = answer(obey(message));
                    if (each) {
                        answers.onNext(last);
                    }
                } catch (StatusRuntimeException error) {
                    failed = true;
                    answers.onError(error);
                }
            }

            @Override
            public void onError(Throwable error) {
                failed = true;
            }

            @Override
            public void onCompleted() {
                if (failed) {
                    return;
                }
                if (!each) {
                    answers.onNext(last);
                }
                answers.onCompleted();
            }
        };
    }

    static void serve(int port) throws Exception {
        ServerServiceDefinition calls = ServerServiceDefinition.builder(Peer.SERVICE)
                .addMethod(Peer.method("Unary"), ServerCalls.asyncUnaryCall(PeerServer::unary))
                .addMethod(Peer.method("ServerStream"), ServerCalls.asyncServerStreamingCall(PeerServer::serverStream))
                .addMethod(Peer.method("ClientStream"),
                        ServerCalls.asyncClientStreamingCall(answers -> messages(answers, false)))
                .addMethod(Peer.method("Bidirectional"),
                        ServerCalls.asyncBidiStreamingCall(answers -> messages(answers, true)))
                .build();
        NettyServerBuilder builder = NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", port))
                .executor(Executors.newCachedThreadPool()).maxInboundMetadataSize(MAX_METADATA_BYTES).addService(calls);
        String age = System.getenv("MAX_AGE_MS");
        if (age != null) {
            builder.maxConnectionAge(Long.parseLong(age), TimeUnit.MILLISECONDS);
        }
        builder.build().start().awaitTermination();
    }
}
