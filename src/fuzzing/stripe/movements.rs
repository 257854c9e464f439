use chrono::DateTime;
use serde_json::Value;

use super::{ask, elements, leads_on, object, same_amount, text};
use crate::domain::ids::{AccountId, ChargeId};
use crate::domain::key::IdempotencyKey;
use crate::domain::refund::{RefundOrigin, RefundType};
use crate::fuzzing::check;
use crate::http::Answer;
use crate::stripe::{Payout, PayoutsQuery, Refund, RefundsQuery, Transfer, TransfersQuery};

/// What a metadata field must be for something of ours.
fn named<'a>(element: &'a Value, name: &str) -> Option<&'a str> {
    element
        .get("metadata")
        .and_then(|metadata| text(metadata, name))
}

fn transfer_agrees(transfer: &Transfer, element: &Value) {
    check::date(transfer.created_at, "created");
    assert_eq!(text(element, "id"), Some(transfer.id.as_str()));
    same_amount(transfer.amount, element);
    assert_eq!(
        transfer.destination.as_ref().map(AccountId::as_str),
        text(element, "destination")
    );
    assert_eq!(
        transfer.source.as_ref().map(ChargeId::as_str),
        text(element, "source_transaction")
    );
    if let Some(origin) = &transfer.origin {
        check::storable_id(&origin.mirakl_id, "miraklId");
        assert_eq!(named(element, "miraklId"), Some(origin.mirakl_id.as_str()));
        if origin.host.is_some() {
            assert_eq!(named(element, "miraklType"), Some(origin.kind.as_str()));
            assert_eq!(named(element, "miraklHost"), origin.host.as_deref());
        }
    }
    // One of ours is never taken for one of the old connector's.
    let ours = named(element, "pluginName") == Some("mirakl-stripe");
    assert!(transfer.old_invoice.is_none() || !ours);
}

pub(in crate::fuzzing) fn transfers(answers: &[Answer]) {
    let query = TransfersQuery::default();
    let (end, _) = ask(answers, async |stripe| stripe.transfers(&query).await);
    if let (Ok(list), Some(elements)) = (&end, elements(answers)) {
        leads_on(list, answers);
        assert_eq!(list.data.len(), elements.len(), "a transfer was lost");
        list.data
            .iter()
            .zip(&elements)
            .for_each(|(transfer, element)| transfer_agrees(transfer, element));
    }
    let id = "tr_1".into();
    let (end, _) = ask(answers, async |stripe| stripe.transfer(&id, None).await);
    if let (Ok(Some(transfer)), Some(object)) = (&end, object(answers).filter(Value::is_object)) {
        transfer_agrees(transfer, &object);
    }
    let (end, _) = ask(answers, async |stripe| stripe.left_of_transfer(&id).await);
    if let (Ok(left), Some(object)) = (end, object(answers).filter(Value::is_object)) {
        let of = |name: &str| object.get(name).and_then(Value::as_i64).map(i128::from);
        let expected = of("amount").unwrap_or(0) - of("amount_reversed").unwrap_or(0);
        assert!(
            left >= 0 && (i128::from(left) <= expected.max(0)),
            "{left} are left of {object}"
        );
    }
}

pub(in crate::fuzzing) fn reversals(answers: &[Answer]) {
    let id = "tr_1".into();
    let refund = "R1".into();
    let (end, _) = ask(answers, async |stripe| {
        let all = stripe.reversals_of(&id).await?;
        let ours =
            |kind| move |r: &crate::stripe::Reversal| r.is_for("m.example", kind, &"R1".into());
        let [product, service] = [RefundType::ProductRefund, RefundType::ServiceRefund].map(ours);
        Ok(all
            .iter()
            .map(|r| (r.minor, r.created_at, product(r), service(r)))
            .collect::<Vec<_>>())
    });
    let (Ok(all), Some(elements)) = (end, elements(answers)) else {
        return;
    };
    assert_eq!(all.len(), elements.len(), "a reversal was lost");
    for ((minor, at, of_product, of_service), element) in all.iter().zip(&elements) {
        check::date(*at, "created");
        assert_eq!(element.get("amount").and_then(Value::as_i64), Some(*minor));
        if *of_product || *of_service {
            let names: &crate::domain::ids::RefundId = &refund;
            let by = [named(element, "miraklRefundId"), named(element, "miraklId")];
            assert!(by.contains(&Some(names.as_str())));
        }
    }
}

fn refund_agrees(refund: &Refund, element: &Value) {
    check::date(refund.created_at, "created");
    assert_eq!(text(element, "id"), Some(refund.id.as_str()));
    assert_eq!(
        element.get("amount").and_then(Value::as_i64),
        Some(refund.minor)
    );
    same_amount(refund.amount, element);
    let ended = matches!(text(element, "status"), Some("failed" | "canceled"));
    assert_eq!(refund.ended.is_some(), ended);
    match &refund.origin {
        RefundOrigin::Ours { host, made_for } => {
            check::storable_id(made_for.refund_id.as_str(), "miraklRefundId");
            check::storable_id(made_for.order_id.as_str(), "miraklOrderId");
            assert_eq!(named(element, "miraklHost"), Some(host.as_str()));
            assert_eq!(named(element, "miraklType"), Some(made_for.kind.as_str()));
        }
        RefundOrigin::Old(id) => {
            if let Some(id) = id {
                check::storable_id(id.as_str(), "miraklRefundId");
            }
            assert_eq!(named(element, "pluginName"), Some("MiraklConnector"));
        }
        RefundOrigin::Other => {}
    }
}

