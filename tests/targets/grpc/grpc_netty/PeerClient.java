import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;

final class PeerClient {
    private static final ScheduledExecutorService CLOCK = Executors.newSingleThreadScheduledExecutor();

    private record Line(String method, int messages, int bytes, int timeout, int cancel, int metadata, boolean compress,
            String query) {
        static Line of(String line) {
            String[] words = line.split(" ");
            int[] numbers = new int[words.length];
            for (int i = 1; i < 7; ++i) {
                numbers[i] = Integer.parseInt(words[i]);
            }
            return new Line(words[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6] != 0,
                    words[7]);
        }

        String message() {
            int missing = bytes - query.length();
            return missing > 0 ? query + "&pad=" + "p".repeat(missing) : query;
        }

        CallOptions options() {
            CallOptions options = CallOptions.DEFAULT;
            if (timeout != 0) {
                options = options.withDeadlineAfter(timeout, TimeUnit.MILLISECONDS);
            }
            return compress ? options.withCompression("gzip") : options;
        }
    }

    private static Channel withMetadata(Channel channel, int bytes) {
        if (bytes == 0) {
            return channel;
        }
        Metadata metadata = new Metadata();
        metadata.put(PeerServer.PADDING, "~".repeat(bytes));
        return ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(metadata));
    }

    private static StreamObserver<String> until(IntConsumer done) {
        return new StreamObserver<>() {
            @Override
            public void onNext(String message) {}

            @Override
            public void onError(Throwable error) {
                done.accept(Status.fromThrowable(error).getCode().value());
            }

            @Override
            public void onCompleted() {
                done.accept(0);
            }
        };
    }

    private static void begin(Channel channel, Line line, IntConsumer done) {
        ClientCall<String, String> call = withMetadata(channel, line.metadata).newCall(Peer.method(line.method), line.options());
        StreamObserver<String> answers = until(done);
        switch (line.method) {
            case "ServerStream" -> ClientCalls.asyncServerStreamingCall(call, line.message(), answers);
            case "ClientStream" -> send(ClientCalls.asyncClientStreamingCall(call, answers), line);
            case "Bidirectional" -> send(ClientCalls.asyncBidiStreamingCall(call, answers), line);
            default -> ClientCalls.asyncUnaryCall(call, line.message(), answers);
        }
        if (line.cancel != 0) {
            CLOCK.schedule(() -> call.cancel("as asked", null), line.cancel, TimeUnit.MILLISECONDS);
        }
    }

    private static void send(StreamObserver<String> requests, Line line) {
        for (int left = line.messages; left > 0; --left) {
            requests.onNext(line.message());
        }
        requests.onCompleted();
    }

    static void callAll(int port, int atOnce) throws Exception {
        List<Line> lines = new BufferedReader(new InputStreamReader(System.in)).lines().map(Line::of).toList();
        int[] codes = new int[lines.size()];
        ManagedChannel channel = NettyChannelBuilder.forAddress("127.0.0.1", port).usePlaintext().build();
        Semaphore turns = new Semaphore(atOnce);
        CountDownLatch left = new CountDownLatch(codes.length);
        for (int i = 0; i < codes.length; ++i) {
            int index = i;
            turns.acquire();
            begin(channel, lines.get(index), code -> {
                codes[index] = code;
                turns.release();
                left.countDown();
            });
        }
        left.await();
        for (int i = 0; i < codes.length; ++i) {
            System.out.println(i + " " + codes[i]);
        }
        channel.shutdown().awaitTermination(5, TimeUnit.SECONDS);
        CLOCK.shutdown();
    }
}
