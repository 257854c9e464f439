//! The marketplace of the scenario of services: paid service orders, whose taxes go an own way.

use std::collections::HashMap;

use chrono::{SecondsFormat, TimeDelta};
use simulator::{AccountSeed, DebitSeed, PaymentSeed, ServiceSeed, Simulator};

use super::cases::TAX_ACCOUNT;
use super::orders::euros;
use super::shops::SHOPS;
use crate::common::agreement::taxes_of;

/// Fills the simulator with this many paid service orders; what each is to bring its seller and the
/// tax account, in cents.
pub fn fill(simulator: &Simulator, number: i64) -> HashMap<String, i64> {
    let taxes = AccountSeed::new().id(TAX_ACCOUNT);
    simulator.stripe().add_account(taxes);
    let mut due = HashMap::new();
    let newest = simulator.clock().now() - TimeDelta::hours(1);
    for place in 1..=number {
        let at = newest - TimeDelta::minutes(number - place);
        let debited = at + TimeDelta::minutes(5);
        let price = 1000 + place % 5000;
        let (tax, commission) = (price / 5, price / 10);
        let (basket, order) = (format!("C{place}"), format!("C{place}-S"));
        let payment = PaymentSeed::new(price + tax, "eur").basket(&basket);
        let paid = simulator.stripe().pay(payment.created_at(at));
        let shop = SHOPS.start + place % (SHOPS.end - SHOPS.start);
        let service = ServiceSeed::new(&order, &basket, shop)
            .price(&euros(price))
            .price_tax(&euros(tax))
            .commission(&euros(commission), &euros(commission))
            .created_at(at)
            .updated_at(at + TimeDelta::minutes(10));
        simulator.mirakl().put_service(service);
        let debit = DebitSeed::new(&format!("{order}-1"), &order, &euros(price + tax))
            .state("OK")
            .transaction(paid.intent.as_deref().unwrap_or_default())
            .created_at(at)
            .updated_at(debited);
        let debited = debited.to_rfc3339_opts(SecondsFormat::Secs, true);
        let debit = debit.set("transaction_date", debited.into());
        simulator.mirakl().put_debit(debit);
        due.insert(taxes_of(&order), tax);
        due.insert(order, price - commission);
    }
    due
}
