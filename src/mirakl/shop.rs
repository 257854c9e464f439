//! S20: shops, `GET /api/shops`.

use chrono::{DateTime, SecondsFormat, Utc};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::order::PAGE_SIZE;
use super::page::{NextPage, Page, WireList};
use super::wire::{nullable, without_position};
use super::{Mirakl, MiraklError, ShopFields};
use crate::domain::ids::ShopId;
use crate::domain::shop::{Profile, Shop};

pub(super) const PATH: &str = "/api/shops";

/// Which shops are asked for.
#[derive(Debug, Clone, Copy)]
pub enum ShopsQuery<'a> {
    /// All.
    All,
    /// All that changed since this time.
    UpdatedSince(DateTime<Utc>),
    /// These, at most 100.
    Ids(&'a [ShopId]),
}

/// A shop, or what could be read of it.
pub type ReadShop = Result<Shop, UnreadShop>;

/// An element of the list that is not a shop as the API promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadShop {
    /// Its id, if that much could be read.
    pub id: Option<ShopId>,
    /// What is wrong with it.
    pub cause: String,
}

impl Mirakl {
    /// The first page of shops of products and services, 100 at most (S20).
    pub async fn shops(&self, query: ShopsQuery<'_>) -> Result<Page<ReadShop>, MiraklError> {
        let mut url = self.address(PATH);
        {
            let mut pairs = url.query_pairs_mut();
            pairs.append_pair("domains", "PRODUCT,SERVICE");
            pairs.append_pair("max", &PAGE_SIZE.to_string());
            pairs.append_pair("offset", "0");
            match query {
                ShopsQuery::All => {}
                ShopsQuery::UpdatedSince(since) => {
                    let since = since.to_rfc3339_opts(SecondsFormat::Millis, true);
                    pairs.append_pair("updated_since", &since);
                }
                ShopsQuery::Ids(ids) => {
                    let ids: Vec<String> = ids.iter().map(ShopId::to_string).collect();
                    pairs.append_pair("shop_ids", &ids.join(","));
                }
            }
        }
        self.shops_at(NextPage(url)).await
    }

    /// A further page of shops.
    pub async fn shops_at(&self, page: NextPage) -> Result<Page<ReadShop>, MiraklError> {
        let read = |raw: &RawValue| read_shop(raw, &self.fields);
        self.page(PATH, page, list, read).await
    }
}

#[derive(Deserialize)]
struct WirePage<'a> {
    #[serde(borrow)]
    shops: Vec<&'a RawValue>,
    #[serde(default)]
    total_count: Option<u64>,
}

fn list(body: &[u8]) -> serde_json::Result<WireList<'_>> {
    let page: WirePage<'_> = serde_json::from_slice(body)?;
    Ok(WireList {
        items: page.shops,
        total: page.total_count,
    })
}

#[derive(Deserialize)]
struct WireShop {
    shop_id: i64,
    shop_state: String,
    #[serde(default)]
    shop_name: Option<String>,
    #[serde(default)]
    is_professional: Option<bool>,
    date_created: DateTime<Utc>,
    last_updated_date: DateTime<Utc>,
    #[serde(default)]
    kyc: Option<WireKyc>,
    #[serde(default, deserialize_with = "nullable")]
    shop_additional_fields: Vec<WireField>,
    #[serde(default)]
    contact_informations: Option<WireContact>,
}

#[derive(Deserialize)]
struct WireKyc {
    #[serde(default)]
    status: Option<String>,
}

#[derive(Deserialize)]
struct WireField {
    code: String,
    /// A text for every type but one, whose values are a list.
    #[serde(default)]
    value: Option<serde_json::Value>,
}

// Sellers' own words: one that is no text is as good as none.
#[derive(Deserialize, Default)]
struct WireContact {
    #[serde(default)]
    email: Option<serde_json::Value>,
    #[serde(default)]
    phone: Option<serde_json::Value>,
    #[serde(default)]
    web_site: Option<serde_json::Value>,
}

