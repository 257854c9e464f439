use serde_json::Value;

use super::{ask, elements, text};
use crate::fuzzing::check;
use crate::http::Answer;
use crate::mirakl::{ProductDebit, Told, ToldService, UnreadDebit, UnreadService};

type ReadDebit = Result<ProductDebit, UnreadDebit>;

/// PA11, and what PA01 then tells of it: the amount as it came.
pub(in crate::fuzzing) fn product_debits(answers: &[Answer]) {
    let (end, _) = ask(answers, async |mirakl| mirakl.debits().await);
    let Ok(debits) = end else {
        return;
    };
    for read in &debits {
        match read {
            Ok(debit) => {
                check::storable_id(debit.order_id.as_str(), "order_id");
                check::storable_id(debit.commercial_id.as_str(), "order_commercial_id");
                check::storable(&debit.name(), "what is debited");
            }
            Err(unread) => {
                check::message(&unread.cause, "the cause");
                if let Some(id) = &unread.order_id {
                    check::storable_id(id.as_str(), "order_id");
                }
            }
        }
    }
    let Some(elements) = elements(answers, &["orders", "order"]) else {
        return;
    };
    assert_eq!(debits.len(), elements.len(), "a debit was lost");
    for (read, element) in debits.iter().zip(&elements) {
        if let (Ok(debit), true) = (read, element.is_object()) {
            assert_eq!(Some(debit.order_id.as_str()), text(element, "order_id"));
            check::as_sent(debit.amount, element.get("amount"), "amount");
        }
    }
    tell(&debits);
}

fn tell(debits: &[ReadDebit]) {
    let debits: Vec<&ProductDebit> = debits.iter().flatten().collect();
    let told: Vec<Told<'_>> = debits
        .iter()
        .enumerate()
        .map(|(index, debit)| Told {
            debit,
            transaction: (index % 2 == 0).then_some("pi_1"),
        })
        .collect();
    let done = crate::fuzzing::canned::answers(b"204\n\n");
    let (_, asked) = ask(&done, async |mirakl| mirakl.confirm_debits(&told).await);
    let body = asked
        .first()
        .and_then(|asked| asked.body.as_deref())
        .expect("a body");
    let body: Value = serde_json::from_str(body).expect("JSON");
    let orders = body["orders"].as_array().expect("a list");
    assert_eq!(orders.len(), told.len());
    for (order, told) in orders.iter().zip(&told) {
        assert_eq!(text(order, "order_id"), Some(told.debit.order_id.as_str()));
        assert_eq!(
            text(order, "customer_id"),
            Some(told.debit.customer_id.as_str())
        );
        assert_eq!(order.get("amount").is_some(), told.transaction.is_some());
        if let Some(amount) = order.get("amount") {
            check::as_sent(told.debit.amount, Some(amount), "the amount told");
        }
    }
}

/// SPA11: each element is a debit or named as one that is not.
pub(in crate::fuzzing) fn service_debits(answers: &[Answer]) {
    let ids = ["S1".into()];
    let (end, _) = ask(answers, async |mirakl| {
        mirakl.each_service_debit(&ids).await
    });
    let Ok(debits) = end else {
        return;
    };
    for read in &debits {
        match read {
            Ok(debit) => {
                check::storable_id(debit.id.0.as_str(), "id");
                check::storable_id(debit.order_id.as_str(), "order_id");
                check::storable(
                    debit.transaction_number.as_deref().unwrap_or_default(),
                    "transaction_number",
                );
                check::dates(debit.debited_at, "a debit's date");
            }
            Err(UnreadService {
                order_id, cause, ..
            }) => {
                check::message(cause, "the cause");
                if let Some(id) = &order_id {
                    check::storable(id.as_str(), "order_id");
                }
            }
        }
    }
    let Some(elements) = elements(answers, &["data"]) else {
        return;
    };
    assert_eq!(debits.len(), elements.len(), "a debit was lost");
    for (read, element) in debits.iter().zip(&elements) {
        if let (Ok(debit), true) = (read, element.is_object()) {
            assert_eq!(Some(debit.id.0.as_str()), text(element, "id"));
            check::as_sent(debit.amount, element.get("amount"), "amount");
        }
    }
}

/// SPA01: whatever Mirakl answers, each error that names a debit is told of it.
pub(in crate::fuzzing) fn service_answers(answers: &[Answer]) {
    let debit = crate::domain::service::ServiceDebit {
        id: "D1".into(),
        order_id: "S1".into(),
        amount: rust_decimal::Decimal::new(2000, 2),
        currency: "EUR".to_owned(),
        state: crate::domain::service::DebitState::Waiting,
        transaction_number: None,
        debited_at: None,
    };
    let told = [ToldService {
        debit: &debit,
        transaction: Some("pi_1"),
    }];
    let (end, asked) = ask(answers, async |mirakl| {
        let refused = mirakl.confirm_service_debits(&told).await?;
        let mut refused: Vec<_> = refused.into_iter().collect();
        refused.sort_by(|one, other| one.0.0.cmp(&other.0.0));
        Ok(refused)
    });
    assert!(
        (1..=10).contains(&asked.len()),
        "told {} times",
        asked.len()
    );
    let Ok(refused) = end else {
        return;
    };
    for (_, why) in &refused {
        check::message(why, "why a debit was not taken");
    }
    let errors = elements(answers, &["errors"]).unwrap_or_default();
    for element in errors
        .iter()
        .filter_map(|element| text(element, "debit_id"))
    {
        assert!(
            refused.iter().any(|(id, _)| id.0 == element),
            "{element} counts as taken"
        );
    }
}
