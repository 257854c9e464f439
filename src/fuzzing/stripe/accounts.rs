use reqwest::header::HeaderValue;
use serde_json::Value;

use super::{ask, elements, leads_on, object, text};
use crate::domain::key::IdempotencyKey;
use crate::domain::money::Currency;
use crate::fuzzing::check;
use crate::http::Answer;
use crate::stripe::{AccountsQuery, ConnectedAccount, NewLink};

fn kept(account: &ConnectedAccount) {
    assert_eq!(account.fingerprint.len(), 64);
    check::dates(account.created_at, "created");
}

/// An account can do only what Stripe says in so many words.
fn agrees(account: &ConnectedAccount, element: &Value) {
    assert_eq!(text(element, "id"), Some(account.id.as_str()));
    let is = |name: &str| element.get(name) == Some(&Value::Bool(true));
    assert_eq!(account.charges_enabled, is("charges_enabled"));
    assert_eq!(account.payouts_enabled, is("payouts_enabled"));
    assert_eq!(account.details_submitted, is("details_submitted"));
    if let Some(capabilities) = element
        .get("capabilities")
        .filter(|value| value.is_object())
    {
        assert_eq!(
            account.transfers_active,
            text(capabilities, "transfers") == Some("active")
        );
    }
    let Some(metadata) = element
        .get("metadata")
        .filter(|metadata| metadata.is_object())
    else {
        return assert!(account.made_for.is_none() || !element["metadata"].is_null());
    };
    if let Some(made_for) = &account.made_for {
        let shop = text(metadata, "miraklShopId").and_then(|id| id.parse().ok());
        assert_eq!(shop, Some(made_for.shop_id.0));
        assert_eq!(
            made_for.host.as_deref(),
            text(metadata, "miraklHost").filter(|_| made_for.host.is_some())
        );
    }
}

/// One account, as the platform and as a seller's, and as the answer to its creation.
pub(in crate::fuzzing) fn account(answers: &[Answer]) {
    let (_, _) = ask(answers, async |stripe| stripe.platform().await);
    let id = "acct_1".into();
    let (end, _) = ask(answers, async |stripe| stripe.account(&id).await);
    if let Ok(Some(account)) = &end {
        kept(account);
        if let Some(object) = object(answers).filter(Value::is_object) {
            agrees(account, &object);
        }
    }
    let key = IdempotencyKey::new("m.example", "account", "SHOP", "2000", 1);
    let (made, asked) = ask(answers, async |stripe| {
        stripe.create_account("type=express", &key).await
    });
    for request in &asked {
        assert_eq!(request.body.as_deref(), Some("type=express"));
    }
    if let Ok((account, _)) = &made {
        kept(account);
    }
}

/// A page of accounts.
pub(in crate::fuzzing) fn accounts(answers: &[Answer]) {
    let query = AccountsQuery::default();
    let (end, _) = ask(answers, async |stripe| stripe.accounts(&query).await);
    let Ok(list) = end else {
        return;
    };
    list.data.iter().for_each(kept);
    let Some(elements) = elements(answers) else {
        return;
    };
    leads_on(&list, answers);
    assert_eq!(list.data.len(), elements.len(), "an account was lost");
    list.data
        .iter()
        .zip(&elements)
        .for_each(|(account, element)| agrees(account, element));
}

/// A balance: no more is available than Stripe says.
pub(in crate::fuzzing) fn balance(answers: &[Answer]) {
    let id = "acct_1".into();
    let (end, asked) = ask(answers, async |stripe| {
        let balance = stripe.balance(&id).await?;
        let mut all: Vec<(String, Option<i64>)> = Vec::new();
        for code in balance.currencies() {
            let currency = Currency::parse(&code).ok();
            all.push((
                code,
                currency.and_then(|currency| balance.available(currency)),
            ));
        }
        Ok(all)
    });
    for request in &asked {
        assert_eq!(
            request
                .headers
                .get("stripe-account")
                .map(HeaderValue::as_bytes),
            Some(&b"acct_1"[..])
        );
    }
    let (Ok(all), Some(object)) = (end, object(answers)) else {
        return;
    };
    let entries = object
        .get("available")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if !entries.iter().all(Value::is_object) {
        return;
    }
    for (code, available) in all {
        let of =
            |entry: &&Value| text(entry, "currency").is_some_and(|c| c.eq_ignore_ascii_case(&code));
        let amounts: Vec<i64> = entries
            .iter()
            .filter(of)
            .filter_map(|entry| entry["amount"].as_i64())
            .collect();
        if let (Some(available), [only]) = (available, &amounts[..]) {
            assert_eq!(available, *only);
        }
        assert!(!amounts.is_empty());
    }
}

/// A link: nothing shows it.
pub(in crate::fuzzing) fn link(answers: &[Answer]) {
    let account = "acct_1".into();
    let page = "https://m.example/shop".parse().expect("an address");
    let key = IdempotencyKey::new("m.example", "link", "SHOP", "2000", 1);
    let link = NewLink {
        account: &account,
        return_url: &page,
        refresh_url: &page,
    };
    let (end, _) = ask(answers, async |stripe| stripe.create_link(link, &key).await);
    let shown = match &end {
        Ok(link) => format!("{link:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    let success = answers.iter().all(|answer| answer.status.is_success());
    if let (true, Some(url)) = (
        success,
        object(answers).and_then(|link| text(&link, "url").map(str::to_owned)),
    ) {
        assert!(url.len() < 12 || !shown.contains(&url), "{shown}");
    }
}
