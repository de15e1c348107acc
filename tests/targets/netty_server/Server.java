// An HTTPS target of the matrix: Netty with BoringSSL, which it unpacks into a file that it deletes once it is loaded.
// Usage: Server PORT LOG CERTIFICATE KEY.
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslProvider;
import java.io.File;
import java.nio.charset.StandardCharsets;

public final class Server {
  private static final int LONGEST_BODY_BYTES = 2 << 20;

  private static final class Answer extends SimpleChannelInboundHandler<FullHttpRequest> {
    private static int statusOf(String path) {
      return path.startsWith("/status/") ? Integer.parseInt(path.substring("/status/".length())) : 200;
    }

    private static ByteBuf bodyOf(FullHttpRequest request, int status) {
      if (status == 204) return Unpooled.EMPTY_BUFFER;
      if (request.content().isReadable()) return request.content().retain();
      return Unpooled.copiedBuffer("answered\n", StandardCharsets.US_ASCII);
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
      int status = statusOf(request.uri());
      ByteBuf body = bodyOf(request, status);
      int bytes = body.readableBytes();
      boolean isHead = request.method().name().equals("HEAD");
      var response = new DefaultFullHttpResponse(
          HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(status), isHead ? Unpooled.EMPTY_BUFFER : body);
      if (status != 204) response.headers().set(HttpHeaderNames.CONTENT_LENGTH, bytes);
      var written = context.writeAndFlush(response);
      if (!HttpUtil.isKeepAlive(request)) written.addListener(ChannelFutureListener.CLOSE);
    }
  }

  public static void main(String[] arguments) throws InterruptedException, javax.net.ssl.SSLException {
    SslContext tls = SslContextBuilder.forServer(new File(arguments[2]), new File(arguments[3]))
        .sslProvider(SslProvider.OPENSSL)
        .build();
    new ServerBootstrap()
        .group(new NioEventLoopGroup(1), new NioEventLoopGroup(2))
        .channel(NioServerSocketChannel.class)
        .childHandler(new ChannelInitializer<SocketChannel>() {
          @Override
          protected void initChannel(SocketChannel channel) {
            channel.pipeline().addLast(tls.newHandler(channel.alloc()), new HttpServerCodec(),
                new HttpObjectAggregator(LONGEST_BODY_BYTES), new Answer());
          }
        })
        .bind("127.0.0.1", Integer.parseInt(arguments[0])).sync().channel().closeFuture().sync();
  }
}
