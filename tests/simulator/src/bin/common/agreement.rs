//! Whether the store says the same as Stripe's ledger, row by row.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use simulator::Transfer;

/// One row of `list transfers`, as far as it is looked at here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The order.
    pub mirakl_id: String,
    /// `TRANSFER_ORDER`, or `TRANSFER_TAX` of what is its taxes.
    pub r#type: String,
    /// Where it stands.
    pub status: String,
    /// The kind of reason it stands there for.
    pub reason_code: Option<String>,
    /// The reason in words.
    pub status_reason: Option<String>,
    /// The transfer at Stripe.
    pub transfer_id: Option<String>,
    /// In minor units.
    pub amount: Option<i64>,
    /// Upper case.
    pub currency: Option<String>,
    /// Who receives it.
    pub stripe_account_id: Option<String>,
}

impl Row {
    /// Whether the store holds the transfer to be made.
    pub fn is_created(&self) -> bool {
        self.status == "TRANSFER_CREATED"
    }

    fn name(&self) -> Cow<'_, str> {
        name(&self.mirakl_id, self.r#type == "TRANSFER_TAX")
    }

    /// Where it stands, and why.
    fn stands(&self) -> String {
        let code = self.reason_code.as_deref().unwrap_or("no reason");
        let reason = self.status_reason.as_deref().unwrap_or_default();
        format!("{} ({code}) {reason}", self.status)
    }
}

/// What the taxes of an order are called among what is due.
pub fn taxes_of(order: &str) -> String {
    format!("{order} (taxes)")
}

/// What is moved: an order, or the taxes of one.
fn name(order: &str, taxes: bool) -> Cow<'_, str> {
    match taxes {
        false => order.into(),
        true => taxes_of(order).into(),
    }
}

/// What came of comparing.
#[derive(Debug, Default)]
pub struct Agreement {
    /// Transfers that both sides know with the same id, amount, currency and destination.
    pub agreeing: usize,
    /// Everything else, in words.
    pub differences: Vec<String>,
}

/// Compares the ledger, the store, and what each order comes to by itself.
///
/// `due` is every order that was to be transferred, with its amount in minor units; taxes that go an
/// own way by [`taxes_of`].
pub fn compare(ledger: &[Transfer], rows: &[Row], due: &HashMap<String, i64>) -> Agreement {
    let mut agreement = Agreement::default();
    let mut differ = |what: String| agreement.differences.push(what);
    let created = rows.iter().filter(|row| row.is_created());
    let mut stored: HashMap<&str, &Row> = HashMap::new();
    for row in created {
        match row.transfer_id.as_deref() {
            Some(id) => drop(stored.insert(id, row)),
            None => differ(format!("{}: created without a transfer", row.mirakl_id)),
        }
    }
    let mut moved = HashSet::new();
    let mut agreeing = 0;
    for transfer in ledger {
        let id = &transfer.id;
        let of = |field: &str| transfer.metadata.get(field).map_or("", String::as_str);
        let order = name(of("miraklId"), of("miraklType").ends_with("_TAX"));
        if !moved.insert(order.clone()) {
            differ(format!(
                "{order}: {id} is a second transfer of the same order"
            ));
        }
        match due.get(&*order) {
            None => differ(format!("{order}: {id} was not to be made")),
            Some(amount) if *amount != transfer.amount => {
                let made = transfer.amount;
                differ(format!("{order}: {id} moved {made} instead of {amount}"));
            }
            Some(_) => {}
        }
        match stored.remove(id.as_str()) {
            None => differ(format!("{order}: the store does not know {id}")),
            Some(row) if is_same(row, transfer, &order) => agreeing += 1,
            Some(row) => differ(format!(
                "{order}: Stripe has {transfer:?}, the store {row:?}"
            )),
        }
    }
    for (id, row) in stored {
        differ(format!("{}: Stripe does not know {id}", row.mirakl_id));
    }
    for order in due.keys().filter(|order| !moved.contains(order.as_str())) {
        let row = rows.iter().find(|row| row.name() == *order);
        let stands = row.map_or("unknown to the store".to_owned(), Row::stands);
        differ(format!("{order}: was to be transferred, and is {stands}"));
    }
    agreement.agreeing = agreeing;
    agreement
}

