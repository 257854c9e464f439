//! Accepted orders, their payments, and what came of both.

use serde_json::Value;
use simulator::{OrderSeed, PaymentSeed};

use super::{Finished, World, eur};

pub const CONFIRM: &str = "PUT /api/payment/debit";
pub const CAPTURE: &str = "POST /v1/payment_intents/{id}/capture";

/// An order of one line that its seller has accepted, and whose debit waits.
pub fn accepted(id: &str, price: &str) -> OrderSeed {
    eur(id, 2000, price, "1.00").waiting_debit()
}

/// An authorised payment of `cents` that names a basket; its intent.
pub fn authorised(world: &World, basket: &str, cents: i64) -> String {
    let seed = PaymentSeed::new(cents, "eur").basket(basket).authorized();
    world.sim.stripe().pay(seed).intent.unwrap()
}

pub async fn debits(world: &World) -> Finished {
    world.run(&["validate-pending-debit"]).await
}

/// What Stripe has taken of a payment, by its ledger: every capture.
pub fn captured(world: &World, intent: &str) -> Vec<i64> {
    let captures = world.sim.stripe().captures().into_iter();
    captures
        .filter(|capture| capture.payment == intent)
        .map(|capture| capture.amount)
        .collect()
}

/// What Mirakl took for an order: the payments it was told.
pub fn confirmed(world: &World, order: &str) -> Vec<String> {
    let told = world.mirakl.confirmations().into_iter();
    told.filter(|told| told.order_id == order && told.applied && told.status == "OK")
        .map(|told| told.transaction_number.unwrap())
        .collect()
}

/// `list payments` of one basket.
pub async fn payment(world: &World, basket: &str) -> Value {
    let arguments = ["list", "payments", "--id", basket, "--output", "json"];
    let listed = world.run(&arguments).await.exits(0).json();
    let rows = listed.as_array().unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0].clone()
}

/// Why a basket waits.
pub async fn waits(world: &World, basket: &str, code: &str) -> String {
    let row = payment(world, basket).await;
    assert_eq!(row["reasonCode"], code, "{row}");
    row["statusReason"].as_str().unwrap().to_owned()
}
