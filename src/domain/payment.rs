//! A customer's payment at Stripe: a payment intent with its charge, or a bare charge.

use chrono::{DateTime, Utc};

use super::ids::{ChargeId, CommercialOrderId, PaymentIntentId, PaymentRef};
use super::money::{Currency, Money};

/// Where a payment stands, in the words that the operator sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type, serde::Serialize)]
#[sqlx(type_name = "payment_status", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentStatus {
    /// Authorised or under way; nothing has been taken yet.
    ToCapture,
    /// The money has been taken.
    Captured,
    /// Cancelled, or the authorisation was released.
    Canceled,
    /// Refused.
    Failed,
}

impl PaymentStatus {
    /// Every status, for the help of `list`.
    pub const ALL: [Self; 4] = [
        Self::ToCapture,
        Self::Captured,
        Self::Canceled,
        Self::Failed,
    ];

    /// The word that is stored and listed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ToCapture => "TO_CAPTURE",
            Self::Captured => "CAPTURED",
            Self::Canceled => "CANCELED",
            Self::Failed => "FAILED",
        }
    }
}

/// What Stripe said of a payment at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The payment intent; none for a charge made without one.
    pub intent: Option<PaymentIntentId>,
    /// The charge that counts: the intent's latest.
    pub charge: Option<ChargeId>,
    /// The basket it pays, by its metadata.
    pub commercial_id: Option<CommercialOrderId>,
    /// The amount the customer agreed to, in the currency they pay in.
    pub amount: Money,
    /// Minor units taken.
    pub captured: i64,
    /// Minor units given back.
    pub refunded: i64,
    /// The currency the operator is credited in, known once captured.
    pub settlement: Option<Currency>,
    /// Where it stands.
    pub status: PaymentStatus,
    /// The customer or the bank has yet to act; the status may still change by itself.
    pub pending: bool,
    /// Nothing was authorised: the customer has to pay, or to pay otherwise.
    pub awaits_customer: bool,
    /// The money goes straight to a connected account: there is nothing to transfer.
    pub destination_charge: bool,
    /// Until when an authorisation holds, as far as Stripe says.
    pub authorized_until: Option<DateTime<Utc>>,
    /// Why it ended without bringing money.
    pub failure: Option<String>,
    /// When Stripe made it.
    pub created_at: DateTime<Utc>,
}

impl Payment {
    /// The id that names the payment: its intent, else its charge.
    pub fn reference(&self) -> Option<PaymentRef> {
        let intent = self.intent.clone().map(PaymentRef::Intent);
        intent.or_else(|| self.charge.clone().map(PaymentRef::Charge))
    }

    /// Everything that was taken has been given back.
    pub fn fully_refunded(&self) -> bool {
        self.status == PaymentStatus::Captured && self.refunded >= self.captured
    }

    /// Brings money, or will without the customer: authorised, under way or captured.
    pub fn brings_money(&self) -> bool {
        self.is_live() && !self.awaits_customer
    }

    /// May still bring money: authorised, under way or captured.
    pub fn is_live(&self) -> bool {
        match self.status {
            PaymentStatus::ToCapture | PaymentStatus::Captured => true,
            PaymentStatus::Canceled | PaymentStatus::Failed => false,
        }
    }
}

/// What is known of the payment of one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentFacts {
    /// The one payment.
    One(Payment),
    /// No transaction number, and no payment names the basket.
    Missing,
    /// The transaction number is no Stripe id, and no payment names the basket.
    NotStripe(String),
    /// Stripe does not know the transaction number.
    UnknownToStripe(PaymentRef),
    /// Several payments that may bring money name the basket.
    Several(Vec<String>),
    /// Stripe did not tell; asked again at the next look.
    Unread(String),
}

/// Chooses among the stored payments of a basket: the live one, else the newest.
pub fn of_basket(mut payments: Vec<Payment>) -> PaymentFacts {
    payments.sort_by_key(|payment| payment.created_at);
    // An intent that the customer has left unpaid brings nothing beside one that does.
    if payments.iter().any(Payment::brings_money) {
        payments.retain(Payment::brings_money);
    }
    let live: Vec<String> = payments
        .iter()
        .filter(|payment| payment.is_live())
        .filter_map(|payment| payment.reference().map(|r| r.to_string()))
        .collect();
    if live.len() > 1 {
        return PaymentFacts::Several(live);
    }
    let position = payments.iter().position(Payment::is_live);
    match position {
        Some(index) => PaymentFacts::One(payments.swap_remove(index)),
        None => payments
            .pop()
            .map_or(PaymentFacts::Missing, PaymentFacts::One),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment(id: &str, status: PaymentStatus, day: i64) -> Payment {
        let amount = Money::from_minor(100, Currency::parse("EUR").expect("known"));
        Payment {
            intent: Some(id.into()),
            charge: None,
            commercial_id: Some("C1".into()),
            amount,
            captured: 0,
            refunded: 0,
            settlement: None,
            status,
            pending: false,
            awaits_customer: false,
            destination_charge: false,
            authorized_until: None,
            failure: None,
            created_at: DateTime::from_timestamp(day * 86_400, 0).expect("a date"),
        }
    }

    #[test]
    fn the_live_payment_of_a_basket_counts_whatever_failed_before_or_after() {
        use PaymentStatus::{Canceled, Captured, Failed};
        let failed = payment("pi_1", Failed, 1);
        let captured = payment("pi_2", Captured, 2);
        let canceled = payment("pi_3", Canceled, 3);
        assert_eq!(
            of_basket(vec![canceled.clone(), captured.clone(), failed.clone()]),
            PaymentFacts::One(captured.clone())
        );
        assert_eq!(
            of_basket(vec![canceled.clone(), failed]),
            PaymentFacts::One(canceled)
        );
        assert_eq!(of_basket(vec![]), PaymentFacts::Missing);
        let second = payment("pi_4", PaymentStatus::ToCapture, 4);
        assert_eq!(
            of_basket(vec![second, captured]),
            PaymentFacts::Several(vec!["pi_2".into(), "pi_4".into()])
        );
    }
}
