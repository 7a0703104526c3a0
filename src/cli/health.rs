//! `airlock health`: asks `/health`, for containers that have no other tool.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::Context;

use crate::cli::Exit;

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// The answer's first line is all that is read.
const ANSWER_BYTES: u64 = 64;

/// Whom to ask.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The address of the server
    #[arg(long, env = "AIRLOCK_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
}

/// Asks.
///
/// # Errors
/// When there is no answer, or not the right one.
pub fn run(options: &Options) -> Result<(), Exit> {
    let answer = ask(options.listen)?;
    if answer.starts_with("HTTP/1.1 200") {
        println!("healthy");
        return Ok(());
    }
    Err(Exit::Failed(anyhow::anyhow!("the server is not healthy")))
}

fn ask(address: SocketAddr) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).context("no server answers")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer).context("the server does not answer")?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
