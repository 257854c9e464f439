//! Eight refunds that customers wait for, each of another kind, and what is due of them.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::Value;
use simulator::{AccountSeed, PaymentSeed, RefundSeed, ServiceRefundSeed, Simulator};

use super::baskets::{MIXED, SERVICE_ORDER};
use super::market::{Market, Named};
use super::money::major;
use super::sale::{Item, Sale};
use crate::common::Result;
use crate::common::agreement::taxes_of;
use crate::common::refunds::Due;

/// The account that taxes go to.
pub const TAX_ACCOUNT: &str = "acct_taxes";

/// The refund whose order was never captured.
pub const HELD: &str = "R6";
/// The refund that somebody has made by hand.
pub const BY_HAND: &str = "R7";
/// The refund of a seller who has no money left, and the seller's shop.
pub const EMPTY: (&str, i64) = ("R8", 2005);
/// The refund that Stripe cannot carry out in the end.
pub const LOST: &str = "R3";

/// Baskets of one order: its shop, its price, and the commission on it.
const SALES: [(&str, i64, i64, i64); 5] = [
    ("C2001", 2001, 4500, 540),
    ("C2002", 2002, 5000, 625),
    ("C2003", 2003, 2400, 288),
    ("C2004", 2004, 3000, 360),
    ("C2005", EMPTY.1, 3200, 384),
];
/// The one of them whose payment is only authorised.
const AUTHORISED: &str = "C2003";

/// What is given back, the commission on it, and the taxes in it.
type Cents = (i64, i64, i64);

/// Refunds of products: their baskets, what they are in words, and their amounts.
const PRODUCTS: [(&str, &str, &str, Cents); 7] = [
    ("R1", MIXED.0, "a part, taxes apart", (600, 72, 100)),
    (LOST, "C2001", "a whole order", (4500, 540, 0)),
    ("R4", "C2002", "a third of an order", (1667, 208, 0)),
    ("R5", "C2002", "and the rest of it", (3333, 417, 0)),
    (HELD, AUTHORISED, "not captured yet", (1200, 144, 0)),
    (BY_HAND, "C2004", "refunded by hand", (3000, 360, 0)),
    (EMPTY.0, "C2005", "seller has no money", (800, 96, 0)),
];
/// The refund of a service.
const SERVICE: (&str, &str, Cents) = ("R2", "a service, likewise", (1200, 144, 200));

/// A refund, and what is due of it: at once, and some days later.
pub struct Return {
    /// In words.
    pub story: &'static str,
    /// After the first run.
    pub first: Due,
    /// When all is told.
    pub last: Due,
}

/// Sells five more baskets, and shows again the product that was put aside with its service.
pub fn sell(simulator: &Simulator, market: &mut Market, mixed: Value) {
    let taxes = AccountSeed::new().id(TAX_ACCOUNT);
    simulator.stripe().add_account(taxes);
    simulator.mirakl().put_json(mixed);
    simulator.mirakl().update(&product(MIXED.0), |_| {});
    for (order, seller, taxes) in [
        (product(MIXED.0), 1284, 300),
        (SERVICE_ORDER.to_owned(), 2283, 533),
    ] {
        market.due.insert(taxes_of(&order), taxes);
        market.due.insert(order, seller);
    }
    let at = simulator.clock().now() - TimeDelta::minutes(30);
    for (basket, shop, price, commission) in SALES {
        let item = Item {
            price,
            commission,
            ..Item::default()
        };
        let sale = Sale::new(&product(basket), basket, shop, "EUR").item(item);
        if basket == AUTHORISED {
            let paid = market.pay(&sale, at, PaymentSeed::authorized);
            market.show(sale, at, paid.intent.as_deref());
        } else {
            market.sell(basket, at, vec![sale], Named::Intent);
        }
    }
}

