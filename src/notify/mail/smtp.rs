//! One conversation with a mail server. What it says is passed on only where it cannot repeat a secret.

use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use secrecy::ExposeSecret as _;
use tokio::time::timeout;

use super::view::shortened;
use crate::settings::{MailSecurity, MailServer};

/// A farewell that is not answered means nothing: the mail is taken.
const FAREWELL: Duration = Duration::from_secs(1);
const LONGEST_WORD: usize = 200;

/// Why a conversation did not end with the mail being taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// What happened, as the rest of a sentence about the server.
    pub what: String,
    /// The server answered to this mail, and did not take it.
    pub refused: bool,
}

fn failure(what: String) -> Failure {
    Failure {
        what,
        refused: false,
    }
}

/// Hands a mail over; done when the server has said that it takes it.
pub(super) async fn hand_over(
    server: &MailServer,
    envelope: &Envelope,
    mail: &[u8],
) -> Result<(), Failure> {
    let mut connection = connect(server).await?;
    if let Some(login) = &server.login {
        let credentials = Credentials::new(
            login.user.expose_secret().to_owned(),
            login.password.expose_secret().to_owned(),
        );
        // The answer is not repeated: some servers quote what they were sent.
        if let Err(error) = connection.auth(DEFAULT_MECHANISMS, &credentials).await {
            return Err(failure(match error.status() {
                Some(code) => {
                    format!("did not accept the user and password of MAILER_DSN ({code})")
                }
                None if error.is_client() => {
                    "offers no way to sign in that is known here (PLAIN or LOGIN)".to_owned()
                }
                None => "broke off while signing in".to_owned(),
            }));
        }
    }
    connection
        .send(envelope, mail)
        .await
        .map_err(|error| Failure {
            refused: error.status().is_some(),
            what: said(&error, "did not take the mail"),
        })?;
    let _ = timeout(FAREWELL, connection.abort()).await;
    Ok(())
}

async fn connect(server: &MailServer) -> Result<AsyncSmtpConnection, Failure> {
    let hello = server
        .hello
        .clone()
        .map_or_else(ClientId::default, ClientId::Domain);
    let tls = || {
        TlsParameters::builder(server.host.clone())
            .dangerous_accept_invalid_certs(!server.verified)
            .build()
            .map_err(|_| failure("cannot be reached: TLS cannot be set up here".to_owned()))
    };
    let implicit = match server.security {
        MailSecurity::Implicit => Some(tls()?),
        MailSecurity::StartTls | MailSecurity::Plain => None,
    };
    let mut connection = AsyncSmtpConnection::connect_tokio1(
        (server.host.as_str(), server.port),
        None,
        &hello,
        implicit,
        None,
    )
    .await
    .map_err(|error| failure(unreached(&error)))?;
    match server.security {
        MailSecurity::Implicit | MailSecurity::Plain => {}
        MailSecurity::StartTls if connection.can_starttls() => {
            let upgraded = connection.starttls(tls()?, &hello).await;
            upgraded.map_err(|error| failure(unreached(&error)))?;
        }
        MailSecurity::StartTls => {
            connection.abort().await;
            return Err(failure(
                "offers no STARTTLS: nothing is sent without TLS to a server that is not on this \
                 machine; use smtps:// if it speaks TLS from the start"
                    .to_owned(),
            ));
        }
    }
    Ok(connection)
}

fn unreached(error: &Error) -> String {
    match error.is_tls() {
        true => said(error, "did not come to terms over TLS"),
        false => said(error, "cannot be reached"),
    }
}

/// Before anything secret was sent, and after it was accepted, the server's words are worth knowing.
fn said(error: &Error, what: &str) -> String {
    use std::error::Error as _;
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    let cause = shortened(&cause, LONGEST_WORD);
    match (error.status(), cause.as_str()) {
        (Some(code), "") => format!("{what} ({code})"),
        (Some(code), cause) => format!("{what} ({code} {cause})"),
        (None, "") => what.to_owned(),
        (None, cause) => format!("{what} ({cause})"),
    }
}
