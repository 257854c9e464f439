//! The documents, exactly as operators know them.

use serde::Serialize;

use crate::domain::ids::{
    AccountId, ChargeId, InvoiceId, OrderId, PayoutId, RefundId, ReversalId, ShopId, StripeRefundId,
};
use crate::domain::money::{Currency, Money};
use crate::domain::payout::PayoutStatus;
use crate::domain::refund::RefundStatus;
use crate::domain::transfer::{TransferStatus, TransferType};

/// Something that the operator's server is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A seller's account changed.
    AccountUpdated {
        /// The shop.
        shop_id: ShopId,
        /// Its account.
        account: AccountId,
    },
    /// Stripe refused a transfer.
    TransferFailed(Box<TransferFailed>),
    /// A step of a refund was refused, or Stripe could not carry the refund out.
    RefundFailed(Box<RefundFailed>),
    /// A payout was refused, or failed after it was made.
    PayoutFailed(Box<PayoutFailed>),
}

/// A transfer that Stripe refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferFailed {
    /// Its internal id.
    pub internal_id: i64,
    /// What it pays.
    pub kind: TransferType,
    /// The Mirakl id of what it pays.
    pub mirakl_id: String,
    /// The account that was to receive it.
    pub account: Option<AccountId>,
    /// The shop.
    pub shop_id: Option<ShopId>,
    /// The charge that it was to come from.
    pub charge: Option<ChargeId>,
    /// The amount.
    pub amount: Option<Money>,
    /// Why.
    pub reason: String,
}

/// A refund of which a step was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundFailed {
    /// Its internal id.
    pub internal_id: i64,
    /// Its order.
    pub order_id: OrderId,
    /// The refund at Mirakl.
    pub refund_id: RefundId,
    /// The shop.
    pub shop_id: Option<ShopId>,
    /// The refund at Stripe, if it was made.
    pub stripe_refund_id: Option<StripeRefundId>,
    /// The reversal of the seller's transfer, if it was made.
    pub stripe_reversal_id: Option<ReversalId>,
    /// What the customer gets back.
    pub amount: Option<Money>,
    /// Why.
    pub reason: String,
}

/// A payout that was refused, or that failed after it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutFailed {
    /// Its internal id.
    pub internal_id: i64,
    /// The invoice.
    pub invoice: InvoiceId,
    /// The shop.
    pub shop_id: Option<ShopId>,
    /// The payout at Stripe, if it was made.
    pub payout_id: Option<PayoutId>,
    /// What was to be paid.
    pub amount: Option<Money>,
    /// Why.
    pub reason: String,
}

impl From<TransferFailed> for Event {
    fn from(failed: TransferFailed) -> Self {
        Self::TransferFailed(Box::new(failed))
    }
}

impl From<RefundFailed> for Event {
    fn from(failed: RefundFailed) -> Self {
        Self::RefundFailed(Box::new(failed))
    }
}

impl From<PayoutFailed> for Event {
    fn from(failed: PayoutFailed) -> Self {
        Self::PayoutFailed(Box::new(failed))
    }
}

#[derive(Serialize)]
struct Document<P> {
    r#type: &'static str,
    payload: P,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountPayload<'a> {
    mirakl_shop_id: ShopId,
    stripe_user_id: &'a AccountId,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TransferPayload<'a> {
    internal_id: i64,
    mirakl_id: &'a str,
    r#type: &'static str,
    order_type: Option<&'static str>,
    stripe_account_id: Option<&'a AccountId>,
    mirakl_shop_id: Option<ShopId>,
    transfer_id: Option<()>,
    transaction_id: Option<&'a ChargeId>,
    amount: Option<i64>,
    status: &'static str,
    failed_reason: &'a str,
    currency: Option<Currency>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RefundPayload<'a> {
    internal_id: i64,
    mirakl_order_id: &'a OrderId,
    mirakl_refund_id: &'a RefundId,
    stripe_refund_id: Option<&'a StripeRefundId>,
    stripe_reversal_id: Option<&'a ReversalId>,
    amount: Option<i64>,
    status: &'static str,
    failed_reason: &'a str,
    currency: Option<Currency>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PayoutPayload<'a> {
    internal_id: i64,
    amount: Option<i64>,
    currency: Option<Currency>,
    /// A number, as Mirakl sends it.
    mirakl_invoice_id: Option<i64>,
    stripe_payout_id: Option<&'a PayoutId>,
    status: &'static str,
    failed_reason: &'a str,
}

impl Event {
    /// The document's `type`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AccountUpdated { .. } => "account.updated",
            Self::TransferFailed(_) => "transfer.failed",
            Self::RefundFailed(_) => "refund.failed",
            Self::PayoutFailed(_) => "payout.failed",
        }
    }

    /// The shop whose notifications keep their order.
    pub fn shop(&self) -> Option<ShopId> {
        match self {
            Self::AccountUpdated { shop_id, .. } => Some(*shop_id),
            Self::TransferFailed(failed) => failed.shop_id,
            Self::RefundFailed(failed) => failed.shop_id,
            Self::PayoutFailed(failed) => failed.shop_id,
        }
    }

    /// The document.
    pub fn body(&self) -> String {
        let r#type = self.name();
        match self {
            Self::AccountUpdated { shop_id, account } => json(&Document {
                r#type,
                payload: AccountPayload {
                    mirakl_shop_id: *shop_id,
                    stripe_user_id: account,
                },
            }),
            Self::TransferFailed(failed) => json(&Document {
                r#type,
                payload: TransferPayload {
                    internal_id: failed.internal_id,
                    mirakl_id: &failed.mirakl_id,
                    r#type: failed.kind.notified_type(),
                    order_type: failed.kind.order_type(),
                    stripe_account_id: failed.account.as_ref(),
                    mirakl_shop_id: failed.shop_id,
                    transfer_id: None,
                    transaction_id: failed.charge.as_ref(),
                    amount: failed.amount.map(Money::minor),
                    status: TransferStatus::TransferFailed.as_str(),
                    failed_reason: &failed.reason,
                    currency: failed.amount.map(Money::currency),
                },
            }),
            Self::PayoutFailed(failed) => json(&Document {
                r#type,
                payload: PayoutPayload {
                    internal_id: failed.internal_id,
                    amount: failed.amount.map(Money::minor),
                    currency: failed.amount.map(Money::currency),
                    mirakl_invoice_id: failed.invoice.as_str().parse().ok(),
                    stripe_payout_id: failed.payout_id.as_ref(),
                    status: PayoutStatus::PayoutFailed.as_str(),
                    failed_reason: &failed.reason,
                },
            }),
            Self::RefundFailed(failed) => json(&Document {
                r#type,
                payload: RefundPayload {
                    internal_id: failed.internal_id,
                    mirakl_order_id: &failed.order_id,
                    mirakl_refund_id: &failed.refund_id,
                    stripe_refund_id: failed.stripe_refund_id.as_ref(),
                    stripe_reversal_id: failed.stripe_reversal_id.as_ref(),
                    amount: failed.amount.map(Money::minor),
                    status: RefundStatus::RefundFailed.as_str(),
                    failed_reason: &failed.reason,
                    currency: failed.amount.map(Money::currency),
                },
            }),
        }
    }
}