pub(super) fn read_shop(raw: &RawValue, fields: &ShopFields) -> ReadShop {
    #[derive(Deserialize)]
    struct OnlyId {
        shop_id: i64,
    }
    let id = serde_json::from_str::<OnlyId>(raw.get()).ok();
    let id = id.map(|id| ShopId(id.shop_id));
    let shop: WireShop = serde_json::from_str(raw.get()).map_err(|error| UnreadShop {
        id,
        cause: without_position(&error),
    })?;
    let mut link = None;
    let mut excluded = false;
    for field in &shop.shop_additional_fields {
        if field.code == fields.link {
            // A value that is no text is somebody else's: it must not look empty.
            link = field.value.as_ref().and_then(|value| match value {
                serde_json::Value::Null => None,
                serde_json::Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            });
        } else if field.code == fields.ignored {
            excluded = is_true(field.value.as_ref());
        }
    }
    let text = |value: Option<serde_json::Value>| match value {
        Some(serde_json::Value::String(text)) => Some(text),
        _ => None,
    };
    let contact = shop.contact_informations.unwrap_or_default();
    Ok(Shop {
        id: ShopId(shop.shop_id),
        terminated: shop.shop_state == "TERMINATED",
        excluded,
        field: link
            .filter(|value| !value.trim().is_empty())
            .map(SecretString::from),
        kyc: shop
            .kyc
            .and_then(|kyc| kyc.status)
            .filter(|status| !status.contains('\0')),
        profile: Profile {
            professional: shop.is_professional.unwrap_or(false),
            name: shop.shop_name,
            web_site: text(contact.web_site),
            email: text(contact.email),
            phone: text(contact.phone),
        },
        created_at: shop.date_created,
        updated_at: shop.last_updated_date,
    })
}

/// `true`, as a text or as what it means.
fn is_true(value: Option<&serde_json::Value>) -> bool {
    match value {
        Some(serde_json::Value::Bool(flag)) => *flag,
        Some(serde_json::Value::String(text)) => text.trim().eq_ignore_ascii_case("true"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn read(json: &str) -> ReadShop {
        let raw: &RawValue = serde_json::from_str(json).expect("JSON");
        let fields = ShopFields {
            link: "stripe-url".to_owned(),
            ignored: "stripe-ignored".to_owned(),
        };
        read_shop(raw, &fields)
    }

    const SHOP: &str = r#"{
        "shop_id": 2000, "shop_name": "A \"shop\"", "shop_state": "OPEN", "is_professional": true,
        "date_created": "2026-05-04T09:12:30Z", "last_updated_date": "2026-05-05T07:00:00.250Z",
        "kyc": {"status": "PENDING_APPROVAL"}, "something_new": {},
        "shop_additional_fields": [
            {"code": "colours", "type": "MULTIPLE_VALUES_LIST", "value": ["red", "blue"]},
            {"code": "stripe-url", "type": "LINK", "value": "https://connect.stripe.com/x"},
            {"code": "stripe-ignored", "type": "BOOLEAN", "value": "true"}],
        "contact_informations": {"email": "a@b.example", "phone": 7, "web_site": null}
    }"#;

    #[test]
    fn a_shop_is_read_with_its_two_fields() {
        let shop = read(SHOP).expect("a shop");
        assert!(shop.excluded && !shop.terminated && shop.profile.professional);
        let field = shop.field.expect("a link");
        assert_eq!(field.expose_secret(), "https://connect.stripe.com/x");
        assert_eq!(shop.kyc.as_deref(), Some("PENDING_APPROVAL"));
        assert_eq!(shop.profile.email.as_deref(), Some("a@b.example"));
        assert_eq!((shop.profile.phone, shop.profile.web_site), (None, None));
    }

    #[test]
    fn an_empty_field_may_be_missing_null_or_without_a_value() {
        let field = r#""type": "LINK", "value": "https://connect.stripe.com/x""#;
        for (what, from, to, empty) in [
            ("without a value", field, r#""type": "LINK""#, true),
            ("null", field, r#""value": null"#, true),
            ("blank", field, r#""value": " ""#, true),
            ("missing", "stripe-url", "another", true),
            ("a list", field, r#""value": ["x"]"#, false),
            ("a number", field, r#""value": 5"#, false),
        ] {
            let shop = read(&SHOP.replace(from, to)).expect(what);
            assert_eq!(shop.field.is_none(), empty, "{what}");
        }
        for (value, excluded) in [
            (r#""TRUE""#, true),
            ("true", true),
            (r#""false""#, false),
            (r#""""#, false),
            ("null", false),
            (r#"["true"]"#, false),
        ] {
            let shop = read(&SHOP.replace(r#""true""#, value)).expect(value);
            assert_eq!(shop.excluded, excluded, "{value}");
        }
    }

    #[test]
    fn a_shop_that_lacks_something_is_named_and_says_what_it_lacks() {
        let unread = read(&SHOP.replace(r#""shop_state": "OPEN","#, "")).expect_err("no state");
        assert_eq!(unread.id, Some(ShopId(2000)));
        assert!(unread.cause.contains("shop_state"), "{}", unread.cause);
        for json in ["7", "{}", r#"{"shop_id": "2000"}"#, "null"] {
            assert_eq!(read(json).expect_err(json).id, None, "{json}");
        }
    }
}
