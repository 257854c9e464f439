use chrono::DateTime;
use serde_json::Value;

use super::{METADATA_KEY, ask, elements, leads_on, object, text};
use crate::domain::ids::{ChargeId, CommercialOrderId, PaymentRef};
use crate::domain::key::IdempotencyKey;
use crate::domain::payment::{Payment, PaymentStatus};
use crate::fuzzing::check;
use crate::http::Answer;
use crate::stripe::{ChargesQuery, Finish};

/// What must be true of a payment whoever sent it.
fn kept(payment: &Payment) {
    if let Some(basket) = &payment.commercial_id {
        check::storable_id(basket.as_str(), "a basket");
    }
    check::date(payment.created_at, "created");
    check::dates(payment.authorized_until, "capture_before");
    assert!(payment.refunded >= 0, "{payment:?}");
    match payment.status {
        PaymentStatus::Captured => assert!(payment.charge.is_some() && !payment.pending),
        PaymentStatus::ToCapture | PaymentStatus::Canceled | PaymentStatus::Failed => {}
    }
    // Money counts as taken only with the charge that took it.
    assert!(payment.charge.is_some() || payment.captured == 0);
    assert!(payment.settlement.is_none() || payment.charge.is_some());
}

/// What the charge says of itself.
fn agrees(payment: &Payment, charge: &Value) {
    assert_eq!(
        Some(payment.amount.minor()),
        charge.get("amount").and_then(Value::as_i64)
    );
    let currency = text(charge, "currency").unwrap_or_default();
    assert!(
        payment
            .amount
            .currency()
            .code()
            .eq_ignore_ascii_case(currency)
    );
    let taken = text(charge, "status") == Some("succeeded")
        && charge.get("captured") == Some(&Value::Bool(true));
    if !taken {
        assert_eq!(payment.captured, 0);
        assert_ne!(payment.status, PaymentStatus::Captured);
    }
}

/// A page of charges: none is passed over.
pub(in crate::fuzzing) fn charges(answers: &[Answer]) {
    let query = ChargesQuery {
        from: DateTime::UNIX_EPOCH,
        until: DateTime::UNIX_EPOCH,
        starting_after: None,
    };
    let (end, _) = ask(answers, async |stripe| stripe.charges(&query).await);
    let Ok(list) = end else {
        return;
    };
    for charge in &list.data {
        check::date(charge.created_at, "created");
        charge.payment.iter().for_each(kept);
    }
    let Some(elements) = elements(answers) else {
        return;
    };
    leads_on(&list, answers);
    assert_eq!(list.data.len(), elements.len(), "a charge was lost");
    for (charge, element) in list.data.iter().zip(&elements) {
        if let Some(payment) = &charge.payment {
            assert_eq!(
                payment.charge.as_ref().map(ChargeId::as_str),
                text(element, "id")
            );
            agrees(payment, element);
        }
    }
    let page = object(answers).unwrap_or_default();
    let more = page.get("has_more") == Some(&Value::Bool(true));
    let leads_from = elements
        .last()
        .and_then(|last| text(last, "id"))
        .filter(|_| more);
    assert_eq!(
        list.next.as_deref(),
        leads_from,
        "the next page starts elsewhere"
    );
}

/// One payment, by its intent and by its charge.
pub(in crate::fuzzing) fn payment(answers: &[Answer]) {
    for id in ["pi_1", "ch_1"] {
        let reference = PaymentRef::parse(id).expect("an id");
        let (end, _) = ask(answers, async |stripe| stripe.payment(&reference).await);
        let Ok(Some(payment)) = end else {
            continue;
        };
        kept(&payment);
        let (Some(object), PaymentRef::Charge(_)) = (object(answers), &reference) else {
            continue;
        };
        if object.is_object() {
            agrees(&payment, &object);
        }
    }
}

/// A search finds only payments that name the basket, letter for letter, whatever the basket is called.
pub(in crate::fuzzing) fn searched(answers: &[Answer]) {
    let Some((first, rest)) = answers.split_first() else {
        return;
    };
    let basket = CommercialOrderId(String::from_utf8_lossy(&first.body).into_owned());
    let (end, asked) = ask(rest, async |stripe| stripe.search_payments(&basket).await);
    for request in asked {
        let mut pairs = request.url.query_pairs();
        let (_, query) = pairs.find(|(name, _)| name == "query").expect("a query");
        let quoted = query
            .strip_prefix(&format!("metadata[\"{METADATA_KEY}\"]:\""))
            .and_then(|rest| rest.strip_suffix('"'))
            .expect("one condition");
        assert_eq!(
            unquoted(quoted).as_deref(),
            Some(basket.as_str()),
            "{query}"
        );
    }
    let (Ok(found), Some(elements)) = (end, elements(rest)) else {
        return;
    };
    for reference in found {
        let named = elements.iter().any(|intent| {
            let name = intent
                .get("metadata")
                .and_then(|metadata| text(metadata, METADATA_KEY));
            text(intent, "id") == Some(reference.as_str())
                && name.map(str::trim) == Some(basket.as_str())
        });
        assert!(named, "{reference} is not of {basket}");
    }
}

/// Undoes the quoting of a search; `None` where the text would have ended early.
fn unquoted(text: &str) -> Option<String> {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return None,
            '\\' => plain.push(characters.next()?),
            other => plain.push(other),
        }
    }
    Some(plain)
}

/// The answer to a capture or a cancellation.
pub(in crate::fuzzing) fn captured(answers: &[Answer]) {
    let key = IdempotencyKey::new("m.example", "capture", "PAYMENT", "C1", 1);
    for (id, finish) in [
        ("pi_1", Finish::Capture),
        ("pi_1", Finish::Cancel),
        ("ch_1", Finish::Capture),
        ("ch_1", Finish::Cancel),
    ] {
        let reference = PaymentRef::parse(id).expect("an id");
        let (end, asked) = ask(answers, async |stripe| {
            stripe
                .finish_payment(&reference, finish, "amount=1", &key)
                .await
        });
        // However often it was tried: the same bytes under the same key.
        for request in &asked {
            assert_eq!(request.body.as_deref(), Some("amount=1"));
            assert_eq!(
                request
                    .headers
                    .get("idempotency-key")
                    .and_then(|key| key.to_str().ok()),
                Some(key.as_str())
            );
        }
        if let Ok((Some(payment), _)) = &end {
            kept(payment);
        }
    }
}
