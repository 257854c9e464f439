//! Customers send things back.

use crate::{RefundSeed, ServiceRefundSeed, Simulator};

use super::chance::Chance;
use super::market::{Line, Market, Order, Refund};

/// So many refunds of a fifth of a price at most leave the seller's part covered.
const MOST: usize = 2;

impl Market {
    /// Mirakl asks for a refund of an order that its customer was debited for.
    pub fn give_back(&mut self, chance: &mut Chance, simulator: &Simulator) -> Option<String> {
        let candidates = (0..self.orders.len()).filter(|at| {
            let order = &self.orders[*at];
            let alive = order.is_sold() && !self.basket_of(order).dead;
            alive && order.refunds < MOST && is_debited(order, simulator)
        });
        let at = chance.find(candidates.collect());
        let share = chance.of(5..12);
        let at = at?;
        let id = (9001 + self.refunds.len()).to_string();
        let order = &mut self.orders[at];
        order.refunds += 1;
        let order = &self.orders[at];
        let coin = self.basket_of(order).coin;
        let place = order.lines.iter().position(|line| !line.refused)?;
        let part = |whole: i64| coin.rounded(whole / share);
        let Line {
            price,
            commission,
            tax,
            ..
        } = &order.lines[place];
        let (amount, commission, tax) = (part(*price), part(*commission), part(*tax));
        let given = if order.taxes_on_top {
            amount + tax
        } else {
            amount
        };
        let [shown, kept, taxes] = [amount, commission, tax].map(|minor| coin.decimal(minor));
        if order.service {
            let mut seed = ServiceRefundSeed::new(&id, &shown).commission(&kept, &kept);
            if tax > 0 {
                seed = seed.tax(&taxes);
            }
            simulator.mirakl().add_service_refund(&order.id, seed);
        } else {
            let mut seed = RefundSeed::new(&id, &shown).commission(&kept);
            if tax > 0 {
                seed = seed.tax(&taxes);
            }
            simulator.mirakl().add_refund(&order.id, place + 1, seed);
        }
        self.refunds.push(Refund {
            id: id.clone(),
            order: at,
            given,
            commission,
            tax,
            by_hand: None,
        });
        Some(id)
    }
}

/// Whether Mirakl knows that the customer was debited.
pub fn is_debited(order: &Order, simulator: &Simulator) -> bool {
    let mirakl = simulator.mirakl();
    if order.service {
        let debit = mirakl.debit(&format!("D-{}", order.id));
        debit.is_some_and(|debit| debit["state"] == "OK")
    } else {
        let shown = mirakl.order(&order.id);
        shown.is_some_and(|shown| !shown["customer_debited_date"].is_null())
    }
}
