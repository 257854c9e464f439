//! Billing cycles close.

use crate::{InvoiceSeed, Simulator};

use super::chance::Chance;
use super::market::{Exclusion, Invoice, Market};

impl Market {
    /// Mirakl bills a seller, and wants the rest paid out.
    pub fn bill(&mut self, chance: &mut Chance, simulator: &Simulator) -> i64 {
        let shop = chance.count(0..self.shops.len());
        let coin = self.shops[shop].coin;
        let mut some = |most: i64| match chance.one_in(2) {
            true => coin.amount(chance, 50, most),
            false => 0,
        };
        let (credits, subscription, other_invoices) = (some(900), some(700), some(500));
        // Now and then more than the seller has, until more comes.
        let paid = coin.amount(chance, 1_000, 60_000);
        let id = i64::try_from(self.invoices.len()).unwrap_or_default() + 70_001;
        let seed = InvoiceSeed::new(id, self.shops[shop].id)
            .currency(coin.code())
            .transferred(&coin.decimal(paid))
            .other_credits(&coin.decimal(credits))
            .subscription(&coin.decimal(-subscription))
            .other_invoices(&coin.decimal(-other_invoices));
        simulator.mirakl().put_invoice(seed);
        self.invoices.push(Invoice {
            id,
            shop,
            credits,
            subscription,
            other_invoices,
            paid,
        });
        id
    }

    /// Whether an invoice of this shop is ever settled.
    pub fn settles(&self, invoice: &Invoice) -> bool {
        self.shops[invoice.shop].excluded != Exclusion::ForEver
    }
}
