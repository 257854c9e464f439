use serde_json::Value;

use super::{ask, elements, text};
use crate::domain::money::Currency;
use crate::domain::refund::AskedRefund;
use crate::fuzzing::{canned, check};
use crate::http::Answer;
use crate::mirakl::{ToldRefund, UnreadRefund};

type ReadRefund = Result<AskedRefund, UnreadRefund>;

fn kept(read: &ReadRefund) {
    match read {
        Ok(refund) => {
            check::storable_id(refund.id.as_str(), "id");
            check::storable_id(refund.order_id.as_str(), "order_id");
            if let Some(basket) = &refund.commercial_id {
                check::storable_id(basket.as_str(), "order_commercial_id");
            }
        }
        Err(unread) => {
            check::message(&unread.cause, "the cause");
            if let Some(id) = &unread.order_id {
                check::storable_id(id.as_str(), "order_id");
            }
        }
    }
}

/// PA12: each refund of each order is read or named as one that is not, and no order is passed over. PA02
/// then tells the amount as it came.
pub(in crate::fuzzing) fn product_refunds(answers: &[Answer]) {
    let (end, _) = ask(answers, async |mirakl| mirakl.refunds().await);
    let Ok(refunds) = end else {
        return;
    };
    refunds.iter().for_each(kept);
    let Some(orders) = elements(answers, &["orders", "order"]) else {
        return;
    };
    assert!(
        refunds.len() >= orders.len(),
        "an order's refunds were lost"
    );
    let mut expected = Vec::new();
    for order in &orders {
        let lines = order
            .get("order_lines")
            .and_then(|lines| lines.get("order_line"));
        let lines = lines.and_then(Value::as_array).cloned().unwrap_or_default();
        let of = |line: &Value| line.get("refunds")?.get("refund")?.as_array().cloned();
        expected.extend(lines.iter().filter_map(of).flatten());
    }
    for refund in refunds.iter().flatten() {
        let found = expected.iter().any(|element| {
            let id = match element.get("id") {
                Some(Value::String(id)) => id.clone(),
                Some(Value::Number(id)) => id.to_string(),
                _ => return !element.is_object(),
            };
            let amount = check::units_of(element.get("amount"));
            let same = || {
                amount.is_some_and(|units| Some(units) == check::units(&refund.amount.to_string()))
            };
            id == refund.id.as_str() && same()
        });
        assert!(found, "{refund:?} was not sent");
    }
    tell(&refunds);
}

fn tell(refunds: &[ReadRefund]) {
    let currency = Currency::parse("EUR").expect("known");
    let told: Vec<ToldRefund<'_>> = refunds
        .iter()
        .flatten()
        .map(|refund| ToldRefund {
            id: &refund.id,
            order_id: &refund.order_id,
            amount: refund.amount,
            currency,
            transaction: "re_1",
        })
        .collect();
    let done = canned::answers(b"204\n\n");
    let (_, asked) = ask(&done, async |mirakl| mirakl.confirm_refunds(&told).await);
    let body = asked
        .first()
        .and_then(|asked| asked.body.as_deref())
        .expect("a body");
    let body: Value = serde_json::from_str(body).expect("JSON");
    let bodies = body["refunds"].as_array().expect("a list");
    assert_eq!(bodies.len(), told.len());
    for (body, told) in bodies.iter().zip(&told) {
        assert_eq!(text(body, "refund_id"), Some(told.id.as_str()));
        check::as_sent(told.amount, body.get("amount"), "the amount told");
    }
}

/// SPA12: what waits is read or named as one that cannot be; only what says that it does not wait is left
/// out.
pub(in crate::fuzzing) fn service_refunds(answers: &[Answer]) {
    let (end, _) = ask(answers, async |mirakl| mirakl.service_refunds().await);
    let Ok(refunds) = end else {
        return;
    };
    refunds.iter().for_each(kept);
    let Some(elements) = elements(answers, &["data"]) else {
        return;
    };
    if elements.iter().any(Value::is_array) {
        return;
    }
    let waits = |element: &&Value| text(element, "state").is_none_or(|state| state == "WAITING");
    let waiting = elements.iter().filter(waits).count();
    assert!(refunds.len() >= waiting, "a refund was lost");
    assert!(refunds.len() <= elements.len(), "a refund was made up");
    for refund in refunds.iter().flatten() {
        let found = elements.iter().any(|element| {
            let amount = check::units_of(element.get("amount"));
            text(element, "order_id") == Some(refund.order_id.as_str())
                && amount
                    .is_some_and(|units| Some(units) == check::units(&refund.amount.to_string()))
        });
        assert!(found, "{refund:?} was not sent");
    }
}

/// SPA02: one that Mirakl did not take never counts as taken.
pub(in crate::fuzzing) fn service_refund_answers(answers: &[Answer]) {
    let (id, order_id) = ("R1".into(), "S1".into());
    let told = [ToldRefund {
        id: &id,
        order_id: &order_id,
        amount: rust_decimal::Decimal::new(1000, 2),
        currency: Currency::parse("EUR").expect("known"),
        transaction: "re_1",
    }];
    let (end, _) = ask(answers, async |mirakl| {
        let ends = mirakl.confirm_service_refunds(&told).await?;
        let mut ends: Vec<_> = ends.into_iter().collect();
        ends.sort();
        Ok(ends)
    });
    let Ok(ends) = end else {
        return;
    };
    for why in ends.iter().filter_map(|(_, end)| end.as_ref().err()) {
        check::message(why, "why a refund was not taken");
    }
    let errors = elements(answers, &["errors"]).unwrap_or_default();
    for refused in errors
        .iter()
        .filter_map(|element| text(element, "refund_id"))
    {
        let taken = ends
            .iter()
            .any(|(id, end)| id.as_str() == refused && end.is_ok());
        assert!(!taken, "{refused} counts as taken");
    }
}
