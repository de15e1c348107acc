//! A thread per connection on rustls::StreamOwned. Usage: blocking_server PORT CERTIFICATE.
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_programs::{answer_to, argument, server_config, status_of};
use std::io::{BufRead, BufReader, Error, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

fn serve(config: Arc<ServerConfig>, socket: TcpStream) -> Result<(), Error> {
    let connection = ServerConnection::new(config).map_err(Error::other)?;
    let mut reader = BufReader::new(StreamOwned::new(connection, socket));
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split([' ', '?']).nth(1).unwrap_or_default().to_owned();
        while reader.read_line(&mut line)? > 2 {}
        let (status, body) = (status_of(&path), answer_to(&path));
        let head = format!("HTTP/1.1 {status} Whatever\r\nContent-Length: {}\r\n\r\n", body.len());
        reader.get_mut().write_all(&[head.as_bytes(), &body].concat())?;
    }
}

fn main() -> std::io::Result<()> {
    let config = Arc::new(server_config(&argument(2)));
    let listener = TcpListener::bind(format!("127.0.0.1:{}", argument(1)))?;
    for socket in listener.incoming() {
        let (config, socket) = (config.clone(), socket?);
        std::thread::spawn(move || serve(config, socket));
    }
    Ok(())
}
