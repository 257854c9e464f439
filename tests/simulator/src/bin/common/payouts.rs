//! Whether invoices were settled and paid out as is due, by Stripe's ledger and by the store. All of
//! them are in euros.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::agreement;
use super::payout_ledger::Ledger;

/// One row of `list payouts`, as far as it is looked at here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The invoice at Mirakl.
    pub mirakl_invoice_id: i64,
    /// Where it stands.
    pub status: String,
    /// The kind of reason.
    pub reason_code: Option<String>,
    status_reason: Option<String>,
    stripe_payout_id: Option<String>,
    /// Stripe's word for where the payout is.
    pub stripe_status: Option<String>,
    #[serde(default)]
    failed_payout_ids: Vec<String>,
    /// In cents.
    pub amount: Option<i64>,
}

impl Row {
    /// Why it stands where it does.
    pub fn why(&self) -> &str {
        self.status_reason.as_deref().unwrap_or_default()
    }
}

/// What is to become of an invoice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Due {
    /// The seller's account.
    pub account: String,
    /// What it moves between operator and seller, in cents, by kind, in the order of their names.
    pub moved: Vec<(&'static str, i64)>,
    /// What is on its way to the bank or there, in cents.
    pub paid: Option<i64>,
    /// What the bank sent back, in cents.
    pub came_back: Option<i64>,
    /// Where it stands.
    pub status: &'static str,
    /// Why it stands there.
    pub code: Option<&'static str>,
}

/// Whether a row of `list transfers` is what an invoice moves.
pub fn is_movement(row: &agreement::Row) -> bool {
    kind(row).is_some()
}

/// As it is called at Stripe.
fn kind(row: &agreement::Row) -> Option<&str> {
    let kind = row.r#type.strip_prefix("TRANSFER_")?;
    ["EXTRA_CREDITS", "EXTRA_INVOICES", "SUBSCRIPTION"]
        .contains(&kind)
        .then_some(kind)
}

/// What the store says of one invoice.
#[derive(Debug, Default)]
struct Stored<'a> {
    payouts: Vec<&'a Row>,
    /// By kind and id at Stripe.
    moved: Vec<(&'a str, &'a str, i64)>,
}

/// Compares the ledger, the store, and what is due of each invoice.
pub fn compare(
    ledger: &Ledger,
    payouts: &[Row],
    transfers: &[agreement::Row],
    due: &BTreeMap<i64, Due>,
) -> Vec<String> {
    let mut stored: BTreeMap<i64, Stored<'_>> = BTreeMap::new();
    for row in payouts {
        let of = stored.entry(row.mirakl_invoice_id).or_default();
        of.payouts.push(row);
    }
    for row in transfers.iter().filter(|row| is_movement(row)) {
        let kind = kind(row).unwrap_or_default();
        let invoice = row.mirakl_id.parse().unwrap_or_default();
        let id = row.transfer_id.as_deref().unwrap_or(&row.status);
        let of = stored.entry(invoice).or_default();
        of.moved.push((kind, id, row.amount.unwrap_or_default()));
    }
    let mut differences = Vec::new();
    let nothing = Stored::default();
    for (invoice, due) in due {
        if !is_due(ledger, *invoice, due) {
            let (moved, paid) = (ledger.moved(*invoice), ledger.payouts(*invoice));
            differences.push(format!(
                "{invoice}: {due:?}, by the ledger {moved:?}, {paid:?}"
            ));
        }
        let known = stored.get(invoice).unwrap_or(&nothing);
        if !is_known(ledger, *invoice, known, due) {
            let why = known.payouts.first().map_or("nothing", |row| row.why());
            differences.push(format!(
                "{invoice}: {due:?}, the store says {why}: {known:?}"
            ));
        }
    }
    let mut others: Vec<i64> = ledger.invoices().chain(stored.into_keys()).collect();
    others.retain(|invoice| !due.contains_key(invoice));
    others.sort_unstable();
    others.dedup();
    differences.extend(others.iter().map(|id| format!("{id}: nothing was due")));
    differences
}

/// What moved is what is due, between the right accounts.
fn is_due(ledger: &Ledger, invoice: i64, due: &Due) -> bool {
    let moved = ledger.moved(invoice).iter();
    let moved: Vec<(&str, i64)> = moved.map(|one| (one.kind.as_str(), one.amount)).collect();
    let ours = |account: &String| *account == due.account;
    let amounts = |came_back: bool| -> Vec<i64> {
        let payouts = ledger.payouts(invoice).iter();
        let payouts = payouts.filter(|one| Ledger::came_back(one) == came_back);
        payouts.map(|one| one.amount).collect()
    };
    moved == due.moved
        && ledger.moved(invoice).iter().all(|one| ours(&one.seller))
        && ledger.payouts(invoice).iter().all(|one| ours(&one.account))
        && amounts(false) == Vec::from_iter(due.paid)
        && amounts(true) == Vec::from_iter(due.came_back)
}

