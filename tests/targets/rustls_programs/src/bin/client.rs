//! Waits for a line, then sends requests by rustls::StreamOwned. Usage: client PORT CONNECTIONS REQUESTS_EACH.
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{ring, CryptoProvider};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned};
use rustls_programs::argument;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

#[derive(Debug)]
struct TrustsAnyone(CryptoProvider);

impl ServerCertVerifier for TrustsAnyone {
    fn verify_server_cert(
        &self, _: &CertificateDer<'_>, _: &[CertificateDer<'_>], _: &ServerName<'_>, _: &[u8], _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self, _: &[u8], _: &CertificateDer<'_>, _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn verify_tls13_signature(
        &self, _: &[u8], _: &CertificateDer<'_>, _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn config() -> ClientConfig {
    let provider = ring::default_provider();
    let builder = ClientConfig::builder_with_provider(Arc::new(provider.clone()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().dangerous();
    builder.with_custom_certificate_verifier(Arc::new(TrustsAnyone(provider))).with_no_client_auth()
}

fn ask(stream: &mut BufReader<StreamOwned<ClientConnection, TcpStream>>, number: u32) -> std::io::Result<()> {
    write!(stream.get_mut(), "GET /{number} HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut body_bytes = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            body_bytes = value.trim().parse().unwrap();
        }
    }
    stream.read_exact(&mut vec![0; body_bytes])
}

fn main() -> std::io::Result<()> {
    std::io::stdin().read_line(&mut String::new())?;
    let config = Arc::new(config());
    for _ in 0..argument(2).parse::<u32>().unwrap() {
        let socket = TcpStream::connect(format!("127.0.0.1:{}", argument(1)))?;
        let connection = ClientConnection::new(config.clone(), "localhost".try_into().unwrap());
        let mut stream = BufReader::new(StreamOwned::new(connection.unwrap(), socket));
        for number in 0..argument(3).parse::<u32>().unwrap() {
            ask(&mut stream, number)?;
        }
    }
    Ok(())
}
