//! An order of goods or of services, as far as its transfers are decided by it.

use chrono::{DateTime, Utc};

use super::amount::Amounts;
use super::kind::OrderKind;
use super::product;
use super::reason::HoldReason;
use super::service::{Debits, Paid, paid};
use crate::domain::ids::{CommercialOrderId, OrderId, ShopId};
use crate::domain::order::{LineState, OrderState, ProductOrder};
use crate::domain::service::{ServiceOrder, ServiceState};

/// Where an order stands, with Mirakl's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The seller has not accepted it.
    NotAccepted(String),
    /// Accepted by the seller.
    Accepted,
    /// It ended without a sale.
    Ended(String),
    /// A word that is not known here; nothing is concluded from it.
    Unknown(String),
}

/// An order that may have to be paid to its seller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payable {
    /// What it sells.
    pub kind: OrderKind,
    /// The order.
    pub id: OrderId,
    /// The basket it belongs to.
    pub commercial_id: CommercialOrderId,
    /// The shop that sells.
    pub shop_id: ShopId,
    /// Where it stands.
    pub standing: Standing,
    /// The customer pays the seller directly: no money passes through the operator.
    pub customer_pays_seller: bool,
    /// When the customer was debited; none as long as they were not for all of it.
    pub debited_at: Option<DateTime<Utc>>,
    /// Why the customer does not count as debited by one payment; none once they do.
    pub unpaid: Option<HoldReason>,
    /// The payment as told to Mirakl.
    pub transaction_number: Option<String>,
    /// What it comes to, or why that cannot be told.
    pub amounts: Result<Amounts, HoldReason>,
    /// Whether what Mirakl shows now can be held against what was transferred.
    pub comparable: bool,
    /// Whether Mirakl holds refunds of it, in any state.
    pub has_refunds: bool,
    /// When Mirakl made it.
    pub created_at: DateTime<Utc>,
}

impl Payable {
    /// A product order.
    pub fn of_product(order: &ProductOrder) -> Self {
        let unknown_line = |state: &LineState| matches!(state, LineState::Unknown(_));
        Self {
            kind: OrderKind::Product,
            id: order.id.clone(),
            commercial_id: order.commercial_id.clone(),
            shop_id: order.shop_id,
            standing: match &order.state {
                OrderState::NotAccepted(state) => Standing::NotAccepted(state.clone()),
                OrderState::Accepted(_) => Standing::Accepted,
                OrderState::Ended(state) => Standing::Ended(state.clone()),
                OrderState::Unknown(state) => Standing::Unknown(state.clone()),
            },
            customer_pays_seller: order.customer_pays_seller,
            debited_at: order.debited_at,
            unpaid: not_debited(order),
            transaction_number: order.transaction_number.clone(),
            amounts: product::amounts(order),
            comparable: !order.lines.iter().any(|line| unknown_line(&line.state)),
            has_refunds: order.lines.iter().any(|line| !line.refunds.is_empty()),
            created_at: order.created_at,
        }
    }

    /// A service order with its debits.
    pub fn of_service(order: &ServiceOrder, debits: &Debits) -> Self {
        let paid = paid(debits);
        let at = paid.as_ref().map_err(Clone::clone).and_then(Paid::at);
        let number = match &paid {
            Ok(paid) => paid.transaction_number(),
            Err(reason) => Err(reason.clone()),
        };
        Self {
            kind: OrderKind::Service,
            id: order.id.clone(),
            commercial_id: order.commercial_id.clone(),
            shop_id: order.shop_id,
            standing: match &order.state {
                ServiceState::NotAccepted(state) => Standing::NotAccepted(state.clone()),
                ServiceState::Accepted(_) => Standing::Accepted,
                ServiceState::Ended(state) => Standing::Ended(state.clone()),
                ServiceState::Unknown(state) => Standing::Unknown(state.clone()),
            },
            customer_pays_seller: false,
            debited_at: at.as_ref().ok().copied(),
            unpaid: at.err().or_else(|| number.as_ref().err().cloned()),
            transaction_number: number.unwrap_or_default(),
            amounts: paid.and_then(|paid| paid.amounts(order)),
            comparable: match debits {
                Debits::Read(_) => true,
                Debits::Unread(_) => false,
            },
            has_refunds: !order.refunds.is_empty(),
            created_at: order.created_at,
        }
    }
}

/// Why the customer of a product order does not count as debited for all of it.
fn not_debited(order: &ProductOrder) -> Option<HoldReason> {
    if order.debited_at.is_none() {
        return Some(HoldReason::NotDebited);
    }
    let undebited = order
        .live_lines()
        .find(|line| order.pays_on_shipment && line.debited_at.is_none());
    undebited.map(|line| HoldReason::LineNotDebited(line.id.clone()))
}
