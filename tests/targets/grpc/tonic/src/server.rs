use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::server::Grpc;
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_web::GrpcWebLayer;
use tower::service_fn;

use crate::text::Text;

const MAX_METADATA_BYTES: u32 = 1 << 16;

type Answers = Pin<Box<dyn Stream<Item = Result<String, Status>> + Send>>;

#[derive(Default)]
struct Asked(HashMap<String, u64>);

impl Asked {
    fn get(&self, key: &str) -> u64 {
        self.0.get(key).copied().unwrap_or(0)
    }

    async fn wait(&self, key: &str) {
        tokio::time::sleep(Duration::from_millis(self.get(key))).await;
    }

    fn answer(&self) -> String {
        "x".repeat(self.get("size") as usize)
    }
}

async fn obey(message: &str) -> Result<Asked, Status> {
    let pairs = message.split('&').filter_map(|part| part.split_once('='));
    let asked = Asked(pairs.map(|(key, value)| (key.to_string(), value.parse().unwrap_or(0))).collect());
    asked.wait("delay").await;
    if asked.0.contains_key("exit") {
        std::process::exit(0);
    }
    let code = asked.get("code");
    if code == 0 {
        return Ok(asked);
    }
    let mut trailers = MetadataMap::new();
    if asked.get("trailer") != 0 {
        trailers.insert("padding", "~".repeat(asked.get("trailer") as usize).parse().unwrap());
    }
    Err(Status::with_metadata(Code::from_i32(code as i32), "as asked: 100 %, ü\n", trailers))
}

async fn last_of(mut messages: Streaming<String>) -> Result<Asked, Status> {
    let mut asked = Asked::default();
    while let Some(message) = messages.next().await {
        asked = obey(&message?).await?;
    }
    Ok(asked)
}

async fn stream_down(messages: Streaming<String>, sender: mpsc::Sender<Result<String, Status>>) -> Result<(), Status> {
    let asked = last_of(messages).await?;
    for _ in 0..asked.get("count") {
        asked.wait("interval").await;
        if sender.send(Ok(asked.answer())).await.is_err() {
            break;
        }
    }
    Ok(())
}

async fn echo(mut messages: Streaming<String>, sender: mpsc::Sender<Result<String, Status>>) -> Result<(), Status> {
    while let Some(message) = messages.next().await {
        let answer = obey(&message?).await?.answer();
        if sender.send(Ok(answer)).await.is_err() {
            break;
        }
    }
    Ok(())
}

async fn serve_call(method: String, messages: Streaming<String>) -> Result<Response<Answers>, Status> {
    if method == "Unary" || method == "ClientStream" {
        let answer = last_of(messages).await?.answer();
        return Ok(Response::new(Box::pin(tokio_stream::once(Ok(answer)))));
    }
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let ended = if method == "ServerStream" {
            stream_down(messages, sender.clone()).await
        } else {
            echo(messages, sender.clone()).await
        };
        if let Err(status) = ended {
            let _ = sender.send(Err(status)).await;
        }
    });
    Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
}

async fn route(request: http::Request<Body>) -> Result<http::Response<Body>, Infallible> {
    let method = request.uri().path().strip_prefix("/targets.Calls/").unwrap_or("").to_string();
    if !["Unary", "ServerStream", "ClientStream", "Bidirectional"].contains(&method.as_str()) {
        return Ok(Status::unimplemented("").into_http());
    }
    let service = service_fn(move |request: Request<Streaming<String>>| serve_call(method.clone(), request.into_inner()));
    let mut grpc = Grpc::new(Text).accept_compressed(CompressionEncoding::Gzip);
    Ok(grpc.streaming(service, request).await)
}

pub async fn serve(port: u16) {
    let mut server = tonic::transport::Server::builder().http2_max_header_list_size(MAX_METADATA_BYTES).accept_http1(true);
    if let Ok(age) = std::env::var("MAX_AGE_MS") {
        server = server.max_connection_age(Duration::from_millis(age.parse().unwrap()));
    }
    server.layer(GrpcWebLayer::new()).serve(([127, 0, 0, 1], port).into(), service_fn(route)).await.unwrap();
}
