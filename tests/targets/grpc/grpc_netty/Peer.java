import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/** Target: grpc-java over Netty in both roles; see ../README.md. */
final class Peer {
    static final String SERVICE = "targets.Calls";

    private static final MethodDescriptor.Marshaller<String> TEXT = new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(String value) {
            return new ByteArrayInputStream(value.getBytes(StandardCharsets.UTF_8));
        }

        @Override
        public String parse(InputStream stream) {
            try {
                return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
            } catch (IOException error) {
                throw new IllegalStateException(error);
            }
        }
    };

    static MethodDescriptor<String, String> method(String name) {
        MethodType type = switch (name) {
            case "ServerStream" -> MethodType.SERVER_STREAMING;
            case "ClientStream" -> MethodType.CLIENT_STREAMING;
            case "Bidirectional" -> MethodType.BIDI_STREAMING;
            default -> MethodType.UNARY;
        };
        return MethodDescriptor.<String, String>newBuilder(TEXT, TEXT).setType(type)
                .setFullMethodName(MethodDescriptor.generateFullMethodName(SERVICE, name)).build();
    }

    public static void main(String[] arguments) throws Exception {
        int port = Integer.parseInt(arguments[1]);
        if (arguments[0].equals("serve")) {
            PeerServer.serve(port);
        } else {
            PeerClient.callAll(port, Integer.parseInt(arguments[2]));
        }
    }
}
