//! Refunds: what Mirakl asks for, what Stripe's ledger holds, and what the store says of both.

use serde_json::Value;
use simulator::{RefundSeed, Reversal};

use super::{Finished, World};

impl World {
    /// [`World::new`], with refunds switched on.
    pub async fn with_refunds() -> Self {
        let mut world = Self::new().await;
        world.set("ENABLE_PRODUCT_PAYMENT_REFUND", "true");
        world.set("ENABLE_SERVICE_PAYMENT_REFUND", "true");
        world
    }

    /// An order of shop 2000 that the customer paid and the seller got; its charge.
    pub async fn sold(&self, id: &str, price: &str, commission: &str, cents: i64) -> String {
        let basket = id.rsplit_once('-').map_or(id, |(basket, _)| basket);
        let charge = self.paid(super::eur(id, 2000, price, commission), basket, cents);
        self.transfer().await.exits(0);
        charge
    }

    /// Mirakl asks for a refund of the first line of an order.
    pub fn asks(&self, order: &str, id: &str, amount: &str, commission: &str) {
        let refund = RefundSeed::new(id, amount).commission(commission);
        self.mirakl.add_refund(order, 1, refund);
    }

    /// Runs `process-refund`.
    pub async fn refund(&self) -> Finished {
        self.run(&["process-refund"]).await
    }

    /// `list refunds` of one refund of Mirakl.
    pub async fn refund_row(&self, id: &str) -> Value {
        Self::row_of(&self.refund_rows().await, id)
    }

    /// `list refunds`.
    pub async fn refund_rows(&self) -> Value {
        let arguments = ["list", "refunds", "--output", "json", "--limit", "100000"];
        self.run(&arguments).await.exits(0).json()
    }

    fn row_of(listed: &Value, id: &str) -> Value {
        let rows = listed.as_array().unwrap();
        let row = rows.iter().find(|row| row["miraklRefundId"] == id);
        row.unwrap_or_else(|| panic!("no refund {id} in {rows:#?}"))
            .clone()
    }

    /// Asserts where a refund stands, at which step, and by which kind of reason.
    pub async fn refund_stands(&self, id: &str, status: &str, step: &str, code: &str) -> Value {
        let row = self.refund_row(id).await;
        let stands = [&row["status"], &row["step"], &row["reasonCode"]];
        let code = match code {
            "" => Value::Null,
            code => Value::from(code),
        };
        assert_eq!(
            stands,
            [&Value::from(status), &Value::from(step), &code],
            "{id}: {row:#}"
        );
        row
    }

    /// What Stripe gave back for a refund of Mirakl, by its ledger: every refund that did not fail.
    pub fn given_back(&self, id: &str) -> Vec<i64> {
        let refunds = self.sim.stripe().refunds().into_iter();
        refunds
            .filter(|refund| {
                refund
                    .metadata
                    .get("miraklRefundId")
                    .is_some_and(|of| of == id)
            })
            .filter(|refund| refund.status != "failed")
            .map(|refund| refund.amount)
            .collect()
    }

    /// What Stripe took back for a refund of Mirakl, by its ledger.
    pub fn taken_back(&self, id: &str) -> Vec<i64> {
        let of = |reversal: &Reversal| reversal.metadata.get("miraklRefundId").cloned();
        let reversals = self.sim.stripe().reversals().into_iter();
        reversals
            .filter(|reversal| of(reversal).is_some_and(|of| of == id))
            .map(|reversal| reversal.amount)
            .collect()
    }

    /// The refunds at Stripe that Mirakl was told of, and took.
    pub fn told_of(&self, id: &str) -> Vec<String> {
        let products = self.mirakl.refund_confirmations().into_iter();
        let products = products
            .filter(|told| told.refund_id == id && told.applied && told.status == "OK")
            .map(|told| told.transaction_number.unwrap());
        let services = self.mirakl.service_refund_confirmations().into_iter();
        let services = services
            .filter(|told| told.refund_id == id && told.applied && told.state == "OK")
            .map(|told| told.transaction_number.unwrap());
        products.chain(services).collect()
    }

    /// Each step was done exactly once, with these amounts, and the store says the same.
    pub async fn refunded_once(&self, id: &str, refunded: i64, reversed: &[i64]) {
        self.refunded_once_by(&self.refund_rows().await, id, refunded, reversed);
    }

    /// The same, by a list that was read before.
    pub fn refunded_once_by(&self, listed: &Value, id: &str, refunded: i64, reversed: &[i64]) {
        assert_eq!(
            self.given_back(id),
            [refunded],
            "the ledger's refunds of {id}"
        );
        assert_eq!(
            self.taken_back(id),
            reversed,
            "the ledger's reversals of {id}"
        );
        let row = Self::row_of(listed, id);
        assert_eq!(row["status"], "REFUND_CREATED", "{row:#}");
        assert_eq!(row["amount"], refunded, "{row:#}");
        let told: Vec<Value> = self.told_of(id).into_iter().map(Value::from).collect();
        assert_eq!(
            told,
            [row["stripeRefundId"].clone()],
            "what Mirakl was told of {id}"
        );
        let listed = row["reversals"].as_array().unwrap().iter();
        let listed: Vec<i64> = listed
            .filter(|part| !part["stripeReversalId"].is_null())
            .map(|part| part["amount"].as_i64().unwrap())
            .collect();
        assert_eq!(listed, reversed, "{row:#}");
    }
}