pub(in crate::fuzzing) fn refunds(answers: &[Answer]) {
    let query = RefundsQuery::default();
    let (end, _) = ask(answers, async |stripe| stripe.refunds(&query).await);
    if let (Ok(list), Some(elements)) = (&end, elements(answers)) {
        leads_on(list, answers);
        assert_eq!(list.data.len(), elements.len(), "a refund was lost");
        list.data
            .iter()
            .zip(&elements)
            .for_each(|(refund, element)| refund_agrees(refund, element));
    }
    let charge = "ch_1".into();
    let (end, _) = ask(answers, async |stripe| stripe.refunds_of(&charge).await);
    if let (Ok(all), Some(elements)) = (&end, elements(answers)) {
        assert_eq!(all.len(), elements.len(), "a refund was lost");
    }
    let id = "re_1".into();
    let (end, _) = ask(answers, async |stripe| stripe.refund(&id).await);
    if let (Ok(Some(refund)), Some(object)) = (&end, object(answers).filter(Value::is_object)) {
        refund_agrees(refund, &object);
    }
}

pub(in crate::fuzzing) fn events(answers: &[Answer]) {
    let (end, _) = ask(answers, async |stripe| {
        stripe.ended_refunds(DateTime::UNIX_EPOCH, None).await
    });
    let (Ok(list), Some(elements)) = (end, elements(answers)) else {
        return;
    };
    leads_on(&list, answers);
    let objects = elements.iter().map(|element| &element["data"]["object"]);
    let ended = objects.filter(|o| matches!(text(o, "status"), Some("failed" | "canceled")));
    let ended: Vec<&Value> = ended.collect();
    assert_eq!(list.data.len(), ended.len(), "an event was lost");
    for (refund, object) in list.data.iter().zip(ended) {
        refund_agrees(refund, object);
    }
}

fn payout_agrees(payout: &Payout, element: &Value) {
    check::date(payout.created_at, "created");
    check::dates(payout.arrival, "arrival_date");
    assert_eq!(text(element, "id"), Some(payout.id.as_str()));
    same_amount(payout.amount, element);
    assert_eq!(
        payout.life.has_ended(),
        matches!(text(element, "status"), Some("failed" | "canceled"))
    );
    if let Some(origin) = &payout.origin {
        check::storable_id(origin.invoice.as_str(), "miraklId");
        if origin.host.is_some() {
            assert_eq!(named(element, "miraklHost"), origin.host.as_deref());
            assert_eq!(named(element, "miraklId"), Some(origin.invoice.as_str()));
        }
    }
}

pub(in crate::fuzzing) fn payouts(answers: &[Answer]) {
    let account = "acct_1".into();
    let query = PayoutsQuery {
        account: &account,
        from: None,
        starting_after: None,
    };
    let (end, _) = ask(answers, async |stripe| stripe.payouts(&query).await);
    if let (Ok(list), Some(elements)) = (&end, elements(answers)) {
        leads_on(list, answers);
        assert_eq!(list.data.len(), elements.len(), "a payout was lost");
        list.data
            .iter()
            .zip(&elements)
            .for_each(|(payout, element)| payout_agrees(payout, element));
    }
    let id = "po_1".into();
    let (end, _) = ask(answers, async |stripe| stripe.payout(&account, &id).await);
    if let (Ok(Some(payout)), Some(object)) = (&end, object(answers).filter(Value::is_object)) {
        payout_agrees(payout, &object);
    }
}

/// The answers to what moves money: however often it was tried, the same bytes left under the same key.
pub(in crate::fuzzing) fn made(answers: &[Answer]) {
    const BODY: &str = "amount=1";
    let key = IdempotencyKey::new("m.example", "transfer", "PRODUCT_ORDER", "C1-A", 1);
    let (account, transfer) = ("acct_1".into(), "tr_1".into());
    let transferred = ask(answers, async |stripe| {
        stripe.create_transfer(BODY, &key, None).await
    });
    let refunded = ask(answers, async |stripe| {
        stripe.create_refund(BODY, &key).await
    });
    let reversed = ask(answers, async |stripe| {
        let (reversal, request_id) = stripe.reverse_transfer(&transfer, BODY, &key).await?;
        Ok((reversal.id, reversal.minor, request_id))
    });
    let paid_out = ask(answers, async |stripe| {
        stripe.create_payout(&account, BODY, &key).await
    });
    for asked in [&transferred.1, &refunded.1, &reversed.1, &paid_out.1] {
        assert!((1..=5).contains(&asked.len()), "sent {} times", asked.len());
        for request in asked {
            assert_eq!(
                (request.method.as_str(), request.body.as_deref()),
                ("POST", Some(BODY))
            );
            assert_eq!(
                request
                    .headers
                    .get("idempotency-key")
                    .and_then(|key| key.to_str().ok()),
                Some(key.as_str())
            );
        }
    }
    let Some(object) = object(answers).filter(Value::is_object) else {
        return;
    };
    if let Ok((transfer, _)) = &transferred.0 {
        transfer_agrees(transfer, &object);
    }
    if let Ok((refund, _)) = &refunded.0 {
        refund_agrees(refund, &object);
    }
    if let Ok((_, minor, _)) = &reversed.0 {
        assert_eq!(object.get("amount").and_then(Value::as_i64), Some(*minor));
    }
    if let Ok((payout, _)) = &paid_out.0 {
        payout_agrees(payout, &object);
    }
}
