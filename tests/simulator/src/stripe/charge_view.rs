//! Charges as Stripe shows them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Number;

use super::book::Book;
use super::intent_view::IntentView;
use super::payments::{Charge, Settled};
use super::releases::Releases;
use super::views::{DECLINED, DECLINED_MESSAGE, Empty, Expand, Null, Ref};

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "Stripe's object")]
pub(super) struct ChargeView<'a> {
    id: &'a str,
    object: &'static str,
    amount: i64,
    amount_captured: i64,
    amount_refunded: i64,
    application: Null,
    application_fee: Null,
    application_fee_amount: Null,
    balance_transaction: Option<Ref<'a, BalanceView<'a>>>,
    billing_details: Empty,
    calculated_statement_descriptor: Null,
    captured: bool,
    created: i64,
    currency: &'a str,
    customer: Option<&'a str>,
    description: Null,
    disputed: bool,
    failure_balance_transaction: Null,
    failure_code: Option<&'static str>,
    failure_message: Option<&'static str>,
    fraud_details: Empty,
    livemode: bool,
    metadata: &'a BTreeMap<String, String>,
    on_behalf_of: Null,
    outcome: Null,
    paid: bool,
    payment_intent: Option<Ref<'a, IntentView<'a>>>,
    payment_method: Null,
    payment_method_details: Option<MethodView>,
    receipt_email: Null,
    receipt_number: Null,
    receipt_url: Null,
    refunded: bool,
    review: Null,
    shipping: Null,
    source_transfer: Null,
    statement_descriptor: Null,
    statement_descriptor_suffix: Null,
    status: &'static str,
    transfer_data: Null,
    transfer_group: Option<&'a str>,
}

#[derive(Serialize)]
struct MethodView {
    card: CardView,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct CardView {
    /// When the authorisation ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    capture_before: Option<i64>,
}

#[derive(Serialize)]
pub(super) struct BalanceView<'a> {
    id: &'a str,
    object: &'static str,
    amount: i64,
    available_on: i64,
    created: i64,
    currency: &'a str,
    description: Null,
    exchange_rate: Option<Number>,
    fee: i64,
    fee_details: [Null; 0],
    net: i64,
    reporting_category: &'static str,
    source: &'a str,
    status: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
}

impl Book {
    pub(super) fn show_charge<'a>(
        &'a self,
        charge: &'a Charge,
        expand: Expand,
        now: i64,
    ) -> ChargeView<'a> {
        let failed = charge.status == "failed";
        let settled = charge.balance.as_ref();
        let intent = charge.intent.as_deref().and_then(|id| self.intents.get(id));
        ChargeView {
            id: &charge.id,
            object: "charge",
            amount: charge.amount,
            amount_captured: charge.amount_captured,
            amount_refunded: charge.amount_refunded(),
            application: (),
            application_fee: (),
            application_fee_amount: (),
            balance_transaction: settled.map(|settled| {
                Ref::new(&settled.id, expand.balance, || BalanceView {
                    id: &settled.id,
                    object: "balance_transaction",
                    amount: booked(charge, settled),
                    available_on: settled.available_on,
                    created: settled.created,
                    currency: &charge.settlement,
                    description: (),
                    exchange_rate: charge.is_exchanged().then(|| "1.25".parse().ok()).flatten(),
                    fee: 0,
                    fee_details: [],
                    net: booked(charge, settled),
                    reporting_category: "charge",
                    source: &charge.id,
                    status: if settled.available_on <= now {
                        "available"
                    } else {
                        "pending"
                    },
                    kind: if charge.id.starts_with("py_") {
                        "payment"
                    } else {
                        "charge"
                    },
                })
            }),
            billing_details: Empty {},
            calculated_statement_descriptor: (),
            captured: charge.captured,
            created: charge.created,
            currency: &charge.currency,
            customer: charge.customer.as_deref(),
            description: (),
            disputed: charge.disputed,
            failure_balance_transaction: (),
            failure_code: failed.then_some(DECLINED),
            failure_message: failed.then_some(DECLINED_MESSAGE),
            fraud_details: Empty {},
            livemode: self.live,
            metadata: &charge.metadata,
            on_behalf_of: (),
            outcome: (),
            paid: charge.status == "succeeded",
            payment_intent: intent.map(|intent| {
                let inner = Expand::default();
                Ref::new(&intent.id, expand.intent, || {
                    self.show_intent(intent, inner, now)
                })
            }),
            payment_method: (),
            payment_method_details: (!charge.id.starts_with("py_")).then(|| MethodView {
                card: CardView {
                    capture_before: charge.capture_before.filter(|_| charge.shows_end),
                },
                kind: "card",
            }),
            receipt_email: (),
            receipt_number: (),
            receipt_url: (),
            // Whether it is said of a charge that was captured in part is not documented.
            refunded: charge.amount > 0 && charge.amount_refunded() >= charge.amount,
            review: (),
            shipping: (),
            source_transfer: (),
            statement_descriptor: (),
            statement_descriptor_suffix: (),
            status: charge.status,
            transfer_data: (),
            transfer_group: charge.transfer_group.as_deref(),
        }
    }
}

/// What the charge's balance transaction comes to. Where a release counts as a refund, another takes
/// that off again.
fn booked(charge: &Charge, settled: &Settled) -> i64 {
    match charge.releases {
        Releases::Untold => settled.amount,
        Releases::Refunded => charge.settled(charge.amount),
    }
}
