// A target of the matrix: the JDK's own com.sun.net.httpserver. Usage: java Server PORT LOG.
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;

public final class Server {
  private static final int BACKLOG = 128;
  private static final int THREADS = 8;
  private static final long NO_BODY = -1;
  private static final byte[] ANSWER = "answered\n".getBytes(StandardCharsets.US_ASCII);

  private final FileOutputStream log;

  private Server(String logPath) throws IOException {
    log = new FileOutputStream(logPath, true);
  }

  private static int statusOf(String path) {
    return path.startsWith("/status/") ? Integer.parseInt(path.substring("/status/".length())) : 200;
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] received = exchange.getRequestBody().readAllBytes();
      byte[] body = received.length == 0 ? ANSWER : received;
      String method = exchange.getRequestMethod();
      int status = statusOf(exchange.getRequestURI().getPath());
      log.write((method + " " + status + "\n").getBytes(StandardCharsets.US_ASCII));
      if (status == 301) exchange.getResponseHeaders().set("Location", "/hello");
      boolean hasBody = status != 204 && !method.equals("HEAD");
      exchange.sendResponseHeaders(status, hasBody ? body.length : NO_BODY);
      if (hasBody) {
        try (OutputStream out = exchange.getResponseBody()) {
          out.write(body);
        }
      }
    }
  }

  public static void main(String[] arguments) throws IOException {
    Server handler = new Server(arguments[1]);
    var address = new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0]));
    HttpServer server = HttpServer.create(address, BACKLOG);
    server.createContext("/", handler::answer);
    server.setExecutor(Executors.newFixedThreadPool(THREADS));
    server.start();
  }
}
