//! A mail server on loopback that takes every mail and keeps it.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::background::Background;

/// Handle on the mail server, which runs until the last handle is dropped.
#[derive(Clone)]
pub struct Mailbox {
    port: u16,
    taken: Arc<Mutex<Vec<Mail>>>,
    _background: Arc<Background>,
}

/// A mail that was taken.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    /// The addresses it was handed over for.
    pub to: Vec<String>,
    /// As it came, with line breaks alone for line ends.
    pub raw: String,
}

impl Mailbox {
    /// Starts it on a free port.
    pub async fn start() -> io::Result<Self> {
        let background = Arc::new(Background::new()?);
        let (listener, address) = background.listen(0).await?;
        let taken = Arc::new(Mutex::new(Vec::new()));
        let kept = taken.clone();
        background.spawn(async move {
            loop {
                // A connection that ended in the queue does not end the server.
                let Ok((stream, _)) = listener.accept().await else {
                    continue;
                };
                tokio::spawn(converse(stream, kept.clone()));
            }
        });
        Ok(Self {
            port: address.port(),
            taken,
            _background: background,
        })
    }

    /// Its address, as a setting for mails.
    pub fn dsn(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// All mails so far, oldest first.
    pub fn taken(&self) -> Vec<Mail> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.clone()
    }
}

/// One conversation by RFC 5321, without anything optional.
async fn converse(stream: TcpStream, kept: Arc<Mutex<Vec<Mail>>>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mailbox\r\n").await?;
    let mut mail = Mail::default();
    while let Some(command) = line(&mut stream).await? {
        let word = command.split(' ').next().unwrap_or_default();
        let answer = match word.to_ascii_uppercase().as_str() {
            "RCPT" => {
                let address = command.split(['<', '>']).nth(1).unwrap_or_default();
                mail.to.push(address.to_owned());
                "250 ok"
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                loop {
                    let Some(text) = line(&mut stream).await? else {
                        return Ok(());
                    };
                    if text == "." {
                        break;
                    }
                    mail.raw.push_str(text.strip_prefix('.').unwrap_or(&text));
                    mail.raw.push('\n');
                }
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push(std::mem::take(&mut mail));
                "250 taken"
            }
            "QUIT" => return stream.write_all(b"221 bye\r\n").await,
            _ => "250 ok",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

async fn line(stream: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut line = String::new();
    match stream.read_line(&mut line).await? {
        0 => Ok(None),
        _ => Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned())),
    }
}