/// Texts and numbers always encode.
fn json<P: Serialize>(document: &Document<P>) -> String {
    serde_json::to_string(document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_changed_is_told_by_shop_and_account() {
        let event = Event::AccountUpdated {
            shop_id: ShopId(2000),
            account: "acct_1".into(),
        };
        assert_eq!(
            event.body(),
            r#"{"type":"account.updated","payload":{"miraklShopId":2000,"stripeUserId":"acct_1"}}"#
        );
    }

    #[test]
    fn a_refused_transfer_is_told_with_everything_that_is_known_of_it() {
        let mut failed = TransferFailed {
            internal_id: 5,
            kind: TransferType::ProductOrder,
            mirakl_id: "C1-\"A\"".to_owned(),
            account: Some("acct_1".into()),
            shop_id: Some(ShopId(2000)),
            charge: Some("ch_1".into()),
            amount: Some(Money::from_minor(
                3400,
                Currency::parse("eur").expect("known"),
            )),
            reason: "Stripe refused: no".to_owned(),
        };
        let event = Event::TransferFailed(Box::new(failed.clone()));
        assert_eq!(
            event.body(),
            r#"{"type":"transfer.failed","payload":{"internalId":5,"miraklId":"C1-\"A\"","type":"TRANSFER_ORDER","orderType":"PRODUCT","stripeAccountId":"acct_1","miraklShopId":2000,"transferId":null,"transactionId":"ch_1","amount":3400,"status":"TRANSFER_FAILED","failedReason":"Stripe refused: no","currency":"EUR"}}"#
        );
        (failed.account, failed.shop_id, failed.charge, failed.amount) = (None, None, None, None);
        let event = Event::TransferFailed(Box::new(failed));
        assert_eq!(
            event.body(),
            r#"{"type":"transfer.failed","payload":{"internalId":5,"miraklId":"C1-\"A\"","type":"TRANSFER_ORDER","orderType":"PRODUCT","stripeAccountId":null,"miraklShopId":null,"transferId":null,"transactionId":null,"amount":null,"status":"TRANSFER_FAILED","failedReason":"Stripe refused: no","currency":null}}"#
        );
    }

    #[test]
    fn a_payout_that_failed_is_told_by_its_invoice() {
        let failed = PayoutFailed {
            internal_id: 12,
            invoice: "2000".into(),
            shop_id: Some(ShopId(2000)),
            payout_id: None,
            amount: Some(Money::from_minor(
                2300,
                Currency::parse("eur").expect("known"),
            )),
            reason: "account_closed".to_owned(),
        };
        assert_eq!(
            Event::PayoutFailed(Box::new(failed)).body(),
            r#"{"type":"payout.failed","payload":{"internalId":12,"amount":2300,"currency":"EUR","miraklInvoiceId":2000,"stripePayoutId":null,"status":"PAYOUT_FAILED","failedReason":"account_closed"}}"#
        );
    }

    #[test]
    fn a_refund_that_failed_is_told_with_what_was_already_done() {
        let failed = RefundFailed {
            internal_id: 5,
            order_id: "C1-A".into(),
            refund_id: "1100".into(),
            shop_id: Some(ShopId(2000)),
            stripe_refund_id: Some("re_1".into()),
            stripe_reversal_id: None,
            amount: Some(Money::from_minor(
                3400,
                Currency::parse("eur").expect("known"),
            )),
            reason: "Stripe refused: too little".to_owned(),
        };
        assert_eq!(
            Event::RefundFailed(Box::new(failed)).body(),
            r#"{"type":"refund.failed","payload":{"internalId":5,"miraklOrderId":"C1-A","miraklRefundId":"1100","stripeRefundId":"re_1","stripeReversalId":null,"amount":3400,"status":"REFUND_FAILED","failedReason":"Stripe refused: too little","currency":"EUR"}}"#
        );
    }
}
