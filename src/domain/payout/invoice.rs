//! An invoice as Mirakl shows it.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::domain::ids::{InvoiceId, ShopId};

/// An accounting document of a billing cycle (IV01), amounts in major units as Mirakl signs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// Its id.
    pub id: InvoiceId,
    /// The shop.
    pub shop_id: ShopId,
    /// Mirakl's word for its type.
    pub kind: String,
    /// Mirakl's word for its state.
    pub state: String,
    /// Mirakl's word for whether it was paid; none where it does not say.
    pub payment_state: Option<String>,
    /// ISO code as Mirakl sent it.
    pub currency: String,
    /// When Mirakl made it.
    pub created_at: DateTime<Utc>,
    /// What the seller is to get.
    pub transferred: Decimal,
    /// Credits to the seller.
    pub credits: Decimal,
    /// What the seller pays for the subscription; negative.
    pub subscription: Decimal,
    /// What the seller pays by manual invoices; negative.
    pub other_invoices: Decimal,
    /// Amounts of the summary that nothing here carries out, by their names; none is zero.
    pub leftovers: Vec<(String, Decimal)>,
}

/// Parts of the summary that order transfers, refunds and the movements of the invoice carry out.
const CARRIED: [&str; 12] = [
    "amount_transferred",
    "amount_transferred_to_operator",
    "total_commissions_incl_tax",
    "total_refund_commissions_incl_tax",
    "total_payable_orders_incl_tax",
    "total_refund_orders_incl_tax",
    "total_refund_payable_orders_incl_tax",
    // A part of the price of its line, and so of the order's transfer.
    "total_fee_incl_tax",
    "total_refund_fee_incl_tax",
    "total_subscription_incl_tax",
    "total_other_credits_incl_tax",
    "total_other_invoices_incl_tax",
];

/// What of a summary nothing carries out: every amount that is neither zero, nor known to be carried
/// out, nor the twin without tax of one that is shown with it.
pub fn leftovers(summary: &[(String, Decimal)]) -> Vec<(String, Decimal)> {
    let shown = |name: &str| summary.iter().any(|(other, _)| other == name);
    let is_left = |name: &str, amount: &Decimal| {
        let with_tax = name
            .strip_suffix("_excl_tax")
            .map(|stem| format!("{stem}_incl_tax"));
        let is_twin = with_tax
            .as_deref()
            .is_some_and(|twin| shown(twin) || CARRIED.contains(&twin));
        !amount.is_zero() && !CARRIED.contains(&name) && !is_twin
    };
    let left = summary
        .iter()
        .filter(|(name, amount)| is_left(name, amount));
    left.cloned().collect()
}
