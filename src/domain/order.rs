//! A product order, as far as the jobs decide by it (OR11).

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::ids::{CommercialOrderId, OrderId, RefundId, ShopId};

/// Where a product order stands (`order_state`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderState {
    /// `STAGING`, `WAITING_ACCEPTANCE`: the seller has not accepted it.
    NotAccepted(String),
    /// Accepted by the seller: `WAITING_DEBIT` up to `CLOSED`.
    Accepted(String),
    /// `REFUSED`, `CANCELED`: it ended without a sale.
    Ended(String),
    /// A word that is not known here; nothing is concluded from it.
    Unknown(String),
}

impl OrderState {
    /// Reads Mirakl's word; one that is not known is kept as it is.
    pub fn parse(word: &str) -> Self {
        let owned = word.to_owned();
        match word {
            "STAGING" | "WAITING_ACCEPTANCE" => Self::NotAccepted(owned),
            "WAITING_DEBIT"
            | "WAITING_DEBIT_PAYMENT"
            | "SHIPPING"
            | "SHIPPED"
            | "TO_COLLECT"
            | "RECEIVED"
            | "CLOSED" => Self::Accepted(owned),
            "REFUSED" | "CANCELED" => Self::Ended(owned),
            _ => Self::Unknown(owned),
        }
    }
}

/// Where one line of an order stands (`order_line_state`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineState {
    /// Counts in the order's amounts.
    Live,
    /// `REFUSED`, `CANCELED`: counts nowhere.
    Ended,
    /// A word that is not known here; whether the line counts cannot be told.
    Unknown(String),
}

impl LineState {
    /// Reads Mirakl's word; one that is not known is kept as it is.
    pub fn parse(word: &str) -> Self {
        match word {
            "STAGING"
            | "WAITING_ACCEPTANCE"
            | "WAITING_DEBIT"
            | "WAITING_DEBIT_PAYMENT"
            | "SHIPPING"
            | "SHIPPED"
            | "TO_COLLECT"
            | "RECEIVED"
            | "CLOSED"
            | "INCIDENT_OPEN"
            | "INCIDENT_CLOSED"
            | "REFUNDED"
            | "WAITING_REFUND"
            | "WAITING_REFUND_PAYMENT" => Self::Live,
            "REFUSED" | "CANCELED" => Self::Ended,
            other => Self::Unknown(other.to_owned()),
        }
    }
}

/// Whether the amounts of an order hold their taxes (`order_tax_mode`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaxMode {
    /// `TAX_INCLUDED`: the total is what the customer pays.
    Included,
    /// `TAX_EXCLUDED`: taxes come on top.
    Excluded,
    /// A word that is not known here; no total can be concluded.
    Unknown(String),
}

impl TaxMode {
    /// Reads Mirakl's word; one that is not known is kept as it is.
    pub fn parse(word: &str) -> Self {
        match word {
            "TAX_INCLUDED" => Self::Included,
            "TAX_EXCLUDED" => Self::Excluded,
            other => Self::Unknown(other.to_owned()),
        }
    }
}

/// A product order of one shop. Amounts are in major units, exactly as Mirakl sent them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // Mirakl's facts, each for itself
pub struct ProductOrder {
    /// The logistic order.
    pub id: OrderId,
    /// The basket it belongs to.
    pub commercial_id: CommercialOrderId,
    /// The shop that sells.
    pub shop_id: ShopId,
    /// Where it stands.
    pub state: OrderState,
    /// `PAY_ON_SHIPMENT`: each line is debited by itself.
    pub pays_on_shipment: bool,
    /// Mirakl is never told of the payment (`NO_CUSTOMER_PAYMENT_CONFIRMATION`).
    pub never_confirmed: bool,
    /// When the customer was debited; none as long as they were not.
    pub debited_at: Option<DateTime<Utc>>,
    /// The payment as told to Mirakl.
    pub transaction_number: Option<String>,
    /// ISO code as Mirakl sent it.
    pub currency: String,
    /// Whether amounts hold their taxes.
    pub tax_mode: TaxMode,
    /// Sum of the live lines with shipping and fees.
    pub total_price: Decimal,
    /// The operator's commission with its tax.
    pub total_commission: Decimal,
    /// The customer pays the seller directly: no money passes through the operator.
    pub customer_pays_seller: bool,
    /// It has taxes that belong to no line (`order_taxes`).
    pub has_order_taxes: bool,
    /// The lines, live or not.
    pub lines: Vec<OrderLine>,
    /// When Mirakl made it.
    pub created_at: DateTime<Utc>,
    /// When Mirakl last changed it.
    pub updated_at: DateTime<Utc>,
}

/// One line of an order. Amounts are in major units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    /// The line's id.
    pub id: String,
    /// Where it stands.
    pub state: LineState,
    /// Price with shipping and fees.
    pub total_price: Decimal,
    /// Commission with its tax.
    pub total_commission: Decimal,
    /// Taxes and shipping taxes.
    pub taxes: Decimal,
    /// Parts of price and shipping price that their breakdowns mark as not payable to the shop.
    pub prices_not_payable: Decimal,
    /// Parts of taxes and shipping taxes that their breakdowns mark as not payable to the shop.
    pub taxes_not_payable: Decimal,
    /// What was cancelled of it: prices and shipping prices of its `cancelations`.
    pub canceled: Decimal,
    /// The taxes and shipping taxes of what was cancelled.
    pub canceled_taxes: Decimal,
    /// Parts of price and shipping price that the customer is not debited.
    pub prices_not_debitable: Decimal,
    /// Parts of taxes and shipping taxes that the customer is not debited.
    pub taxes_not_debitable: Decimal,
    /// When this line was debited (`PAY_ON_SHIPMENT`).
    pub debited_at: Option<DateTime<Utc>>,
    /// Its refunds, in any state.
    pub refunds: Vec<LineRefund>,
}

/// A refund of one line, as the order shows it (OR11). Amounts are in major units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineRefund {
    /// The refund.
    pub id: RefundId,
    /// Mirakl knows that the customer has the money back (`REFUNDED`).
    pub confirmed: bool,
    /// What is refunded of price and shipping price.
    pub amount: Decimal,
    /// What is refunded of their taxes.
    pub taxes: Decimal,
    /// The commission that goes back to the seller, with its tax; none where it is not shown.
    pub commission: Option<Decimal>,
    /// Parts of the amount that its breakdowns mark as not payable to the shop.
    pub prices_not_payable: Decimal,
    /// Parts of the taxes that their breakdowns mark as not payable to the shop.
    pub taxes_not_payable: Decimal,
}

impl ProductOrder {
    /// The lines that count: neither refused nor cancelled.
    pub fn live_lines(&self) -> impl Iterator<Item = &OrderLine> {
        self.lines
            .iter()
            .filter(|line| line.state != LineState::Ended)
    }

    /// The refund of this id, on whichever line it is.
    pub fn refund(&self, id: &RefundId) -> Option<&LineRefund> {
        let mut refunds = self.lines.iter().flat_map(|line| &line.refunds);
        refunds.find(|refund| refund.id == *id)
    }
}
