//! Whether refunds were made, told to Mirakl and taken back as is due, by the simulator's ledger and
//! by the store. All of them are in euros.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::refund_ledger::{Ledger, Moved, ORDER};

/// One row of `list refunds`, as far as it is looked at here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The refund at Mirakl.
    pub mirakl_refund_id: String,
    /// Where it stands.
    pub status: String,
    /// The kind of reason.
    pub reason_code: Option<String>,
    status_reason: Option<String>,
    amount_explained: Option<String>,
    /// The refund at Stripe.
    pub stripe_refund_id: Option<String>,
    reversals: Vec<Part>,
}

impl Row {
    /// Why it stands where it does, or how the seller's part comes about.
    pub fn why(&self) -> &str {
        let why = self
            .status_reason
            .as_ref()
            .or(self.amount_explained.as_ref());
        why.map_or("", String::as_str)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    stripe_reversal_id: Option<String>,
}

/// What is to become of a refund.
#[derive(Debug, Clone, Default)]
pub struct Due {
    /// Its order.
    pub order: String,
    /// The charge that it comes out of.
    pub charge: String,
    /// What the customer gets back, in cents.
    pub given: i64,
    /// Whether Stripe could not carry it out in the end.
    pub failed: bool,
    /// What comes back, in cents, from which kinds of transfers, in the order of their names.
    pub taken: Vec<(&'static str, i64)>,
    /// Where it stands.
    pub status: &'static str,
    /// Why it stands there.
    pub code: Option<&'static str>,
}

/// Compares the ledger, the store, and what is due of each refund.
pub fn compare(ledger: &Ledger, rows: &[Row], due: &BTreeMap<String, Due>) -> Vec<String> {
    let mut stored: BTreeMap<&str, &Row> = BTreeMap::new();
    for row in rows {
        stored.insert(&row.mirakl_refund_id, row);
    }
    let mut differences = Vec::new();
    for (id, due) in due {
        let moved = ledger.moved(id);
        if !is_due(&moved, due) {
            let (given, told, taken) = (moved.given(), moved.told(), moved.taken());
            differences.push(format!(
                "{id}: {due:?}, by the ledger {given} given, told {told} times, {taken:?} taken: {moved:?}"
            ));
        }
        let row = stored.remove(id.as_str());
        if !row.is_some_and(|row| is_known(&moved, row, due)) {
            let why = row.map_or("nothing", |row| row.why());
            differences.push(format!("{id}: {due:?}, the store says {why}: {row:?}"));
        }
    }
    let mut others: Vec<&str> = ledger.named().chain(stored.into_keys()).collect();
    others.retain(|id| !due.contains_key(*id));
    others.sort_unstable();
    others.dedup();
    differences.extend(others.iter().map(|id| format!("{id}: nothing was due")));
    differences
}

/// What moved is what is due.
fn is_due(moved: &Moved<'_>, due: &Due) -> bool {
    let made = match (moved.made.as_slice(), due.given) {
        ([], 0) => moved.told.is_empty(),
        ([made], amount) => {
            (made.charge == due.charge && made.amount == amount)
                && made.metadata.get(ORDER) == Some(&due.order)
                && (made.status == "failed") == due.failed
                && moved.told == [&(made.id.clone(), Some(amount))]
        }
        _ => false,
    };
    made && moved.taken == due.taken
}

/// The store knows what moved, and that it was due.
fn is_known(moved: &Moved<'_>, row: &Row, due: &Due) -> bool {
    let made = moved.made.iter().find(|refund| refund.status != "failed");
    let ours = row.reversals.iter();
    let ours = ours.filter_map(|part| part.stripe_reversal_id.as_deref());
    let mut ours: Vec<&str> = ours.collect();
    ours.sort_unstable();
    row.status == due.status
        && row.reason_code.as_deref() == due.code
        && made.is_none_or(|made| row.stripe_refund_id.as_ref() == Some(&made.id))
        && ours == moved.reversals
}

#[cfg(test)]
mod tests {
    use simulator::{AccountSeed, PaymentSeed, Simulator, TransferSeed};

    use super::super::Result;
    use super::super::refund_ledger::REFUND;
    use super::*;

    #[tokio::test]
    async fn every_way_to_differ_is_told() -> Result<()> {
        let simulator = Simulator::start().await?;
        let stripe = simulator.stripe();
        let account = stripe.add_account(AccountSeed::new());
        let charge = stripe.pay(PaymentSeed::new(3000, "eur")).charge;
        let seed = TransferSeed::new(&account, 2700, "eur").source_transaction(&charge);
        let seed = seed.metadata("miraklId", "C1-A");
        let transfer = stripe.add_transfer(seed.metadata("miraklType", "PRODUCT_ORDER"));
        let names = [(REFUND, "1100"), (ORDER, "C1-A")];
        let now = simulator.clock().now();
        let due = Due {
            order: "C1-A".to_owned(),
            charge: charge.clone(),
            given: 1000,
            taken: vec![("PRODUCT_ORDER", 900)],
            status: "REFUND_CREATED",
            ..Due::default()
        };
        let all = |due: &Due| BTreeMap::from([("1100".to_owned(), due.clone())]);
        let nothing = Ledger::of(&simulator);
        assert_eq!(
            compare(&nothing, &[], &BTreeMap::new()),
            Vec::<String>::new()
        );
        assert!(!compare(&nothing, &[], &all(&due)).is_empty());

        let refund = stripe.old_refund(&charge, 1000, &names, now);
        let reversal = stripe.old_reversal(&transfer, 900, &names, now);
        let row = |status: &str| Row {
            mirakl_refund_id: "1100".to_owned(),
            status: status.to_owned(),
            reason_code: None,
            status_reason: None,
            amount_explained: None,
            stripe_refund_id: Some(refund.clone()),
            reversals: vec![Part {
                stripe_reversal_id: Some(reversal.clone()),
            }],
        };
        let good = [row("REFUND_CREATED")];
        let mut ledger = Ledger::of(&simulator);
        assert!(!compare(&ledger, &good, &all(&due)).is_empty(), "not told");
        let told = (refund.clone(), Some(1000));
        ledger.told.insert("1100".to_owned(), vec![told.clone()]);
        assert_eq!(compare(&ledger, &good, &all(&due)), Vec::<String>::new());
        for wrong in [
            Due {
                given: 999,
                ..due.clone()
            },
            Due {
                charge: "ch_other".to_owned(),
                ..due.clone()
            },
            Due {
                order: "C2-A".to_owned(),
                ..due.clone()
            },
            Due {
                failed: true,
                ..due.clone()
            },
            Due {
                taken: vec![("PRODUCT_ORDER", 899)],
                ..due.clone()
            },
            Due {
                taken: vec![("PRODUCT_ORDER_TAX", 900)],
                ..due.clone()
            },
            Due {
                status: "REFUND_FAILED",
                ..due.clone()
            },
            Due {
                code: Some("not_captured"),
                ..due.clone()
            },
        ] {
            assert!(
                !compare(&ledger, &good, &all(&wrong)).is_empty(),
                "{wrong:?}"
            );
        }
        for rows in [vec![], vec![row("REFUND_PENDING")]] {
            assert!(!compare(&ledger, &rows, &all(&due)).is_empty(), "{rows:?}");
        }
        let undue = compare(&ledger, &good, &BTreeMap::new());
        assert_eq!(undue, ["1100: nothing was due"]);
        ledger
            .told
            .insert("1100".to_owned(), vec![told.clone(), told]);
        assert!(
            !compare(&ledger, &good, &all(&due)).is_empty(),
            "told twice"
        );
        Ok(())
    }
}
