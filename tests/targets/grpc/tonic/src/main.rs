//! Target: tonic, gRPC in Rust, in both roles; see ../README.md.

mod client;
mod server;
mod text;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let port = arguments[2].parse().unwrap();
    if arguments[1] == "serve" {
        server::serve(port).await;
    } else {
        client::call_all(port, arguments[3].parse().unwrap()).await;
    }
}
