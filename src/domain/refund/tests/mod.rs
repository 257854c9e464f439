//! Refunds as the tables of their rules see them.

mod amounts;
mod decisions;
mod reversals;

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::domain::ids::{ChargeId, TransferId};
use crate::domain::money::{Currency, Money};
use crate::domain::order::{LineRefund, TaxMode};
use crate::domain::transfer::fixtures::{decimal, line, money, order, refund};
use crate::domain::transfer::{OrderKind, TransferType};

fn asked(amount: &str) -> AskedRefund {
    AskedRefund {
        kind: RefundType::ProductRefund,
        id: "R1".into(),
        order_id: "C1-A".into(),
        commercial_id: Some("C1".into()),
        amount: decimal(amount),
        currency: "EUR".to_owned(),
        shop_id: None,
    }
}

fn shown(amount: &str, commission: &str) -> Shown {
    Shown {
        total: Some(decimal(amount)),
        currency: "EUR".to_owned(),
        taxes: Decimal::ZERO,
        commission: Some(decimal(commission)),
        not_payable: Decimal::ZERO,
        confirmed: false,
    }
}
