//! An HTTPS target of the matrix: axum over native-tls, that is over the system's libssl.
//! Usage: native_tls_server PORT LOG CERTIFICATE KEY.
use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode, Uri};
use axum::serve::Listener;
use axum::Router;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio_native_tls::{TlsAcceptor, TlsStream};

/// So small that writes have to be tried again.
const SEND_BUFFER_BYTES: u32 = 16 << 10;

async fn answer(uri: Uri, received: Bytes) -> Response<Body> {
    let status = uri
        .path()
        .strip_prefix("/status/")
        .and_then(|code| code.parse().ok())
        .unwrap_or(StatusCode::OK);
    let body = match (status, received.is_empty()) {
        (StatusCode::NO_CONTENT, _) => Body::empty(),
        (_, true) => Body::from("answered\n"),
        (_, false) => Body::from(received),
    };
    Response::builder().status(status).body(body).expect("a status makes a response")
}

/// Connections whose handshake is done; each is done in a task of its own.
struct Encrypted {
    address: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl Encrypted {
    fn new(listener: TcpListener, acceptor: TlsAcceptor) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, ready) = mpsc::channel(64);
        tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let (acceptor, sender) = (acceptor.clone(), sender.clone());
                tokio::spawn(async move {
                    if let Ok(encrypted) = acceptor.accept(stream).await {
                        let _ = sender.send((encrypted, peer)).await;
                    }
                });
            }
        });
        Ok(Self { address, ready })
    }
}

impl Listener for Encrypted {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        self.ready.recv().await.expect("the task that accepts runs")
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let (certificate, key) = (std::fs::read(&arguments[3])?, std::fs::read(&arguments[4])?);
    let identity = native_tls::Identity::from_pkcs8(&certificate, &key)?;
    let acceptor = TlsAcceptor::from(native_tls::TlsAcceptor::new(identity)?);
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(format!("127.0.0.1:{}", arguments[1]).parse()?)?;
    let listener = socket.listen(1024)?;
    axum::serve(Encrypted::new(listener, acceptor)?, Router::new().fallback(answer)).await?;
    Ok(())
}
