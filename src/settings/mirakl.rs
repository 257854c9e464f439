//! Where the marketplace is, and how this program proves who it is there.

use reqwest::Url;
use secrecy::SecretString;

use super::reader::Reader;

/// The marketplace.
#[derive(Debug)]
pub struct MiraklSettings {
    /// Its address, with scheme.
    pub base: Url,
    /// The credentials.
    pub credentials: MiraklCredentials,
    /// Requests at once.
    pub concurrency: usize,
}

/// How this program proves who it is to Mirakl.
#[derive(Debug)]
pub enum MiraklCredentials {
    /// An operator's API key.
    ApiKey(SecretString),
    /// OAuth 2 client credentials.
    OAuth {
        /// Where tokens are bought.
        token_url: Url,
        /// The client.
        client_id: String,
        /// Its secret.
        client_secret: SecretString,
    },
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<MiraklSettings> {
    let base = reader.address(
        "MIRAKL_HOST_NAME",
        None,
        "the address of the marketplace with its scheme, such as https://mymarketplace.mirakl.net",
    );
    let key = reader.secret("MIRAKL_API_KEY");
    let client_id = reader.text("MIRAKL_CLIENT_ID");
    let client_secret = reader.secret("MIRAKL_CLIENT_SECRET");
    let token_url = reader.token_url("MIRAKL_TOKEN_URL", "https://auth.mirakl.net/oauth/token");
    let concurrency = reader.number("MIRAKL_MAX_CONCURRENCY", 4, 1, 64);
    let credentials = match (key, client_id, client_secret) {
        (Some(key), None, None) => Some(MiraklCredentials::ApiKey(key)),
        (None, Some(client_id), Some(client_secret)) => {
            token_url.map(|token_url| MiraklCredentials::OAuth {
                token_url,
                client_id,
                client_secret,
            })
        }
        (None, None, None) => {
            reader.mistake(
                "MIRAKL_API_KEY is missing: set it to an operator's API key, or set \
                 MIRAKL_CLIENT_ID and MIRAKL_CLIENT_SECRET to OAuth 2 client credentials",
            );
            None
        }
        (Some(_), _, _) => {
            reader.mistake(
                "MIRAKL_API_KEY and MIRAKL_CLIENT_ID or MIRAKL_CLIENT_SECRET are both set: keep one of the two ways",
            );
            None
        }
        (None, _, _) => {
            reader.mistake(
                "MIRAKL_CLIENT_ID and MIRAKL_CLIENT_SECRET belong together: set the other one too",
            );
            None
        }
    };
    Some(MiraklSettings {
        base: base?,
        credentials: credentials?,
        concurrency: usize::try_from(concurrency).unwrap_or(1),
    })
}
