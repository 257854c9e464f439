use serde_json::Value;

use super::{ask, elements, text};
use crate::domain::payout::Invoice;
use crate::fuzzing::check;
use crate::http::Answer;
use crate::mirakl::{InvoicesQuery, ReadInvoice};

/// IV01: each element is an invoice or named as one that is not, and every amount of its summary is
/// accounted for.
pub(in crate::fuzzing) fn invoices(answers: &[Answer]) {
    let ids = ["1".into()];
    let (end, _) = ask(answers, async |mirakl| {
        mirakl.invoices(&InvoicesQuery::Ids(&ids)).await
    });
    let Ok(page) = end else {
        return;
    };
    page.items.iter().for_each(kept);
    let Some(elements) = elements(answers, &["invoices"]) else {
        return;
    };
    assert_eq!(page.items.len(), elements.len(), "an invoice was lost");
    for (read, element) in page.items.iter().zip(&elements) {
        if let (Ok(invoice), true) = (read, element.is_object()) {
            agrees(invoice, element);
        }
    }
}

fn kept(read: &ReadInvoice) {
    match read {
        Ok(invoice) => {
            assert!(invoice.id.as_str().parse::<i64>().is_ok_and(|id| id > 0));
            check::date(invoice.created_at, "date_created");
            for (name, amount) in &invoice.leftovers {
                check::storable(name, "a name of the summary");
                assert!(!amount.is_zero());
            }
        }
        Err(unread) => {
            check::message(&unread.cause, "the cause");
            check::dates(unread.created_at, "date_created");
        }
    }
}

fn agrees(invoice: &Invoice, element: &Value) {
    assert_eq!(
        element.get("shop_id").and_then(Value::as_i64),
        Some(invoice.shop_id.0)
    );
    assert_eq!(
        text(element, "currency_iso_code"),
        Some(invoice.currency.as_str())
    );
    let Some(Value::Object(summary)) = element.get("summary") else {
        return;
    };
    let moved = [
        ("amount_transferred", invoice.transferred),
        ("total_other_credits_incl_tax", invoice.credits),
        ("total_subscription_incl_tax", invoice.subscription),
        ("total_other_invoices_incl_tax", invoice.other_invoices),
    ];
    for (name, amount) in moved {
        check::as_sent(amount, summary.get(name), name);
    }
    for (name, amount) in &invoice.leftovers {
        check::as_sent(*amount, summary.get(name), name);
    }
    // What nothing carries out and is not zero is told of.
    for name in ["reserve_amount", "total_penalties_incl_tax", "a_new_amount"] {
        let amount = summary.get(name).filter(|value| value.is_number());
        let is_zero = check::units_of(amount) == Some(0);
        let told = invoice.leftovers.iter().any(|(left, _)| left == name);
        assert_eq!(told, !is_zero, "{name}");
    }
}
