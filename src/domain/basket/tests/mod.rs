//! Baskets as the tables of their rules see them.

mod captures;
mod confirmations;

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::domain::money::{Currency, Money};
use crate::domain::order::{LineState, OrderLine, TaxMode};
use crate::domain::payment::{Payment, PaymentStatus};
use crate::domain::transfer::fixtures::{at, decimal, line, order, payment};

fn now() -> DateTime<Utc> {
    at(10)
}

fn authorised(minor: i64) -> Payment {
    Payment {
        captured: 0,
        settlement: None,
        status: PaymentStatus::ToCapture,
        ..payment(minor)
    }
}

fn known(payment: Payment) -> KnownPayment {
    KnownPayment {
        payment,
        since: at(0),
        observed_at: at(0),
    }
}

fn basket(orders: Vec<ProductOrder>, payment: Payment) -> Basket {
    Basket {
        orders,
        payments: vec![known(payment)],
        ..Basket::default()
    }
}

fn accepted(lines: Vec<OrderLine>) -> ProductOrder {
    ProductOrder {
        state: OrderState::parse("SHIPPING"),
        ..order(lines)
    }
}

fn ended(line: OrderLine) -> OrderLine {
    OrderLine {
        state: LineState::Ended,
        ..line
    }
}

fn canceled(line: OrderLine, amount: &str, taxes: &str) -> OrderLine {
    OrderLine {
        canceled: decimal(amount),
        canceled_taxes: decimal(taxes),
        ..line
    }
}

fn service(state: &str, price: &str) -> ServiceOrder {
    ServiceOrder {
        id: "S1".into(),
        commercial_id: "C1".into(),
        shop_id: crate::domain::ids::ShopId(2000),
        state: ServiceState::parse(state),
        currency: "EUR".to_owned(),
        price: Some(decimal(price)),
        taxes: None,
        commission: None,
        refunds: Vec::new(),
        created_at: at(0),
        updated_at: at(0),
    }
}

fn debit(amount: &str, state: DebitState) -> ServiceDebit {
    ServiceDebit {
        id: "D1".into(),
        order_id: "S1".into(),
        amount: decimal(amount),
        currency: "EUR".to_owned(),
        state,
        transaction_number: None,
        debited_at: None,
    }
}
