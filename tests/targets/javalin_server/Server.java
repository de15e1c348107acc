// A target of the matrix: Javalin on Jetty. Usage: java Server PORT LOG.
import io.javalin.Javalin;
import io.javalin.http.Context;
import io.javalin.http.HandlerType;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

public final class Server {
  private static final byte[] ANSWER = "answered\n".getBytes(StandardCharsets.US_ASCII);
  private static final List<HandlerType> METHODS =
      List.of(HandlerType.GET, HandlerType.HEAD, HandlerType.POST, HandlerType.PUT, HandlerType.DELETE);

  private final FileOutputStream log;

  private Server(String logPath) throws IOException {
    log = new FileOutputStream(logPath, true);
  }

  private static int statusOf(String path) {
    return path.startsWith("/status/") ? Integer.parseInt(path.substring("/status/".length())) : 200;
  }

  private void answer(Context context) throws IOException {
    byte[] received = context.bodyAsBytes();
    int status = statusOf(context.path());
    log.write((context.method() + " " + status + "\n").getBytes(StandardCharsets.US_ASCII));
    if (status == 301) context.header("Location", "/hello");
    context.status(status);
    if (status != 204) context.result(received.length == 0 ? ANSWER : received);
  }

  public static void main(String[] arguments) throws IOException {
    Server handler = new Server(arguments[1]);
    Javalin server = Javalin.create(settings -> settings.showJavalinBanner = false);
    for (HandlerType method : METHODS) {
      for (String path : List.of("/hello", "/echo", "/status/{code}")) {
        server.addHttpHandler(method, path, handler::answer);
      }
    }
    server.start("127.0.0.1", Integer.parseInt(arguments[0]));
  }
}
