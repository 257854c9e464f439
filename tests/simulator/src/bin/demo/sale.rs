//! One order as it is sold: what Mirakl shows of it, and what it comes to in minor units.

use simulator::{LineSeed, OrderSeed};

use super::money::{major, step};

/// An order with its customer's and its seller's amounts.
pub struct Sale {
    /// Its id on Mirakl.
    pub id: String,
    /// The id of the basket.
    pub basket: String,
    /// Upper case.
    pub currency: &'static str,
    /// What the customer owes for it, in minor units.
    pub customer: i64,
    /// What the seller gets of it, in minor units.
    pub seller: i64,
    /// As Mirakl shows it.
    pub order: OrderSeed,
    taxes_on_top: bool,
}

/// A line, in minor units.
#[derive(Clone, Copy, Default)]
pub struct Item {
    /// Without shipping.
    pub price: i64,
    /// Of the parcel.
    pub shipping: i64,
    /// The operator's, with its taxes.
    pub commission: i64,
    /// On the price.
    pub tax: i64,
    /// The part of the price that is not payable to the shop.
    pub withheld: i64,
    /// Refused by the seller: it counts for nothing.
    pub refused: bool,
}

impl Item {
    /// A line at about this price, with shipping, a commission of an eighth and a fifth of taxes.
    pub fn about(cents: i64, currency: &str) -> Self {
        let units = match currency {
            "KWD" => cents * 10,
            _ => cents,
        };
        let part = |of: i64| units / of / step(currency) * step(currency);
        Self {
            price: units,
            shipping: part(9),
            commission: part(8),
            tax: part(5),
            ..Self::default()
        }
    }
}

impl Sale {
    /// An order of a basket, sold by a shop, without lines yet.
    pub fn new(id: &str, basket: &str, shop: i64, currency: &'static str) -> Self {
        Self {
            id: id.to_owned(),
            basket: basket.to_owned(),
            currency,
            customer: 0,
            seller: 0,
            order: OrderSeed::new(id, basket, shop).currency(currency),
            taxes_on_top: false,
        }
    }

    /// An order of one line, about 40 euros.
    pub fn plain(basket: &str, shop: i64) -> Self {
        Self::new(&format!("{basket}-A"), basket, shop, "EUR").item(Item::about(4000, "EUR"))
    }

    /// The taxes of the lines that follow come on top of their prices.
    #[must_use]
    pub fn taxes_on_top(mut self) -> Self {
        self.taxes_on_top = true;
        self.but(|order| order.tax_mode("TAX_EXCLUDED"))
    }

    /// Adds a line.
    #[must_use]
    pub fn item(mut self, item: Item) -> Self {
        if !item.refused {
            let tax = if self.taxes_on_top { item.tax } else { 0 };
            let customer = item.price + item.shipping + tax;
            self.customer += customer;
            self.seller += customer - item.commission - item.withheld;
        }
        let show = |minor| major(minor, self.currency);
        let mut line = LineSeed::new(&show(item.price))
            .shipping(&show(item.shipping))
            .commission(&show(item.commission))
            .tax(&show(item.tax));
        if item.withheld > 0 {
            line = line.part_not_payable(&show(item.withheld));
        }
        if item.refused {
            line = line.state("REFUSED");
        }
        self.but(|order| order.line(line))
    }

    /// Changes what Mirakl shows.
    #[must_use]
    pub fn but(mut self, change: impl FnOnce(OrderSeed) -> OrderSeed) -> Self {
        self.order = change(self.order);
        self
    }
}
