//! Orders: what `process-transfer` is to pay, and whether it did.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use simulator::{LineSeed, OrderSeed, PaymentSeed, Simulator};

use super::market::Judged;
use super::shops::SHOPS;
use super::track::Track;
use crate::common::Result;
use crate::common::agreement::{Row, compare};

/// When orders came in.
pub struct Span {
    newest: TimeDelta,
    /// From the oldest to the newest at most.
    length: TimeDelta,
}

/// In the days before a first run.
pub const BEFORE_THE_FIRST_RUN: Span = Span {
    newest: TimeDelta::hours(1),
    length: TimeDelta::days(20),
};

/// Since the last run on the rows of `filled.sql`, an hour ago.
pub const SINCE_THE_LAST_RUN: Span = Span {
    newest: TimeDelta::minutes(15),
    length: TimeDelta::minutes(45),
};

/// Fills the simulator with paid orders of all shops and, for each, so many charges of somebody else;
/// what each order is to bring its seller, in cents.
pub fn fill(simulator: &Simulator, number: i64, foreign: i64, span: &Span) -> HashMap<String, i64> {
    let now = simulator.clock().now();
    // One order a minute, or more if there are many.
    let apart = (span.length.num_seconds() / number.max(1)).min(60);
    let newest = now - span.newest;
    (1..=number)
        .map(|place| {
            let at = newest - TimeDelta::seconds(apart * (number - place));
            for _ in 0..foreign {
                let somebody = PaymentSeed::new(4990, "eur").bare_charge();
                simulator.stripe().pay(somebody.created_at(at));
            }
            // Only the last order is new enough to be read again by the next run.
            let updated = match place == number {
                true => now - TimeDelta::minutes(5),
                false => at + TimeDelta::minutes(10),
            };
            sell(simulator, place, at, updated)
        })
        .collect()
}

/// Whether each order was moved exactly once, by Stripe's ledger and by the store. Old rows are not
/// looked at: the ledger knows nothing that was made before.
pub async fn judge(track: &Track<'_>, due: &HashMap<String, i64>) -> Result<Judged> {
    let ledger = track.simulator.stripe().transfers();
    let mut rows: Vec<Row> = match due.is_empty() {
        true => Vec::new(),
        false => track.program.list("transfers").await?,
    };
    rows.retain(|row| !row.mirakl_id.starts_with("old"));
    Ok(Judged {
        made: ledger.len(),
        differences: compare(&ledger, &rows, due).differences,
    })
}

/// One paid order of two lines; its id and its seller's part.
fn sell(
    simulator: &Simulator,
    place: i64,
    at: DateTime<Utc>,
    updated: DateTime<Utc>,
) -> (String, i64) {
    let (first, second) = (1000 + place % 5000, 500);
    let commission = first / 10;
    let basket = format!("C{place}");
    let payment = PaymentSeed::new(first + second, "eur").basket(&basket);
    let paid = simulator.stripe().pay(payment.created_at(at));
    let shop = SHOPS.start + place % (SHOPS.end - SHOPS.start);
    let line = LineSeed::new(&euros(first)).commission(&euros(commission));
    let order = OrderSeed::new(&format!("{basket}-A"), &basket, shop)
        .line(line)
        .line(LineSeed::new(&euros(second)))
        .transaction(paid.intent.as_deref().unwrap_or_default())
        .created_at(at)
        .updated_at(updated)
        .debited_at(Some(at + TimeDelta::minutes(5)))
        .set("customer", customer(place));
    (simulator.mirakl().put(order), first + second - commission)
}

/// What the program has no use for is most of what Mirakl sends.
pub fn customer(place: i64) -> serde_json::Value {
    let address = json!({
        "civility": "Mrs", "firstname": "Ada", "lastname": format!("Customer {place}"),
        "company": null, "street_1": format!("{place} Harbour Street"), "street_2": null,
        "zip_code": "20457", "city": "Hamburg", "state": null, "country": "Germany",
        "country_iso_code": "DEU", "phone": "+49 40 000000", "additional_info": null,
    });
    json!({
        "customer_id": format!("customer-{place}"), "civility": "Mrs", "firstname": "Ada",
        "lastname": format!("Customer {place}"), "locale": "de_DE",
        "billing_address": address, "shipping_address": address,
    })
}

/// An amount as Mirakl writes it.
pub fn euros(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
