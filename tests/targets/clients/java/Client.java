// A client of the matrix: java.net.http.HttpClient over HTTP/1.1.
// Usage: java Client URL COUNT keep-alive|close MIX SEED CONNECTIONS; for "close" the JVM must allow that header
// by -Djdk.httpclient.allowRestrictedHeaders=connection.
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

public final class Client {
  private record Step(String method, String path, int bodyBytes, boolean chunked) {
    static Step parse(String line) {
      String[] words = line.split(" ");
      return new Step(words[0], words[1], Integer.parseInt(words[2]), words[3].equals("chunked"));
    }

    BodyPublisher body() {
      if (bodyBytes == 0) return BodyPublishers.noBody();
      byte[] body = new byte[bodyBytes];
      Arrays.fill(body, (byte) 'x');
      if (chunked) return BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body));
      return BodyPublishers.ofByteArray(body);
    }
  }

  private final HttpClient client = HttpClient.newBuilder()
      .version(HttpClient.Version.HTTP_1_1)
      .followRedirects(HttpClient.Redirect.NEVER)
      .build();
  private final Map<String, Integer> counts = new TreeMap<>();
  private final AtomicInteger next = new AtomicInteger();
  private final String url;
  private final boolean close;

  private Client(String url, boolean close) {
    this.url = url;
    this.close = close;
  }

  private void send(Step step) throws IOException, InterruptedException {
    var request = HttpRequest.newBuilder(URI.create(url + step.path())).method(step.method(), step.body());
    if (close) request.header("Connection", "close");
    int status = client.send(request.build(), BodyHandlers.discarding()).statusCode();
    synchronized (counts) {
      counts.merge(step.method() + " " + status, 1, Integer::sum);
    }
  }

  private Void work(List<Step> mix, int seed, int count) throws IOException, InterruptedException {
    for (int index = next.getAndIncrement(); index < count; index = next.getAndIncrement()) {
      send(mix.get((seed + index) % mix.size()));
    }
    return null;
  }

  public static void main(String[] arguments) throws Exception {
    Client client = new Client(arguments[0], arguments[2].equals("close"));
    int count = Integer.parseInt(arguments[1]);
    int seed = Integer.parseInt(arguments[4]);
    List<Step> mix = Files.readAllLines(Path.of(arguments[3])).stream().map(Step::parse).toList();
    List<Callable<Void>> workers = new ArrayList<>();
    for (int i = 0; i < Integer.parseInt(arguments[5]); ++i) workers.add(() -> client.work(mix, seed, count));
    for (Future<Void> worker : Executors.newCachedThreadPool().invokeAll(workers)) worker.get();
    System.out.println(client.counts.entrySet().stream()
        .map(entry -> "\"" + entry.getKey() + "\": " + entry.getValue())
        .collect(Collectors.joining(", ", "{", "}")));
    System.exit(0);  // the pool's threads would keep it for a minute
  }
}
