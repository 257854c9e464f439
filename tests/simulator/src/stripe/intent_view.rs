//! Payment intents as Stripe shows them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::book::Book;
use super::charge_view::ChargeView;
use super::payments::Intent;
use super::views::{DECLINED, DECLINED_MESSAGE, Empty, Expand, Null, Ref};

#[derive(Serialize)]
pub(super) struct IntentView<'a> {
    id: &'a str,
    object: &'static str,
    amount: i64,
    amount_capturable: i64,
    amount_received: i64,
    application: Null,
    application_fee_amount: Null,
    canceled_at: Option<i64>,
    cancellation_reason: Option<&'a str>,
    capture_method: &'static str,
    confirmation_method: &'static str,
    created: i64,
    currency: &'a str,
    customer: Option<&'a str>,
    description: Null,
    last_payment_error: Option<PaymentError>,
    latest_charge: Option<Ref<'a, ChargeView<'a>>>,
    livemode: bool,
    metadata: &'a BTreeMap<String, String>,
    next_action: Null,
    on_behalf_of: Null,
    payment_method: Null,
    payment_method_options: Empty,
    payment_method_types: [&'static str; 1],
    processing: Null,
    receipt_email: Null,
    review: Null,
    setup_future_usage: Null,
    shipping: Null,
    statement_descriptor: Null,
    statement_descriptor_suffix: Null,
    status: &'static str,
    transfer_data: Null,
    transfer_group: Option<&'a str>,
}

#[derive(Serialize)]
struct PaymentError {
    #[serde(rename = "type")]
    kind: &'static str,
    code: &'static str,
    message: &'static str,
}

impl Book {
    pub(super) fn show_intent<'a>(
        &'a self,
        intent: &'a Intent,
        expand: Expand,
        now: i64,
    ) -> IntentView<'a> {
        let latest = intent.latest_charge.as_deref();
        let charge = latest.and_then(|id| self.charges.get(id));
        let declined = PaymentError {
            kind: "card_error",
            code: DECLINED,
            message: DECLINED_MESSAGE,
        };
        IntentView {
            id: &intent.id,
            object: "payment_intent",
            amount: intent.amount,
            amount_capturable: intent.amount_capturable,
            amount_received: intent.amount_received,
            application: (),
            application_fee_amount: (),
            canceled_at: intent.canceled_at,
            cancellation_reason: intent.cancellation_reason.as_deref(),
            capture_method: intent.capture_method,
            confirmation_method: "automatic",
            created: intent.created,
            currency: &intent.currency,
            customer: intent.customer.as_deref(),
            description: (),
            last_payment_error: charge
                .is_some_and(|charge| charge.status == "failed")
                .then_some(declined),
            latest_charge: charge.map(|charge| {
                let inner = Expand {
                    balance: expand.balance,
                    ..Expand::default()
                };
                Ref::new(&charge.id, expand.charge, || {
                    self.show_charge(charge, inner, now)
                })
            }),
            livemode: self.live,
            metadata: &intent.metadata,
            next_action: (),
            on_behalf_of: (),
            payment_method: (),
            payment_method_options: Empty {},
            payment_method_types: ["card"],
            processing: (),
            receipt_email: (),
            review: (),
            setup_future_usage: (),
            shipping: (),
            statement_descriptor: (),
            statement_descriptor_suffix: (),
            status: intent.status,
            transfer_data: (),
            transfer_group: intent.transfer_group.as_deref(),
        }
    }
}
