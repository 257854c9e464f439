//! A small marketplace: how baskets are sold and paid.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use simulator::{Mirakl, OrderSeed, Payment, PaymentSeed, Simulator, Stripe};

use super::sale::Sale;
use super::shops::READY;

/// How orders name their payment.
#[derive(Clone, Copy)]
pub enum Named {
    /// By the payment intent.
    Intent,
    /// By the charge, which has no intent.
    Charge,
    /// Not at all; the payment's metadata names the basket.
    Basket,
}

/// The marketplace and its books: what each order comes to, worked out beside the program.
pub struct Market {
    mirakl: Mirakl,
    /// Where the customers pay.
    pub stripe: Stripe,
    opened: DateTime<Utc>,
    baskets: i64,
    /// The seller's part of every order that is to be transferred, in minor units.
    pub due: HashMap<String, i64>,
    /// Accepted orders whose customers have yet to be debited.
    undebited: Vec<Debt>,
}

struct Debt {
    order: String,
    currency: &'static str,
    customer: i64,
    seller: i64,
}

impl Market {
    /// No orders yet.
    pub fn open(simulator: &Simulator) -> Self {
        Self {
            mirakl: simulator.mirakl().clone(),
            stripe: simulator.stripe().clone(),
            opened: simulator.clock().now() - TimeDelta::days(20),
            baskets: 0,
            due: HashMap::new(),
            undebited: Vec::new(),
        }
    }

    /// The id of the next basket, and when it is ordered.
    pub fn basket(&mut self) -> (String, DateTime<Utc>) {
        self.baskets += 1;
        let at = self.opened + TimeDelta::minutes(150 * self.baskets);
        (format!("C{}", 1000 + self.baskets), at)
    }

    /// The next basket, of one plain order of a shop that can be paid.
    pub fn plain_sale(&mut self) -> (Sale, DateTime<Utc>) {
        let (basket, at) = self.basket();
        let shop = READY.start + self.baskets % (READY.end - READY.start);
        (Sale::plain(&basket, shop), at)
    }

    /// How many orders the marketplace has.
    pub fn orders(&self) -> usize {
        self.mirakl.orders().len()
    }

    /// Sells a basket, paid whole: its orders are to be transferred.
    pub fn sell(&mut self, basket: &str, at: DateTime<Utc>, sales: Vec<Sale>, named: Named) {
        let customer = sales.iter().map(|sale| sale.customer).sum();
        let currency = sales.first().map_or("EUR", |sale| sale.currency);
        let seed = PaymentSeed::new(customer, &currency.to_lowercase())
            .basket(basket)
            .created_at(at);
        let paid = self.stripe.pay(match named {
            Named::Charge => seed.bare_charge(),
            Named::Intent | Named::Basket => seed,
        });
        let number = match named {
            Named::Intent => paid.intent,
            Named::Charge => Some(paid.charge),
            Named::Basket => None,
        };
        for sale in sales {
            self.due.insert(sale.id.clone(), sale.seller);
            self.show(sale, at, number.as_deref());
        }
    }

    /// Shows an order on Mirakl, debited soon after `at` unless it says otherwise itself.
    pub fn show(&self, sale: Sale, at: DateTime<Utc>, number: Option<&str>) {
        let order = sale.order.created_at(at).updated_at(debited_after(at));
        self.mirakl.put(match number {
            Some(number) => order.transaction(number),
            None => order,
        });
    }

    /// Shows an accepted order whose customer will be debited later.
    pub fn show_undebited(&mut self, sale: Sale, at: DateTime<Utc>) {
        self.undebited.push(Debt {
            order: sale.id.clone(),
            currency: sale.currency,
            customer: sale.customer,
            seller: sale.seller,
        });
        self.show(sale.but(OrderSeed::unpaid), at, None);
    }

    /// The payment of a sale, in its currency and captured unless `change` says otherwise.
    pub fn pay(
        &self,
        sale: &Sale,
        at: DateTime<Utc>,
        change: impl FnOnce(PaymentSeed) -> PaymentSeed,
    ) -> Payment {
        let seed = PaymentSeed::new(sale.customer, &sale.currency.to_lowercase());
        self.stripe.pay(change(seed.created_at(at)))
    }

    /// Debits the customers of the first orders that waited for it.
    pub fn debit(&mut self, number: usize, now: DateTime<Utc>) {
        let number = number.min(self.undebited.len());
        for debt in self.undebited.drain(..number) {
            let currency = debt.currency.to_lowercase();
            let paid = self.stripe.pay(PaymentSeed::new(debt.customer, &currency));
            self.mirakl.update(&debt.order, |order| {
                order["customer_debited_date"] =
                    now.to_rfc3339_opts(SecondsFormat::Secs, true).into();
                order["transaction_number"] = paid.charge.into();
            });
            self.due.insert(debt.order, debt.seller);
        }
    }
}

/// Half an hour after an order its customer is debited.
pub fn debited_after(at: DateTime<Utc>) -> DateTime<Utc> {
    at + TimeDelta::minutes(30)
}