/// Lets Mirakl ask for all refunds; one is made by hand already, and one seller was paid out.
pub fn ask(simulator: &Simulator) -> Result<BTreeMap<&'static str, Return>> {
    let (mirakl, stripe) = (simulator.mirakl(), simulator.stripe());
    let euros = |cents| major(cents, "EUR");
    let mut returns = BTreeMap::new();
    for (id, basket, story, (amount, commission, tax)) in PRODUCTS {
        let refund = RefundSeed::new(id, &euros(amount)).commission(&euros(commission));
        let refund = match tax {
            0 => refund,
            tax => refund.tax(&euros(tax)),
        };
        mirakl.add_refund(&product(basket), 1, refund);
        let parts = [
            ("PRODUCT_ORDER", amount - commission - tax),
            ("PRODUCT_ORDER_TAX", tax),
        ];
        let due = due(simulator, &product(basket), amount, parts);
        returns.insert(id, Return::new(id, story, due));
    }
    let (id, story, (amount, commission, tax)) = SERVICE;
    let refund = ServiceRefundSeed::new(id, &euros(amount - tax))
        .tax(&euros(tax))
        .commission(&euros(commission), &euros(commission));
    mirakl.add_service_refund(SERVICE_ORDER, refund);
    let parts = [
        ("SERVICE_ORDER", amount - commission - tax),
        ("SERVICE_ORDER_TAX", tax),
    ];
    let due = due(simulator, SERVICE_ORDER, amount, parts);
    returns.insert(id, Return::new(id, story, due));

    let by_hand = returns.get(BY_HAND).ok_or("nothing was made by hand")?;
    stripe.refund(&by_hand.first.charge, 3000);
    let seller = seller_of(simulator, &product("C2005"))?;
    stripe.drain(&seller, "eur", stripe.balance(&seller, "eur"));
    Ok(returns)
}

/// Four days later: the seller has sold again, and a bank does not take a refund.
pub fn four_days_later(simulator: &Simulator) -> Result<()> {
    let stripe = simulator.stripe();
    simulator.clock().advance(TimeDelta::days(4));
    stripe.add_funds(&seller_of(simulator, &product("C2005"))?, "eur", 20_000);
    let mut refunds = stripe.refunds().into_iter();
    let lost = refunds.find(|refund| {
        refund
            .metadata
            .get("miraklRefundId")
            .is_some_and(|id| id == LOST)
    });
    let lost = lost.ok_or("Stripe has nothing to lose")?;
    stripe.fail_refund(&lost.id, "expired_or_canceled_card");
    Ok(())
}

impl Return {
    fn new(id: &str, story: &'static str, due: Due) -> Self {
        let mut first = due.clone();
        let mut last = due;
        match id {
            HELD | BY_HAND => {
                let (status, code) = match id {
                    HELD => ("REFUND_ON_HOLD", "not_captured"),
                    _ => ("REFUND_FAILED", "refunded_by_others"),
                };
                for due in [&mut first, &mut last] {
                    due.given = 0;
                    due.taken.clear();
                    (due.status, due.code) = (status, Some(code));
                }
            }
            LOST => {
                last.failed = true;
                last.status = "REFUND_FAILED";
                last.code = Some("refund_failed_later");
            }
            _ if id == EMPTY.0 => {
                first.taken.clear();
                first.status = "REFUND_FAILED";
                first.code = Some("balance_insufficient");
            }
            _ => {}
        }
        Self { story, first, last }
    }
}

/// All three steps, once each.
fn due(simulator: &Simulator, order: &str, given: i64, parts: [(&'static str, i64); 2]) -> Due {
    let transfers = simulator.stripe().transfers_for(order);
    let charge = transfers
        .first()
        .and_then(|one| one.source_transaction.clone());
    Due {
        order: order.to_owned(),
        charge: charge.unwrap_or_default(),
        given,
        taken: parts.into_iter().filter(|(_, part)| *part > 0).collect(),
        status: "REFUND_CREATED",
        ..Due::default()
    }
}

/// The account that an order was paid to.
fn seller_of(simulator: &Simulator, order: &str) -> Result<String> {
    let mut transfers = simulator.stripe().transfers_for(order).into_iter();
    let transfer = transfers.next().ok_or("a seller was not paid")?;
    Ok(transfer.destination)
}

/// The order of products of a basket.
fn product(basket: &str) -> String {
    format!("{basket}-A")
}
