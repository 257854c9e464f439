//! A mail server on loopback: takes mails, or does what mail servers do on bad days.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::{MessageParser, MimeHeaders as _};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What the server does with a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manner {
    Takes,
    /// Answers a login with a refusal that quotes what it was sent.
    RefusesLogin,
    /// Refuses recipients whose address begins so.
    RefusesRecipient(String),
    /// Reads the mail, then refuses it.
    RefusesMail,
    /// Accepts the connection and says nothing.
    Hangs,
    /// Closes the connection in the middle of the mail.
    Drops,
    /// Waits before each answer.
    Slow(Duration),
    /// Takes the mail, and does not answer the farewell.
    NoFarewell,
}

/// How the server speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    None,
    Later,
    Implicit,
}

/// A mail that was taken.
#[derive(Debug, Clone)]
pub struct Taken {
    pub to: Vec<String>,
    pub login: Option<(String, String)>,
    pub encrypted: bool,
    pub raw: Vec<u8>,
}

#[derive(Debug)]
struct State {
    manner: Manner,
    taken: Vec<Taken>,
    commands: Vec<String>,
}

/// The server; it ends with the test.
#[derive(Debug, Clone)]
pub struct Smtp {
    port: u16,
    state: Arc<Mutex<State>>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Smtp {
    pub async fn start() -> Self {
        Self::speaking(Tls::None).await
    }

    pub async fn speaking(tls: Tls) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            state: Arc::new(Mutex::new(State {
                manner: Manner::Takes,
                taken: Vec::new(),
                commands: Vec::new(),
            })),
        };
        let acceptor = acceptor();
        let talking = server.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (server, acceptor) = (talking.clone(), acceptor.clone());
                tokio::spawn(async move { server.serve(stream, tls, acceptor).await });
            }
        });
        server
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn dsn(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    pub fn does(&self, manner: Manner) {
        self.state.lock().unwrap().manner = manner;
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.state.lock().unwrap().taken.clone()
    }

    /// The only mail that was taken.
    #[track_caller]
    pub fn one(&self) -> Taken {
        let mut taken = self.taken();
        assert_eq!(taken.len(), 1, "{taken:#?}");
        taken.remove(0)
    }

    pub fn commands(&self) -> Vec<String> {
        self.state.lock().unwrap().commands.clone()
    }

    async fn serve(self, stream: TcpStream, tls: Tls, acceptor: TlsAcceptor) {
        let _ = match tls {
            Tls::Implicit => match acceptor.accept(stream).await {
                Ok(stream) => self.talk(Box::new(stream), true, None).await,
                Err(_) => return,
            },
            Tls::None => self.talk(Box::new(stream), false, None).await,
            Tls::Later => self.talk(Box::new(stream), false, Some(acceptor)).await,
        };
    }

    async fn talk(
        &self,
        stream: Box<dyn Stream>,
        mut encrypted: bool,
        mut acceptor: Option<TlsAcceptor>,
    ) -> std::io::Result<()> {
        let manner = self.state.lock().unwrap().manner.clone();
        if manner == Manner::Hangs {
            std::future::pending::<()>().await;
        }
        let mut stream = BufReader::new(stream);
        let mut login = None;
        let mut to = Vec::new();
        let mut answer = "220 mail.test".to_owned();
        loop {
            if let Manner::Slow(pause) = manner {
                tokio::time::sleep(pause).await;
            }
            stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
            stream.flush().await?;
            let Some(command) = line(&mut stream).await? else {
                return Ok(());
            };
            self.state.lock().unwrap().commands.push(command.clone());
            let word = command.split(' ').next().unwrap().to_ascii_uppercase();
            answer = match word.as_str() {
                "EHLO" if acceptor.is_some() && !encrypted => {
                    "250-mail.test\r\n250 STARTTLS".to_owned()
                }
                "EHLO" => "250-mail.test\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN".to_owned(),
                "STARTTLS" => {
                    stream.write_all(b"220 go\r\n").await?;
                    stream.flush().await?;
                    let upgraded = acceptor.take().unwrap().accept(stream.into_inner()).await?;
                    stream = BufReader::new(Box::new(upgraded));
                    encrypted = true;
                    // The next word is the client's.
                    let Some(hello) = line(&mut stream).await? else {
                        return Ok(());
                    };
                    self.state.lock().unwrap().commands.push(hello);
                    "250-mail.test\r\n250 AUTH PLAIN LOGIN".to_owned()
                }
                "AUTH" if manner == Manner::RefusesLogin => {
                    let sent = base64_decode(command.rsplit(' ').next().unwrap().as_bytes());
                    let sent = String::from_utf8_lossy(&sent.unwrap()).replace('\0', " ");
                    format!("535 no such login: {sent}")
                }
                "AUTH" => {
                    let sent = base64_decode(command.rsplit(' ').next().unwrap().as_bytes());
                    let sent = String::from_utf8(sent.unwrap()).unwrap();
                    let mut parts = sent.split('\0').skip(1).map(str::to_owned);
                    login = Some((parts.next().unwrap(), parts.next().unwrap()));
                    "235 welcome".to_owned()
                }
                "RCPT" => {
                    let address = command
                        .split(['<', '>'])
                        .nth(1)
                        .unwrap_or_default()
                        .to_owned();
                    match &manner {
                        Manner::RefusesRecipient(begin) if address.starts_with(begin) => {
                            "550 nobody of that name".to_owned()
                        }
                        _ => {
                            to.push(address);
                            "250 ok".to_owned()
                        }
                    }
                }
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await?;
                    stream.flush().await?;
                    let Some(raw) = self.data(&mut stream, &manner).await? else {
                        return Ok(());
                    };
                    if manner == Manner::RefusesMail {
                        "554 too much of it".to_owned()
                    } else {
                        self.state.lock().unwrap().taken.push(Taken {
                            to: std::mem::take(&mut to),
                            login: login.clone(),
                            encrypted,
                            raw,
                        });
                        "250 taken".to_owned()
                    }
                }
                "QUIT" if manner == Manner::NoFarewell => std::future::pending().await,
                "QUIT" => {
                    stream.write_all(b"221 bye\r\n").await?;
                    stream.flush().await?;
                    return Ok(());
                }
                _ => "250 ok".to_owned(),
            };
        }
    }

    async fn data(
        &self,
        stream: &mut BufReader<Box<dyn Stream>>,
        manner: &Manner,
    ) -> std::io::Result<Option<Vec<u8>>> {
        let mut raw = Vec::new();
        while let Some(text) = line(stream).await? {
            if text == "." {
                return Ok(Some(raw));
            }
            raw.extend_from_slice(text.strip_prefix('.').unwrap_or(&text).as_bytes());
            raw.extend_from_slice(b"\r\n");
            if *manner == Manner::Drops && raw.len() > 300 {
                return Ok(None);
            }
        }
        Ok(None)
    }
}

async fn line(stream: &mut BufReader<Box<dyn Stream>>) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    match stream.read_line(&mut line).await? {
        0 => Ok(None),
        _ => Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned())),
    }
}

fn acceptor() -> TlsAcceptor {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// A mail, taken apart.
#[derive(Debug, Clone)]
pub struct Parsed {
    pub subject: String,
    pub headers: String,
    pub text: String,
    pub html: String,
    pub attachments: Vec<(String, Vec<u8>)>,
}

impl Taken {
    pub fn parsed(&self) -> Parsed {
        let message = MessageParser::default().parse(&self.raw).unwrap();
        let raw = String::from_utf8_lossy(&self.raw);
        let attachments = message.attachments().map(|part| {
            let name = part.attachment_name().unwrap().to_owned();
            (name, part.contents().to_vec())
        });
        Parsed {
            subject: message.subject().unwrap().to_owned(),
            headers: raw.split("\r\n\r\n").next().unwrap().to_owned(),
            text: message.body_text(0).unwrap().into_owned(),
            html: message.body_html(0).unwrap().into_owned(),
            attachments: attachments.collect(),
        }
    }
}
