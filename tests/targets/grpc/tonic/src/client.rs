use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use tokio::io::AsyncReadExt;
use tokio::sync::Semaphore;
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use crate::text::Text;

struct Call {
    method: String,
    numbers: Vec<u64>, // messages, bytes, timeout, cancel, metadata, compress
    query: String,
}

impl Call {
    fn of(line: &str) -> Call {
        let words: Vec<&str> = line.split(' ').collect();
        Call {
            method: words[0].to_string(),
            numbers: words[1..7].iter().map(|word| word.parse().unwrap()).collect(),
            query: words[7].to_string(),
        }
    }

    fn message(&self) -> String {
        let missing = (self.numbers[1] as usize).saturating_sub(self.query.len());
        if missing == 0 { self.query.clone() } else { format!("{}&pad={}", self.query, "p".repeat(missing)) }
    }

    fn dress<T>(&self, content: T) -> Request<T> {
        let mut request = Request::new(content);
        if self.numbers[2] != 0 {
            request.set_timeout(Duration::from_millis(self.numbers[2]));
        }
        if self.numbers[4] != 0 {
            request.metadata_mut().insert("padding", "~".repeat(self.numbers[4] as usize).parse().unwrap());
        }
        request
    }
}

async fn converse(channel: Channel, call: &Call) -> Result<(), Status> {
    let mut grpc = Grpc::new(channel).accept_compressed(CompressionEncoding::Gzip);
    if call.numbers[5] != 0 {
        grpc = grpc.send_compressed(CompressionEncoding::Gzip);
    }
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path: PathAndQuery = format!("/targets.Calls/{}", call.method).parse().unwrap();
    let streams = ["ServerStream", "ClientStream", "Bidirectional"].contains(&call.method.as_str());
    if !streams {
        return grpc.unary(call.dress(call.message()), path, Text).await.map(|_| ());
    }
    let messages = vec![call.message(); call.numbers[0] as usize];
    let request = call.dress(tokio_stream::iter(messages));
    let mut answers = grpc.streaming(request, path, Text).await?.into_inner();
    while answers.message().await?.is_some() {}
    Ok(())
}

async fn carry_out(channel: Channel, call: Call) -> Code {
    let conversation = converse(channel, &call);
    let cancel = call.numbers[3];
    let ended = if cancel == 0 {
        conversation.await
    } else {
        let limit = Duration::from_millis(cancel);
        tokio::time::timeout(limit, conversation).await.unwrap_or(Err(Status::cancelled("as asked")))
    };
    ended.map_or_else(|status| status.code(), |()| Code::Ok)
}

pub async fn call_all(port: u16, at_once: usize) {
    let mut lines = String::new();
    tokio::io::stdin().read_to_string(&mut lines).await.unwrap();
    let channel = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap().connect_lazy();
    let turns = Arc::new(Semaphore::new(at_once));
    let mut calls = Vec::new();
    for line in lines.lines() {
        let turn = turns.clone().acquire_owned().await.unwrap();
        let (channel, call) = (channel.clone(), Call::of(line));
        calls.push(tokio::spawn(async move {
            let code = carry_out(channel, call).await;
            drop(turn);
            code
        }));
    }
    for (index, call) in calls.into_iter().enumerate() {
        println!("{index} {}", call.await.unwrap() as i32);
    }
}