fn is_same(row: &Row, transfer: &Transfer, order: &str) -> bool {
    let currency = row.currency.as_deref().map(str::to_lowercase);
    row.name() == order
        && row.amount == Some(transfer.amount)
        && currency.as_ref() == Some(&transfer.currency)
        && row.stripe_account_id.as_ref() == Some(&transfer.destination)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::DateTime;

    use super::*;

    fn transfer(id: &str, order: &str, amount: i64) -> Transfer {
        Transfer {
            id: id.to_owned(),
            amount,
            currency: "eur".to_owned(),
            destination: "acct_1".to_owned(),
            source_transaction: None,
            transfer_group: None,
            metadata: BTreeMap::from([("miraklId".to_owned(), order.to_owned())]),
            created: DateTime::UNIX_EPOCH,
            idempotency_key: None,
            amount_reversed: 0,
        }
    }

    fn row(order: &str, id: &str, amount: i64) -> Row {
        Row {
            mirakl_id: order.to_owned(),
            r#type: "TRANSFER_ORDER".to_owned(),
            status: "TRANSFER_CREATED".to_owned(),
            reason_code: None,
            status_reason: None,
            transfer_id: Some(id.to_owned()),
            amount: Some(amount),
            currency: Some("EUR".to_owned()),
            stripe_account_id: Some("acct_1".to_owned()),
        }
    }

    #[test]
    fn the_taxes_of_an_order_are_no_second_transfer_of_it() {
        let mut taxes = transfer("tr_2", "A", 20);
        let kind = "PRODUCT_ORDER_TAX".to_owned();
        taxes.metadata.insert("miraklType".to_owned(), kind);
        let ledger = [transfer("tr_1", "A", 80), taxes];
        let tax_row = |kind: &str| Row {
            r#type: kind.to_owned(),
            ..row("A", "tr_2", 20)
        };
        let rows = |kind| [row("A", "tr_1", 80), tax_row(kind)];
        let due = HashMap::from([("A".to_owned(), 80), (taxes_of("A"), 20)]);
        let good = compare(&ledger, &rows("TRANSFER_TAX"), &due);
        assert_eq!((good.agreeing, good.differences), (2, Vec::new()));
        let mixed = compare(&ledger, &rows("TRANSFER_ORDER"), &due);
        assert!(mixed.differences.join("; ").contains("the store Row"));
        let whole = HashMap::from([("A".to_owned(), 80)]);
        let undue = compare(&ledger, &rows("TRANSFER_TAX"), &whole).differences;
        assert!(undue.join("; ").contains("was not to be made"));
    }

    #[test]
    fn every_way_to_differ_is_told() {
        let due = HashMap::from([("A".to_owned(), 100)]);
        let (one, other) = (transfer("tr_1", "A", 100), transfer("tr_2", "A", 100));
        let good = compare(std::slice::from_ref(&one), &[row("A", "tr_1", 100)], &due);
        assert_eq!((good.agreeing, good.differences), (1, Vec::new()));
        for (ledger, rows, told) in [
            (
                vec![one.clone(), other],
                vec![row("A", "tr_1", 100)],
                "a second transfer",
            ),
            (
                vec![transfer("tr_1", "A", 99)],
                vec![row("A", "tr_1", 99)],
                "instead of 100",
            ),
            (
                vec![one.clone()],
                vec![row("A", "tr_1", 99)],
                "the store Row",
            ),
            (
                vec![one.clone()],
                vec![row("B", "tr_1", 100)],
                "the store Row",
            ),
            (
                vec![one.clone()],
                Vec::new(),
                "the store does not know tr_1",
            ),
            (
                vec![one],
                vec![row("A", "tr_1", 100), row("B", "tr_3", 5)],
                "Stripe does not know",
            ),
            (
                vec![transfer("tr_1", "C", 5)],
                vec![row("C", "tr_1", 5)],
                "was not to be made",
            ),
            (Vec::new(), Vec::new(), "A: was to be transferred"),
        ] {
            let differences = compare(&ledger, &rows, &due).differences;
            let all = differences.join("; ");
            assert!(all.contains(told), "{told:?} is not in {all:?}");
        }
    }
}
