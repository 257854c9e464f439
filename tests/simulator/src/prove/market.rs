//! The marketplace's own books: what there is, and what every movement has to come to.

use chrono::{DateTime, Utc};

use super::coin::Coin;

/// Everything that was sold, given back and billed.
#[derive(Debug, Default)]
pub struct Market {
    /// The sellers.
    pub shops: Vec<Shop>,
    /// What customers paid.
    pub baskets: Vec<Basket>,
    /// What each seller sold in a basket.
    pub orders: Vec<Order>,
    /// What customers get back.
    pub refunds: Vec<Refund>,
    /// What sellers are billed and paid out.
    pub invoices: Vec<Invoice>,
    /// Whether taxes go to an account of their own.
    pub splits_taxes: bool,
}

/// A seller.
#[derive(Debug)]
pub struct Shop {
    /// At Mirakl.
    pub id: i64,
    /// Of all it sells.
    pub coin: Coin,
    /// Whether the seller has submitted the details.
    pub submitted: bool,
    /// Whether Stripe has verified them.
    pub verified: bool,
    /// Whether, and for how long, the operator excludes it.
    pub excluded: Exclusion,
}

/// Whether, and for how long, a shop is excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exclusion {
    /// Never.
    Never,
    /// At times; whether now.
    AtTimes(bool),
    /// From its first day on.
    ForEver,
}

/// What a customer paid in one sum.
#[derive(Debug)]
pub struct Basket {
    /// The commercial order.
    pub id: String,
    /// Of everything in it.
    pub coin: Coin,
    /// At Stripe.
    pub intent: String,
    /// At Stripe.
    pub charge: String,
    /// What was authorised, in minor units.
    pub authorised: i64,
    /// Whether the checkout captured it.
    pub captured_at_once: bool,
    /// Whether somebody cancelled the payment.
    pub dead: bool,
}

/// What one seller sold in a basket.
#[derive(Debug)]
pub struct Order {
    /// The logistic order.
    pub id: String,
    /// Its basket, by place.
    pub basket: usize,
    /// Its seller, by place.
    pub shop: usize,
    /// A service, or goods.
    pub service: bool,
    /// Whether taxes come on top of prices.
    pub taxes_on_top: bool,
    /// What was sold.
    pub lines: Vec<Line>,
    /// What the seller decided.
    pub stage: Stage,
    /// When it was placed.
    pub created: DateTime<Utc>,
    /// Refunds so far.
    pub refunds: usize,
}

/// One thing sold, in minor units.
#[derive(Clone, Debug)]
pub struct Line {
    /// What it costs.
    pub price: i64,
    /// What the operator keeps.
    pub commission: i64,
    /// In the price, or on top of it.
    pub tax: i64,
    /// What of the price is not payable to the shop.
    pub withheld: i64,
    /// Whether the seller refuses it.
    pub refused: bool,
}

/// What a seller decided about an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing yet.
    Open,
    /// It will be delivered, but for the lines that are refused.
    Accepted,
    /// It will not.
    Refused,
}

/// What a customer gets back, in minor units.
#[derive(Debug)]
pub struct Refund {
    /// At Mirakl.
    pub id: String,
    /// Its order, by place.
    pub order: usize,
    /// The sum for the customer.
    pub given: i64,
    /// What of it the operator gives back of the commission.
    pub commission: i64,
    /// What of it is taxes.
    pub tax: i64,
    /// The refund at Stripe that somebody made for it in the dashboard.
    pub by_hand: Option<String>,
}

/// What a seller is billed and paid out, in minor units.
#[derive(Debug)]
pub struct Invoice {
    /// At Mirakl.
    pub id: i64,
    /// Its seller, by place.
    pub shop: usize,
    /// From the operator to the seller.
    pub credits: i64,
    /// From the seller to the operator.
    pub subscription: i64,
    /// From the seller to the operator.
    pub other_invoices: i64,
    /// To the seller's bank.
    pub paid: i64,
}

impl Order {
    /// The lines that are not refused.
    pub fn live(&self) -> impl Iterator<Item = &Line> {
        let accepted = self.stage == Stage::Accepted;
        self.lines
            .iter()
            .filter(move |line| accepted && !line.refused)
    }

    /// What a line costs the customer.
    pub fn cost(&self, line: &Line) -> i64 {
        match self.taxes_on_top {
            true => line.price + line.tax,
            false => line.price,
        }
    }

    /// What the customer is debited for.
    pub fn debited(&self) -> i64 {
        self.live().map(|line| self.cost(line)).sum()
    }

    /// Whether anything is delivered.
    pub fn is_sold(&self) -> bool {
        self.live().next().is_some()
    }
}

impl Market {
    /// The basket of an order.
    pub fn basket_of(&self, order: &Order) -> &Basket {
        &self.baskets[order.basket]
    }

    /// The seller of an order.
    pub fn shop_of(&self, order: &Order) -> &Shop {
        &self.shops[order.shop]
    }

    /// The orders of a basket.
    pub fn orders_of(&self, basket: usize) -> impl Iterator<Item = &Order> {
        self.orders
            .iter()
            .filter(move |order| order.basket == basket)
    }

    /// What is taken of a payment in the end; nothing of one that is cancelled.
    pub fn captured(&self, basket: usize) -> i64 {
        match &self.baskets[basket] {
            Basket { dead: true, .. } => 0,
            all if all.captured_at_once => all.authorised,
            _ => self.orders_of(basket).map(Order::debited).sum(),
        }
    }

    /// What the seller gets for an order.
    pub fn sellers_part(&self, order: &Order) -> i64 {
        let kept = |line: &Line| line.commission + line.withheld;
        match self.moves(order) {
            true => order.debited() - order.live().map(kept).sum::<i64>() - self.taxes_part(order),
            false => 0,
        }
    }

    /// What of an order goes to the account for taxes.
    pub fn taxes_part(&self, order: &Order) -> i64 {
        match self.splits_taxes && self.moves(order) {
            true => order.live().map(|line| line.tax).sum(),
            false => 0,
        }
    }

    /// Whether anything is ever transferred for an order.
    fn moves(&self, order: &Order) -> bool {
        order.is_sold()
            && !self.basket_of(order).dead
            && self.shop_of(order).excluded != Exclusion::ForEver
    }

    /// What of a refund comes back from the seller.
    pub fn reversed(&self, refund: &Refund) -> i64 {
        match self.moves(&self.orders[refund.order]) {
            true => refund.given - refund.commission - self.reversed_taxes(refund),
            false => 0,
        }
    }

    /// What of a refund comes back from the account for taxes.
    pub fn reversed_taxes(&self, refund: &Refund) -> i64 {
        match self.splits_taxes && self.moves(&self.orders[refund.order]) {
            true => refund.tax,
            false => 0,
        }
    }

    /// An order by its id.
    pub fn order(&self, id: &str) -> Option<&Order> {
        self.orders.iter().find(|order| order.id == id)
    }
}
