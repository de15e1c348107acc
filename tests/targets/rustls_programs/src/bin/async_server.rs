//! axum on hyper and tokio-rustls, HTTP/1 and HTTP/2. Usage: async_server PORT CERTIFICATE.
use axum::body::Bytes;
use axum::http::{StatusCode, Uri};
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls_programs::{answer_to, argument, server_config, status_of};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

async fn answer(uri: Uri, _received: Bytes) -> (StatusCode, Vec<u8>) {
    (StatusCode::from_u16(status_of(uri.path())).unwrap(), answer_to(uri.path()))
}

async fn serve() -> std::io::Result<()> {
    let mut config = server_config(&argument(2));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let application = Router::new().fallback(answer);
    let listener = TcpListener::bind(format!("127.0.0.1:{}", argument(1))).await?;
    loop {
        let (socket, _) = listener.accept().await?;
        let (acceptor, application) = (acceptor.clone(), application.clone());
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(socket).await else { return };
            let service = TowerToHyperService::new(application);
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

fn main() -> std::io::Result<()> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_io().build()?.block_on(serve())
}
