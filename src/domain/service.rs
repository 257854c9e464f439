//! Service orders and their debits, as far as the jobs decide by them (SOR11, SPA11).

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::ids::{CommercialOrderId, DebitId, OrderId, ShopId};

/// Where a service order stands (`state`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceState {
    /// `WAITING_SCORING` up to `WAITING_ACCEPTANCE`: the seller has not accepted it.
    NotAccepted(String),
    /// Accepted by the seller: `ORDER_ACCEPTED` up to `ORDER_CLOSED`.
    Accepted(String),
    /// `ORDER_REFUSED`, `ORDER_EXPIRED`, `ORDER_CANCELLED`, `SCORING_KO`: it ended without a sale.
    Ended(String),
    /// A word that is not known here; nothing is concluded from it.
    Unknown(String),
}

impl ServiceState {
    /// Reads Mirakl's word; one that is not known is kept as it is.
    pub fn parse(word: &str) -> Self {
        let owned = word.to_owned();
        match word {
            "WAITING_SCORING" | "SCORING_OK" | "WAITING_ACCEPTANCE" => Self::NotAccepted(owned),
            "WAITING_DEBIT"
            | "WAITING_DEBIT_PAYMENT"
            | "ORDER_ACCEPTED"
            | "ORDER_PENDING"
            | "ORDER_CONSUMED"
            | "ORDER_CLOSED" => Self::Accepted(owned),
            "ORDER_REFUSED" | "ORDER_EXPIRED" | "ORDER_CANCELLED" | "SCORING_KO" => {
                Self::Ended(owned)
            }
            _ => Self::Unknown(owned),
        }
    }
}

/// A service order of one shop. Amounts are in major units, exactly as Mirakl sent them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceOrder {
    /// The order.
    pub id: OrderId,
    /// The basket it belongs to.
    pub commercial_id: CommercialOrderId,
    /// The shop that sells.
    pub shop_id: ShopId,
    /// Where it stands.
    pub state: ServiceState,
    /// ISO code as Mirakl sent it.
    pub currency: String,
    /// What the customer pays, by the order's own price, options and taxes; `None` for a price that
    /// is not known here.
    pub price: Option<Decimal>,
    /// The part of `price` that is taxes: of the price, its units and its options; `None` where the
    /// price is not known here.
    pub taxes: Option<Decimal>,
    /// The operator's commission with its taxes; `None` where Mirakl does not show one.
    pub commission: Option<Decimal>,
    /// What was, or is to be, given back to the customer.
    pub refunds: Vec<ServiceRefund>,
    /// When Mirakl made it.
    pub created_at: DateTime<Utc>,
    /// When Mirakl last changed it.
    pub updated_at: DateTime<Utc>,
}

/// A refund of a service order, as the order shows it (SOR11). Amounts in major units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRefund {
    /// The refund.
    pub id: String,
    /// What is refunded of the price, without taxes and options.
    pub amount: Decimal,
    /// Taxes of price and options.
    pub taxes: Decimal,
    /// Options, without their taxes.
    pub options: Decimal,
    /// The commission that goes back to the seller, with its taxes; none where it is not shown.
    pub commission: Option<Decimal>,
    /// Mirakl knows that the customer has the money back (`state` OK).
    pub confirmed: bool,
}

/// Where a debit of a service order stands (`state`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DebitState {
    /// Awaits its confirmation.
    Waiting,
    /// Confirmed: the customer was debited.
    Ok,
    /// Refused.
    Refused,
    /// A word that is not known here.
    Unknown(String),
}

impl DebitState {
    /// Reads Mirakl's word; one that is not known is kept as it is.
    pub fn parse(word: &str) -> Self {
        match word {
            "WAITING" => Self::Waiting,
            "OK" => Self::Ok,
            "REFUSED" => Self::Refused,
            other => Self::Unknown(other.to_owned()),
        }
    }
}

/// What the customer is to be debited for a service order (SPA11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceDebit {
    /// The debit.
    pub id: DebitId,
    /// The order.
    pub order_id: OrderId,
    /// In major units.
    pub amount: Decimal,
    /// ISO code as Mirakl sent it.
    pub currency: String,
    /// Where it stands.
    pub state: DebitState,
    /// The payment as told to Mirakl.
    pub transaction_number: Option<String>,
    /// When the customer was debited; none as long as they were not, or where Mirakl does not say.
    pub debited_at: Option<DateTime<Utc>>,
}
