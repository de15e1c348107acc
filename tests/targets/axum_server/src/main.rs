//! A target of the matrix: axum on hyper. Usage: axum_server PORT LOG.
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{header, Method, Response, StatusCode, Uri};
use axum::Router;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::Arc;

fn status_of(path: &str) -> StatusCode {
    path.strip_prefix("/status/")
        .and_then(|code| code.parse().ok())
        .unwrap_or(StatusCode::OK)
}

async fn answer(State(log): State<Arc<File>>, method: Method, uri: Uri, received: Bytes) -> Response<Body> {
    let status = status_of(uri.path());
    let line = format!("{method} {}\n", status.as_u16());
    log.as_ref().write_all(line.as_bytes()).expect("the log takes a line");
    let mut response = Response::builder().status(status);
    if status == StatusCode::MOVED_PERMANENTLY {
        response = response.header(header::LOCATION, "/hello");
    }
    let body = match (status, received.is_empty()) {
        (StatusCode::NO_CONTENT, _) => Body::empty(),
        (_, true) => Body::from("answered\n"),
        (_, false) => Body::from(received),
    };
    response.body(body).expect("a status and a fixed header make a response")
}

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let log = OpenOptions::new().append(true).create(true).open(&arguments[2])?;
    let application = Router::new().fallback(answer).with_state(Arc::new(log));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{}", arguments[1])).await?;
        axum::serve(listener, application).await
    })
}
