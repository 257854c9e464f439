//! What stands around the bodies: errors, tokens, the way to the next page, waits before the next try.

use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use serde_json::Value;
use tokio::time::Instant;

use super::{canned, check};
use crate::http::Answer;
use crate::mirakl::{Auth, Mirakl, MiraklError, OAuth, OrdersQuery, ShopFields};
use crate::stripe::{Class, Stripe, StripeError, StripeLimits};

const SECRET: &str = "S3cret-client-secret";
/// Five tries, each after at most the longest wait that is obeyed.
const LONGEST_CALL: Duration = Duration::from_mins(10);

fn mirakl(auth: Auth) -> Mirakl {
    let fields = ShopFields {
        link: "stripe-url".to_owned(),
        ignored: "stripe-ignored".to_owned(),
    };
    let base = "https://m.example/".parse().expect("an address");
    Mirakl::new(canned::client(), base, auth, 1, fields)
}

/// Mirakl's errors: shown without addresses and control characters, and the credentials stay hidden.
pub(super) fn mirakl_errors(answers: &[Answer]) {
    let mirakl = mirakl(Auth::ApiKey(SECRET.into()));
    let ((end, took), asked) = canned::answered(answers, async {
        let started = Instant::now();
        let end = mirakl.orders(&OrdersQuery::Ids(&["C1-A".into()])).await;
        (end, started.elapsed())
    });
    assert!(
        took <= LONGEST_CALL && asked.len() <= 5,
        "{took:?} for {} tries",
        asked.len()
    );
    let Err(error) = end else {
        return;
    };
    let shown = format!("{error} {error:?}");
    check::message(&error.to_string(), "an error");
    check::hides(&shown, SECRET, answers);
    assert!(!shown.contains("://"), "{shown}");
    let last = &answers[asked.len().min(answers.len()) - 1];
    match (&error, last.status.as_u16()) {
        (MiraklError::Unauthorized(_), status) => assert!(matches!(status, 401 | 403)),
        (MiraklError::Status { status, .. }, last) => assert_eq!(*status, last),
        (MiraklError::Malformed { .. }, status) => assert!((200..300).contains(&status)),
        (MiraklError::Failed(_), _) => {}
    }
}

/// The token's answer, then a page: a token is sent and never shown.
pub(super) fn token(answers: &[Answer]) {
    let url = "https://auth.example/oauth/token"
        .parse()
        .expect("an address");
    let oauth = OAuth::new(url, "the-client".to_owned(), SECRET.into());
    let mirakl = mirakl(Auth::OAuth(Box::new(oauth)));
    let ids = ["C1-A".into()];
    let (end, asked) = canned::answered(answers, async {
        let first = mirakl
            .orders(&OrdersQuery::Ids(&ids))
            .await
            .map(|page| page.items.len());
        // A second call uses the token that is still good, or buys another.
        (
            first,
            mirakl
                .orders(&OrdersQuery::Ids(&ids))
                .await
                .map(|page| page.items.len()),
        )
    });
    let shown = format!("{end:?} {mirakl:?} {asked:?}");
    let hidden = asked
        .iter()
        .all(|asked| asked.url.host_str() == Some("auth.example"))
        || asked
            .iter()
            .filter(|asked| asked.url.host_str() == Some("m.example"))
            .all(|asked| {
                asked
                    .headers
                    .get(AUTHORIZATION)
                    .is_some_and(reqwest::header::HeaderValue::is_sensitive)
            });
    assert!(hidden, "a token that a log would show");
    for error in [&end.0, &end.1]
        .into_iter()
        .filter_map(|end| end.as_ref().err())
    {
        check::message(&error.to_string(), "an error");
        check::hides(&format!("{error} {error:?}"), SECRET, answers);
    }
    let bought = answers.first().filter(|answer| answer.status.is_success());
    let bought = bought.and_then(|answer| serde_json::from_slice::<Value>(&answer.body).ok());
    let token = bought
        .as_ref()
        .and_then(|body| body.get("access_token"))
        .and_then(Value::as_str);
    let errors = format!(
        "{:?} {:?} {mirakl:?}",
        end.0.as_ref().err(),
        end.1.as_ref().err()
    );
    if let Some(token) = token.filter(|token| token.len() >= 8 && token.contains("T0ken")) {
        assert!(!errors.contains(token), "{shown}");
    }
}

