//! S07: writes to shops, `PUT /api/shops`.

use std::collections::HashMap;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::shop::{PATH, read_shop};
use super::wire::{describe, shown};
use super::{Mirakl, MiraklError};
use crate::domain::ids::ShopId;
use crate::domain::onboarding::KycStatus;
use crate::domain::shop::Shop;

/// A longer reason is cut: Mirakl is sure to take so many characters.
const LONGEST_REASON: usize = 1000;

/// What is to be written to one shop; what is `None` stays as it is.
#[derive(Debug, Clone)]
pub struct ShopUpdate {
    /// The shop.
    pub id: ShopId,
    /// The value of the custom field for the link; never empty, which would erase it.
    pub field: Option<SecretString>,
    /// The KYC status, and why.
    pub kyc: Option<(KycStatus, Option<String>)>,
}

/// What became of a write to one shop.
#[derive(Debug, Clone)]
pub enum Updated {
    /// Written: the shop as it is now.
    Done(Box<Shop>),
    /// Mirakl refused it, and why.
    Refused(String),
}

#[derive(Serialize)]
struct WireUpdates<'a> {
    shops: Vec<WireUpdate<'a>>,
}

#[derive(Serialize)]
struct WireUpdate<'a> {
    shop_id: ShopId,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shop_additional_fields: Vec<WireValue<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kyc: Option<WireKyc<'a>>,
}

#[derive(Serialize)]
struct WireValue<'a> {
    code: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct WireKyc<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

#[derive(Deserialize)]
struct WireReturns<'a> {
    #[serde(borrow)]
    shop_returns: Vec<WireReturn<'a>>,
}

#[derive(Deserialize)]
struct WireReturn<'a> {
    #[serde(borrow, default)]
    shop_updated: Option<&'a RawValue>,
    #[serde(default)]
    shop_error: Option<WireFailure>,
}

#[derive(Deserialize)]
struct WireFailure {
    #[serde(default)]
    input: Option<WireInput>,
    #[serde(default)]
    errors: Option<Vec<WireError>>,
}

#[derive(Deserialize)]
struct WireInput {
    #[serde(default)]
    shop_id: Option<i64>,
}

#[derive(Deserialize)]
struct WireError {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    code: Option<String>,
}

impl Mirakl {
    /// Writes to at most 100 shops (S07). A shop that the answer does not name is not in the result:
    /// what became of it must be read.
    pub async fn update_shops(
        &self,
        updates: &[ShopUpdate],
    ) -> Result<HashMap<ShopId, Updated>, MiraklError> {
        let body = self.encode(updates);
        let answer = self.put(PATH, &body).await?;
        let malformed = |error: serde_json::Error| MiraklError::Malformed {
            path: PATH,
            cause: describe(&error),
        };
        let wire: WireReturns<'_> = serde_json::from_slice(&answer.body).map_err(malformed)?;
        let ends = wire.shop_returns.into_iter().filter_map(|end| {
            if let Some(shop) = end.shop_updated {
                let shop = read_shop(shop, &self.fields).ok()?;
                return Some((shop.id, Updated::Done(Box::new(shop))));
            }
            let failure = end.shop_error?;
            let id = ShopId(failure.input.as_ref()?.shop_id?);
            Some((id, Updated::Refused(failure.message())))
        });
        Ok(ends.collect())
    }

    fn encode(&self, updates: &[ShopUpdate]) -> String {
        let shops = updates.iter().map(|update| {
            let value = update.field.as_ref().map(SecretString::expose_secret);
            let value = value.filter(|value| !value.trim().is_empty());
            WireUpdate {
                shop_id: update.id,
                shop_additional_fields: value
                    .map(|value| WireValue {
                        code: &self.fields.link,
                        value,
                    })
                    .into_iter()
                    .collect(),
                kyc: update.kyc.as_ref().map(|(status, why)| WireKyc {
                    status: status.as_str(),
                    reason: why.as_deref().map(shortened),
                }),
            }
        });
        let updates = WireUpdates {
            shops: shops.collect(),
        };
        // Texts and numbers always encode.
        serde_json::to_string(&updates).unwrap_or_default()
    }
}

fn shortened(reason: &str) -> &str {
    let end = reason.char_indices().nth(LONGEST_REASON);
    end.map_or(reason, |(end, _)| &reason[..end])
}

impl WireFailure {
    fn message(&self) -> String {
        let errors = self.errors.iter().flatten();
        let messages: Vec<&str> = errors
            .filter_map(|error| error.message.as_deref().or(error.code.as_deref()))
            .collect();
        match messages.is_empty() {
            true => "no reason given".to_owned(),
            false => shown(&messages.join("; ")),
        }
    }
}
