//! An order that is paid and its payment, for the tables of the rules.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::domain::account::Account;
use crate::domain::ids::ShopId;
use crate::domain::money::{Currency, Money};
use crate::domain::order::{LineRefund, LineState, OrderLine, OrderState, ProductOrder, TaxMode};
use crate::domain::payment::{Payment, PaymentStatus};
use crate::domain::service::{DebitState, ServiceDebit, ServiceOrder, ServiceState};

pub fn at(day: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_770_000_000 + day * 86_400, 0).expect("a date")
}

pub fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

pub fn money(minor: i64, currency: &str) -> Money {
    Money::from_minor(minor, Currency::parse(currency).expect("known"))
}

/// A live line: its price, its commission, its taxes.
pub fn line(price: &str, commission: &str, taxes: &str) -> OrderLine {
    OrderLine {
        id: "L1".to_owned(),
        state: LineState::Live,
        total_price: decimal(price),
        total_commission: decimal(commission),
        taxes: decimal(taxes),
        prices_not_payable: Decimal::ZERO,
        taxes_not_payable: Decimal::ZERO,
        canceled: Decimal::ZERO,
        canceled_taxes: Decimal::ZERO,
        prices_not_debitable: Decimal::ZERO,
        taxes_not_debitable: Decimal::ZERO,
        debited_at: None,
        refunds: Vec::new(),
    }
}

/// A shipped and debited order of these lines, with the totals that Mirakl would show.
pub fn order(lines: Vec<OrderLine>) -> ProductOrder {
    let live = || lines.iter().filter(|line| line.state != LineState::Ended);
    ProductOrder {
        id: "C1-A".into(),
        commercial_id: "C1".into(),
        shop_id: ShopId(2000),
        state: OrderState::parse("SHIPPED"),
        pays_on_shipment: false,
        never_confirmed: false,
        debited_at: Some(at(1)),
        transaction_number: Some("pi_1".to_owned()),
        currency: "EUR".to_owned(),
        tax_mode: TaxMode::Included,
        total_price: live().map(|line| line.total_price).sum(),
        total_commission: live().map(|line| line.total_commission).sum(),
        customer_pays_seller: false,
        has_order_taxes: false,
        lines,
        created_at: at(0),
        updated_at: at(2),
    }
}

/// An accepted service order at this price with this commission, without taxes.
pub fn service(price: &str, commission: &str) -> ServiceOrder {
    ServiceOrder {
        id: "S1".into(),
        commercial_id: "C1".into(),
        shop_id: ShopId(2000),
        state: ServiceState::parse("ORDER_ACCEPTED"),
        currency: "EUR".to_owned(),
        price: Some(decimal(price)),
        taxes: Some(Decimal::ZERO),
        commission: Some(decimal(commission)),
        refunds: Vec::new(),
        created_at: at(0),
        updated_at: at(2),
    }
}

/// A debit of that order that the customer paid by [`payment`].
pub fn debit(id: &str, amount: &str) -> ServiceDebit {
    ServiceDebit {
        id: id.into(),
        order_id: "S1".into(),
        amount: decimal(amount),
        currency: "EUR".to_owned(),
        state: DebitState::Ok,
        transaction_number: Some("pi_1".to_owned()),
        debited_at: Some(at(1)),
    }
}

pub fn account() -> Account {
    Account {
        shop_id: ShopId(2000),
        id: "acct_1".into(),
        transfers_active: true,
    }
}

/// A captured payment in euros.
pub fn payment(cents: i64) -> Payment {
    Payment {
        intent: Some("pi_1".into()),
        charge: Some("ch_1".into()),
        commercial_id: Some("C1".into()),
        amount: money(cents, "EUR"),
        captured: cents,
        refunded: 0,
        settlement: Some(Currency::parse("EUR").expect("known")),
        status: PaymentStatus::Captured,
        pending: false,
        awaits_customer: false,
        destination_charge: false,
        authorized_until: None,
        failure: None,
        created_at: at(0),
    }
}

/// A refund of a line, not confirmed yet.
pub(crate) fn refund(id: &str, amount: &str, commission: &str) -> LineRefund {
    LineRefund {
        id: id.into(),
        confirmed: false,
        amount: decimal(amount),
        taxes: Decimal::ZERO,
        commission: Some(decimal(commission)),
        prices_not_payable: Decimal::ZERO,
        taxes_not_payable: Decimal::ZERO,
    }
}