/// The way to further pages: always the list that was asked, always further on, and with an end.
pub(super) fn paging(answers: &[Answer]) {
    let mirakl = mirakl(Auth::ApiKey(SECRET.into()));
    let ((), asked) = canned::answered(answers, async {
        let Ok(mut page) = mirakl.orders(&OrdersQuery::Ids(&["C1-A".into()])).await else {
            return;
        };
        while let Some(next) = page.next.take() {
            match mirakl.orders_at(next).await {
                Ok(further) => page = further,
                Err(_) => return,
            }
        }
    });
    let mut last = None;
    for request in &asked {
        let url = &request.url;
        assert_eq!(
            (url.scheme(), url.host_str(), url.path()),
            ("https", Some("m.example"), "/api/orders")
        );
        assert!(url.username().is_empty() && url.port().is_none());
        let mut pairs = url.query_pairs();
        let offset = pairs
            .find(|(name, _)| name == "offset")
            .map(|(_, value)| value.parse::<u64>().expect("a number"));
        // A try is repeated at the same place; a page that follows lies further on.
        assert!(last <= offset, "back from {last:?} to {offset:?}");
        last = offset;
    }
}

/// Stripe's errors: what had an effect, or may have had one, never counts as refused.
pub(super) fn stripe_errors(answers: &[Answer]) {
    let stripe = Stripe::new(
        canned::client(),
        "https://api.stripe.example/".parse().expect("an address"),
        SECRET.into(),
        "basket".to_owned(),
        StripeLimits {
            concurrency: 1,
            per_second: 100,
        },
    );
    let key = crate::domain::key::IdempotencyKey::new(
        "m.example",
        "transfer",
        "PRODUCT_ORDER",
        "C1-A",
        1,
    );
    let ((end, took), asked) = canned::answered(answers, async {
        let started = Instant::now();
        let end = stripe.create_transfer("amount=1", &key, None).await;
        (end, started.elapsed())
    });
    assert!(
        took <= LONGEST_CALL && asked.len() <= 5,
        "{took:?} for {} tries",
        asked.len()
    );
    let Err(error) = end else {
        return;
    };
    check::message(&error.to_string(), "an error");
    check::hides(&format!("{error} {error:?}"), SECRET, answers);
    // Silence follows the last answer.
    let Some(last) = answers.get(asked.len() - 1) else {
        return assert!(matches!(error, StripeError::Unknown(_)));
    };
    let status = last.status.as_u16();
    // Texts that are read for nothing may be no UTF-8.
    let json = serde_json::from_str::<Value>(&String::from_utf8_lossy(&last.body)).ok();
    match &error {
        StripeError::Unknown(_) => {}
        StripeError::Stop(why) => {
            // Stripe's message repeats a part of the key.
            let message = json
                .as_ref()
                .and_then(|json| json.get("error")?.get("message")?.as_str());
            let message = message.filter(|message| message.len() > 40).unwrap_or("\0");
            assert!(!why.contains(message), "{why}");
        }
        StripeError::Refused(refusal) => {
            assert_eq!(refusal.status, status);
            assert!(
                (400..500).contains(&status) && !matches!(status, 401 | 409 | 424 | 429),
                "{error:?}"
            );
            assert!(
                json.is_some_and(|json| json.get("error").is_some() || json.is_array()),
                "{error:?}"
            );
            match refusal.class {
                Class::Later | Class::Operator | Class::Final | Class::MaybeDone => {}
            }
        }
    }
}
