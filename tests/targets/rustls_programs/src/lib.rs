//! What the programs share: both read key and certificate from one file.
use rustls::ServerConfig;
use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;

/// The `index`-th argument of the program.
pub fn argument(index: usize) -> String {
    std::env::args().nth(index).expect("the usage is in the program's first line")
}

pub fn server_config(file: &str) -> ServerConfig {
    let pem = || BufReader::new(File::open(file).expect("the certificate"));
    let certificates = rustls_pemfile::certs(&mut pem()).map(Result::unwrap).collect();
    let key = rustls_pemfile::private_key(&mut pem()).unwrap().expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    builder.with_no_client_auth().with_single_cert(certificates, key).unwrap()
}

pub fn status_of(path: &str) -> u16 {
    match path {
        "/missing" => 404,
        "/broken" => 500,
        _ => 200,
    }
}

/// Longer than a record of TLS.
pub fn answer_to(path: &str) -> Vec<u8> {
    vec![b'a'; if path == "/long" { 100_000 } else { 9 }]
}