/// The store knows what moved, and why the rest has not.
fn is_known(ledger: &Ledger, invoice: i64, stored: &Stored<'_>, due: &Due) -> bool {
    let [row] = stored.payouts[..] else {
        return false;
    };
    let moved = ledger.moved(invoice).iter();
    let mut moved: Vec<(&str, &str, i64)> = moved
        .map(|one| (one.kind.as_str(), one.id.as_str(), one.amount))
        .collect();
    let mut known = stored.moved.clone();
    moved.sort_unstable();
    known.sort_unstable();
    let ids = |came_back: bool| -> Vec<&str> {
        let payouts = ledger.payouts(invoice).iter();
        let payouts = payouts.filter(|one| Ledger::came_back(one) == came_back);
        payouts.map(|one| one.id.as_str()).collect()
    };
    let amount = due.paid.or(due.came_back);
    let last = ledger.payouts(invoice).last();
    let last = last.map(|one| one.status.as_str());
    // One that was made says how it became known.
    let code = row.reason_code.as_deref();
    let code = code.filter(|_| row.status != "PAYOUT_CREATED");
    row.status == due.status
        && code == due.code
        && moved == known
        && Vec::from_iter(row.stripe_payout_id.as_deref()) == ids(false)
        && row.failed_payout_ids == ids(true)
        && row.stripe_status.as_deref() == last
        && (amount.is_none() || row.amount == amount)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use simulator::{AccountSeed, Simulator, TransferSeed};

    use super::super::Result;
    use super::*;

    const NAMES: [(&str, &str); 2] = [("miraklId", "7001"), ("invoiceId", "7001")];
    const CHARGE: [(&str, &str); 2] = [("miraklId", "7001"), ("miraklType", "SUBSCRIPTION")];

    fn row(payout: &str, status: &str) -> Row {
        Row {
            mirakl_invoice_id: 7001,
            status: status.to_owned(),
            reason_code: None,
            status_reason: None,
            stripe_payout_id: Some(payout.to_owned()),
            stripe_status: Some("paid".to_owned()),
            failed_payout_ids: Vec::new(),
            amount: Some(8100),
        }
    }

    fn moved(id: &str, kind: &str, amount: i64) -> agreement::Row {
        agreement::Row {
            mirakl_id: "7001".to_owned(),
            r#type: format!("TRANSFER_{kind}"),
            status: "TRANSFER_CREATED".to_owned(),
            reason_code: None,
            status_reason: None,
            transfer_id: Some(id.to_owned()),
            amount: Some(amount),
            currency: Some("EUR".to_owned()),
            stripe_account_id: None,
        }
    }

    #[tokio::test]
    async fn every_way_to_differ_is_told() -> Result<()> {
        let simulator = Simulator::start().await?;
        let stripe = simulator.stripe();
        let account = stripe.add_account(AccountSeed::new());
        stripe.add_funds(&account, "eur", 50_000);
        let now = simulator.clock().now() - TimeDelta::days(3);
        let credit = TransferSeed::new(&account, 500, "eur").metadata("miraklId", "7001");
        let credit = stripe.add_transfer(credit.metadata("miraklType", "EXTRA_CREDITS"));
        let charge = stripe.old_seller_transfer(&account, 999, "eur", &CHARGE, now);
        let payout = stripe.old_payout(&account, 8100, "eur", &NAMES, now);
        let due = Due {
            account,
            moved: vec![("EXTRA_CREDITS", 500), ("SUBSCRIPTION", 999)],
            paid: Some(8100),
            status: "PAYOUT_CREATED",
            ..Due::default()
        };
        let all = |due: &Due| BTreeMap::from([(7001, due.clone())]);
        let rows = [row(&payout, "PAYOUT_CREATED")];
        let transfers = [
            moved(&charge, "SUBSCRIPTION", 999),
            moved(&credit, "EXTRA_CREDITS", 500),
        ];
        let ledger = Ledger::of(&simulator);
        let differ = |rows: &[Row], transfers: &[agreement::Row], due: &Due| {
            compare(&ledger, rows, transfers, &all(due)).len()
        };
        assert_eq!(differ(&rows, &transfers, &due), 0);
        for wrong in [
            Due {
                account: "acct_other".to_owned(),
                ..due.clone()
            },
            Due {
                moved: vec![("EXTRA_CREDITS", 500)],
                ..due.clone()
            },
            Due {
                moved: vec![("EXTRA_CREDITS", 501), ("SUBSCRIPTION", 999)],
                ..due.clone()
            },
            Due {
                paid: Some(8101),
                ..due.clone()
            },
            Due {
                came_back: Some(8100),
                ..due.clone()
            },
            Due {
                status: "PAYOUT_ON_HOLD",
                ..due.clone()
            },
            Due {
                code: Some("balance_too_low"),
                ..due.clone()
            },
        ] {
            assert!(differ(&rows, &transfers, &wrong) > 0, "{wrong:?}");
        }
        let twice = [
            row(&payout, "PAYOUT_CREATED"),
            row(&payout, "PAYOUT_CREATED"),
        ];
        assert!(differ(&twice, &transfers, &due) > 0);
        assert!(differ(&[], &transfers, &due) > 0);
        assert!(differ(&[row("po_other", "PAYOUT_CREATED")], &transfers, &due) > 0);
        assert!(differ(&rows, &transfers[..1], &due) > 0);
        assert!(differ(&rows, &[moved(&charge, "SUBSCRIPTION", 998)], &due) > 0);
        let undue = compare(&ledger, &rows, &transfers, &BTreeMap::new());
        assert_eq!(undue, ["7001: nothing was due"]);
        stripe.old_payout(&due.account, 8100, "eur", &NAMES, now);
        let ledger = Ledger::of(&simulator);
        assert!(
            !compare(&ledger, &rows, &transfers, &all(&due)).is_empty(),
            "paid twice"
        );
        Ok(())
    }
}
