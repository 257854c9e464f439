use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::{ask, elements, text};
use crate::domain::ids::ShopId;
use crate::domain::onboarding::KycStatus;
use crate::domain::shop::Shop;
use crate::fuzzing::check;
use crate::http::Answer;
use crate::mirakl::{ReadShop, ShopUpdate, ShopsQuery, Updated};

/// A link that a field holds: whoever has it is taken for the seller.
const LINK: &str = "https://connect.stripe.com/setup/e/acct_1/S3cret-link";

/// S20: each element is a shop or named as one that is not; what the field holds is shown by nothing.
pub(in crate::fuzzing) fn shops(answers: &[Answer]) {
    let ids = [ShopId(2000)];
    let (end, _) = ask(answers, async |mirakl| {
        mirakl.shops(ShopsQuery::Ids(&ids)).await
    });
    let Ok(page) = end else {
        return;
    };
    page.items.iter().for_each(kept);
    let Some(elements) = elements(answers, &["shops"]) else {
        return;
    };
    assert_eq!(page.items.len(), elements.len(), "a shop was lost");
    for (read, element) in page.items.iter().zip(&elements) {
        if let (Ok(shop), true) = (read, element.is_object()) {
            agrees(shop, element);
        }
    }
}

fn kept(read: &ReadShop) {
    match read {
        Ok(shop) => {
            check::storable(shop.kyc.as_deref().unwrap_or_default(), "kyc");
            check::date(shop.created_at, "date_created");
            check::date(shop.updated_at, "last_updated_date");
        }
        Err(unread) => {
            check::message(&unread.cause, "the cause");
            hides_the_link(&unread.cause);
        }
    }
}

/// A field with a value never looks empty, and a shop that is excluded is.
fn agrees(shop: &Shop, element: &Value) {
    assert_eq!(
        element.get("shop_id").and_then(Value::as_i64),
        Some(shop.id.0)
    );
    assert_eq!(
        shop.terminated,
        text(element, "shop_state") == Some("TERMINATED")
    );
    let Some(fields) = element
        .get("shop_additional_fields")
        .and_then(Value::as_array)
    else {
        return;
    };
    let of = |code: &str| {
        let mut fields = fields
            .iter()
            .filter(|field| text(field, "code") == Some(code));
        let first = fields.next().and_then(|field| field.get("value")).cloned();
        (first, fields.next().is_some())
    };
    if let (Some(Value::String(value)), false) = of("stripe-url") {
        let held = shop.field.as_ref().map(SecretString::expose_secret);
        assert_eq!(
            held,
            Some(value.as_str()).filter(|value| !value.trim().is_empty())
        );
    }
    if let (Some(Value::Bool(true)), false) = of("stripe-ignored") {
        assert!(shop.excluded);
    }
}

/// S07: a shop counts as written only if Mirakl shows it, and no reason quotes the link.
pub(in crate::fuzzing) fn shop_answers(answers: &[Answer]) {
    let update = |id, kyc| ShopUpdate {
        id: ShopId(id),
        field: Some(LINK.into()),
        kyc,
    };
    let updates = [
        update(2000, Some((KycStatus::Refused, Some("é".repeat(1500))))),
        update(2001, None),
    ];
    let (end, asked) = ask(answers, async |mirakl| {
        let ends = mirakl.update_shops(&updates).await?;
        let mut ends: Vec<_> = ends.into_iter().collect();
        ends.sort_by_key(|(id, _)| *id);
        Ok(ends)
    });
    assert!(!asked.is_empty());
    let ends = match end {
        Ok(ends) => ends,
        Err(error) => return hides_the_link(&format!("{error} {error:?}")),
    };
    let returns = elements(answers, &["shop_returns"]).unwrap_or_default();
    for (id, end) in &ends {
        match end {
            Updated::Done(shop) => assert_eq!(shop.id, *id),
            Updated::Refused(why) => {
                check::message(why, "why a shop was refused");
                hides_the_link(why);
            }
        }
        let shown = returns
            .iter()
            .filter(|element| element.is_object())
            .any(|element| {
                let done = element
                    .get("shop_updated")
                    .and_then(|shop| shop.get("shop_id"));
                let input = element
                    .get("shop_error")
                    .and_then(|error| error.get("input"));
                let refused = input.and_then(|input| input.get("shop_id"));
                [done, refused]
                    .into_iter()
                    .flatten()
                    .any(|shown| shown.as_i64() == Some(id.0))
            });
        let readable =
            answers.len() == 1 && !returns.is_empty() && returns.iter().all(Value::is_object);
        assert!(shown || !readable, "{id} was not in the answer");
    }
}

/// An address that Mirakl quotes is not shown, wherever it stands.
fn hides_the_link(shown: &str) {
    assert!(!shown.contains("://connect.stripe.com"), "{shown}");
}
