//! Three invoices of a billing cycle, each of another kind, and what is due of them.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use simulator::{InvoiceSeed, Simulator};

use super::money::major;
use crate::common::Result;
use crate::common::payouts::Due;

/// The invoice with a credit and a subscription, and its shop.
pub const WHOLE: (i64, i64) = (7001, 2000);
/// The invoice that its seller's balance does not cover yet.
pub const SHORT: (i64, i64) = (7002, 2002);
/// The invoice whose payout a bank sends back in the end.
pub const SENT_BACK: (i64, i64) = (7003, 2006);

/// What the first one moves, in cents.
const CREDIT: i64 = 500;
const SUBSCRIPTION: i64 = 999;
/// What they pay out, in cents.
const PAID: [i64; 2] = [61_250, 48_075];
/// What the balance lacks, in cents.
const MISSING: i64 = 12_000;

/// An invoice, and what is due of it: at once, and some days later.
pub struct Billed {
    /// In words.
    pub story: &'static str,
    /// The shop.
    pub shop: i64,
    /// After the first runs.
    pub first: Due,
    /// When all is told.
    pub last: Due,
}

/// Mirakl's billing cycle closes.
pub fn close_the_cycle(simulator: &Simulator) -> Result<BTreeMap<i64, Billed>> {
    let (mirakl, stripe) = (simulator.mirakl(), simulator.stripe());
    let euros = |cents| major(cents, "EUR");
    let available = stripe.available(&seller_of(simulator, SHORT.1)?, "eur");
    let too_much = available + MISSING;
    mirakl.put_invoice(
        InvoiceSeed::new(WHOLE.0, WHOLE.1)
            .transferred(&euros(PAID[0]))
            .other_credits(&euros(CREDIT))
            .subscription(&format!("-{}", euros(SUBSCRIPTION))),
    );
    mirakl.put_invoice(InvoiceSeed::new(SHORT.0, SHORT.1).transferred(&euros(too_much)));
    mirakl.put_invoice(InvoiceSeed::new(SENT_BACK.0, SENT_BACK.1).transferred(&euros(PAID[1])));
    let due = |shop, paid| -> Result<Due> {
        Ok(Due {
            account: seller_of(simulator, shop)?,
            paid: Some(paid),
            status: "PAYOUT_CREATED",
            ..Due::default()
        })
    };
    let whole = Due {
        moved: vec![("EXTRA_CREDITS", CREDIT), ("SUBSCRIPTION", SUBSCRIPTION)],
        ..due(WHOLE.1, PAID[0])?
    };
    let later = due(SHORT.1, too_much)?;
    let waits = Due {
        paid: None,
        status: "PAYOUT_ON_HOLD",
        code: Some("balance_too_low"),
        ..later.clone()
    };
    let plain = due(SENT_BACK.1, PAID[1])?;
    let lost = Due {
        paid: None,
        came_back: Some(PAID[1]),
        status: "PAYOUT_FAILED",
        code: Some("account_closed"),
        ..plain.clone()
    };
    let billed = [
        (WHOLE, "a credit, a subscription", whole.clone(), whole),
        (SHORT, "more than is there", waits, later),
        (SENT_BACK, "a plain one", plain, lost),
    ];
    let billed = billed
        .into_iter()
        .map(|((invoice, shop), story, first, last)| {
            let billed = Billed {
                story,
                shop,
                first,
                last,
            };
            (invoice, billed)
        });
    Ok(billed.collect())
}

/// Three days later: the seller whose balance was short has sold again, and a bank sends money back.
pub fn three_days_later(simulator: &Simulator) -> Result<()> {
    let stripe = simulator.stripe();
    simulator.clock().advance(TimeDelta::days(3));
    stripe.add_funds(&seller_of(simulator, SHORT.1)?, "eur", 20_000);
    let invoice = SENT_BACK.0.to_string();
    let mut payouts = stripe.payouts().into_iter();
    let payout = payouts.find(|payout| payout.metadata.get("invoiceId") == Some(&invoice));
    let payout = payout.ok_or("no bank has anything to send back")?;
    stripe.fail_payout(&payout.id, "account_closed");
    Ok(())
}

/// The account of a shop.
fn seller_of(simulator: &Simulator, shop: i64) -> Result<String> {
    let mut accounts = simulator.stripe().accounts_for(shop).into_iter();
    Ok(accounts.next().ok_or("a seller has no account")?.id)
}
