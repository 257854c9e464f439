//! Whether payments were captured or released as is due, by Stripe's ledger and by the store.

use std::collections::BTreeMap;

use serde::Deserialize;
use simulator::Stripe;

use super::Result;
use simulator::drive::Psql;

/// The store's word on each payment; of one that waits, the debits of its basket say best why.
const STORED: &str = r#"select coalesce(json_agg(row order by row."basket"), '[]') from (
    select c.payment_id as "payment", c.commercial_order_id as "basket", c.status::text as "status",
           c.action::text as "action", c.amount, p.captured,
           coalesce(d.reason_code, c.reason_code) as "code",
           coalesce(d.status_reason, c.amount_explained, c.status_reason) as "why"
    from captures c join payments p using (payment_id)
    left join (select distinct on (commercial_order_id)
                      commercial_order_id, reason_code, status_reason
               from debits where reason_code is not null
               order by commercial_order_id, id) d
           on d.commercial_order_id = c.commercial_order_id) row"#;

/// What the store knows of one payment.
#[derive(Debug, Deserialize)]
pub struct Row {
    /// The payment.
    pub payment: String,
    /// Its basket.
    pub basket: String,
    status: String,
    action: Option<String>,
    amount: Option<i64>,
    /// What was taken of it, in minor units.
    pub captured: i64,
    code: Option<String>,
    why: Option<String>,
}

impl Row {
    /// All rows, by basket.
    pub fn all(psql: &Psql, url: &str) -> Result<Vec<Self>> {
        Ok(serde_json::from_str(&psql.read(url, STORED)?)?)
    }

    /// How it came to where it stands.
    pub fn why(&self) -> &str {
        self.why.as_deref().unwrap_or_default()
    }

    /// Where it stands, and why.
    fn stands(&self) -> String {
        let action = self.action.as_deref().unwrap_or("no action");
        let code = self.code.as_deref().unwrap_or("no reason");
        let Self {
            status, captured, ..
        } = self;
        format!("{status} ({action} of {captured}, {code}) {}", self.why())
    }
}

/// What is to become of a payment.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    /// `CAPTURE_CREATED`, for what is captured or released, or another status of the store.
    pub status: &'static str,
    /// `CAPTURE`, `CANCEL`, or nothing yet.
    pub action: Option<&'static str>,
    /// What is taken, in minor units.
    pub captured: i64,
    /// Why it waits.
    pub code: Option<&'static str>,
}

impl Due {
    /// So much is captured.
    pub fn captured(amount: i64) -> Self {
        Self {
            status: "CAPTURE_CREATED",
            action: Some("CAPTURE"),
            captured: amount,
            code: None,
        }
    }

    fn is_of(&self, row: &Row) -> bool {
        row.status == self.status
            && row.action.as_deref() == self.action
            && row.amount.unwrap_or_default() == self.captured
            && row.captured == self.captured
            && row.code.as_deref() == self.code
    }
}

/// Compares the ledger, the store, and what is due of each payment.
pub fn compare(stripe: &Stripe, rows: &[Row], due: &BTreeMap<String, Due>) -> Vec<String> {
    let mut captures: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for capture in stripe.captures() {
        let of_payment = captures.entry(capture.payment).or_default();
        of_payment.push(capture.amount);
    }
    let mut stored: BTreeMap<&str, &Row> = rows.iter().map(|row| (&*row.payment, row)).collect();
    let mut differences = Vec::new();
    for (payment, due) in due {
        let made = captures.remove(payment).unwrap_or_default();
        let once = Some(due.captured).filter(|amount| *amount > 0);
        let kept = stripe.payment(payment).map(|payment| {
            let kept = payment.captured - payment.refunded;
            (kept, payment.canceled)
        });
        let released = due.action == Some("CANCEL");
        if made != Vec::from_iter(once) || kept != Some((due.captured, released)) {
            differences.push(format!(
                "{payment}: {due:?}, Stripe captured {made:?} (now {kept:?})"
            ));
        }
        let row = stored.remove(payment.as_str());
        if !row.is_some_and(|row| due.is_of(row)) {
            let stands = row.map_or_else(|| "nothing".to_owned(), Row::stands);
            differences.push(format!("{payment}: {due:?}, the store says {stands}"));
        }
    }
    let others = captures.keys().map(String::as_str);
    let others = others.chain(stored.values().map(|row| row.basket.as_str()));
    differences.extend(others.map(|other| format!("{other}: nothing was due")));
    differences
}

#[cfg(test)]
mod tests {
    use simulator::{PaymentSeed, Simulator};

    use super::*;

    fn row(payment: &str, status: &str, captured: i64) -> Row {
        Row {
            payment: payment.to_owned(),
            basket: "C1".to_owned(),
            status: status.to_owned(),
            action: Some("CAPTURE".to_owned()),
            amount: Some(captured),
            captured,
            code: None,
            why: None,
        }
    }

    #[tokio::test]
    async fn every_way_to_differ_is_told() -> Result<()> {
        let simulator = Simulator::start().await?;
        let stripe = simulator.stripe();
        let id = stripe.pay(PaymentSeed::new(100, "eur").authorized()).charge;
        let id = stripe.payment(&id).ok_or("no payment")?.id;
        let created = |amount| row(&id, "CAPTURE_CREATED", amount);
        let due = |due| BTreeMap::from([(id.clone(), due)]);
        let all = due(Due::captured(100));
        let early = compare(stripe, &[created(100)], &all);
        assert!(early.join("; ").contains("Stripe captured []"), "{early:?}");
        stripe.capture(&id, None);
        assert_eq!(compare(stripe, &[created(100)], &all), Vec::<String>::new());
        let held = Due {
            status: "CAPTURE_ON_HOLD",
            action: None,
            captured: 0,
            code: Some("covers_less"),
        };
        for (rows, due, told) in [
            (vec![created(100)], BTreeMap::new(), "nothing was due"),
            (vec![created(100)], due(Due::captured(99)), "[100]"),
            (vec![created(100)], due(held), "[100]"),
            (vec![created(99)], all.clone(), "says CAPTURE_CREATED"),
            (
                vec![row(&id, "CAPTURE_PENDING", 100)],
                all.clone(),
                "says CAPTURE_PENDING",
            ),
            (Vec::new(), all.clone(), "says nothing"),
        ] {
            let differences = compare(stripe, &rows, &due).join("; ");
            assert!(
                differences.contains(told),
                "{told:?} is not in {differences:?}"
            );
        }
        stripe.refund(&id, 40);
        let refunded = compare(stripe, &[created(100)], &all);
        assert!(refunded.join("; ").contains("(60, false)"), "{refunded:?}");
        Ok(())
    }
}
