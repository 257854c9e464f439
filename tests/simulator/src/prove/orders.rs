//! Customers pay, and sellers accept or refuse.

use crate::{DebitSeed, LineSeed, Mirakl, OrderSeed, PaymentSeed, ServiceSeed, Simulator};

use super::chance::Chance;
use super::market::{Basket, Line, Market, Order, Stage};

impl Market {
    /// A customer buys of one to three sellers of one currency, and pays in one sum.
    pub fn sell(&mut self, chance: &mut Chance, simulator: &Simulator) {
        let first = chance.count(0..self.shops.len());
        let coin = self.shops[first].coin;
        let others = (0..self.shops.len()).filter(|at| self.shops[*at].coin == coin);
        let mut sellers: Vec<usize> = others.collect();
        chance.shuffle(&mut sellers);
        sellers.truncate(chance.count(1..4));
        let number = self.baskets.len();
        let id = format!("C{:04}", number + 1);
        let captured_at_once = chance.one_in(4);
        let now = simulator.clock().now();
        let at = self.orders.len();
        for (shop, letter) in sellers.into_iter().zip('A'..) {
            let service = chance.one_in(4);
            let taxes_on_top = service || chance.one_in(2);
            let stage = match captured_at_once || chance.one_in(2) {
                true => Stage::Accepted,
                false => Stage::Open,
            };
            let lines = if service { 1 } else { chance.count(1..3) };
            let lines = (0..lines).map(|at| {
                let price = coin.amount(chance, 200, 9_000);
                let withheld = price / 12 / coin.step() * coin.step();
                let withholds = !self.splits_taxes && !service && chance.one_in(8);
                Line {
                    price,
                    commission: coin.rounded(price / chance.of(8..20)),
                    tax: if chance.one_in(2) {
                        coin.rounded(price / 6)
                    } else {
                        0
                    },
                    withheld: if withholds { withheld } else { 0 },
                    // Of what is captured at once nothing is refused any more.
                    refused: at == 1 && !captured_at_once && chance.one_in(2),
                }
            });
            self.orders.push(Order {
                id: format!("{id}-{letter}"),
                basket: number,
                shop,
                service,
                taxes_on_top,
                lines: lines.collect(),
                stage,
                created: now,
                refunds: 0,
            });
        }
        let placed = &self.orders[at..];
        let whole = |order: &Order| order.lines.iter().map(|line| order.cost(line)).sum::<i64>();
        let authorised = placed.iter().map(whole).sum();
        let mut seed = PaymentSeed::new(authorised, &coin.lower()).basket(&id);
        if !captured_at_once {
            // Longer than any story: what ends by itself is another story.
            let end = now + chrono::TimeDelta::days(90);
            seed = seed.authorized().capture_before(end);
        }
        let payment = simulator.stripe().pay(seed);
        self.baskets.push(Basket {
            id,
            coin,
            intent: payment.intent.unwrap_or_default(),
            charge: payment.charge,
            authorised,
            captured_at_once,
            dead: false,
        });
        for order in &self.orders[at..] {
            self.put(order, simulator.mirakl());
        }
    }

    /// A seller decides about an order.
    pub fn decide(&mut self, chance: &mut Chance, simulator: &Simulator) -> Option<String> {
        let open = self.orders.iter().enumerate();
        let open = open.filter(|(_, order)| order.stage == Stage::Open);
        let at = chance.find(open.map(|(at, _)| at).collect())?;
        let stage = match chance.one_in(5) {
            true => Stage::Refused,
            false => Stage::Accepted,
        };
        self.settle_order(at, stage, simulator.mirakl());
        Some(self.orders[at].id.clone())
    }

    /// Every seller has decided.
    pub fn settle_orders(&mut self, simulator: &Simulator) {
        for at in 0..self.orders.len() {
            if self.orders[at].stage == Stage::Open {
                self.settle_order(at, Stage::Accepted, simulator.mirakl());
            }
        }
    }

    fn settle_order(&mut self, at: usize, stage: Stage, mirakl: &Mirakl) {
        self.orders[at].stage = stage;
        self.put(&self.orders[at], mirakl);
    }

    /// Shows an order as its seller's decision makes it.
    fn put(&self, order: &Order, mirakl: &Mirakl) {
        match order.service {
            true => self.put_service(order, mirakl),
            false => self.put_goods(order, mirakl),
        }
    }

    fn put_goods(&self, order: &Order, mirakl: &Mirakl) {
        let basket = self.basket_of(order);
        let coin = basket.coin;
        let mut seed = OrderSeed::new(&order.id, &basket.id, self.shop_of(order).id)
            .currency(coin.code())
            .created_at(order.created);
        seed = match order.stage {
            Stage::Open => seed.state("WAITING_ACCEPTANCE").unpaid(),
            Stage::Refused => seed.state("REFUSED").unpaid(),
            Stage::Accepted if basket.captured_at_once => seed.transaction(&basket.intent),
            Stage::Accepted => seed.waiting_debit(),
        };
        if order.taxes_on_top {
            seed = seed.tax_mode("TAX_EXCLUDED");
        }
        for line in &order.lines {
            let mut shown = LineSeed::new(&coin.decimal(line.price));
            shown = shown.commission(&coin.decimal(line.commission));
            if line.tax > 0 {
                shown = shown.tax(&coin.decimal(line.tax));
            }
            if line.withheld > 0 {
                shown = shown.part_not_payable(&coin.decimal(line.withheld));
            }
            if line.refused && order.stage == Stage::Accepted {
                shown = shown.state("REFUSED");
            }
            seed = seed.line(shown);
        }
        mirakl.put(seed);
    }

    fn put_service(&self, order: &Order, mirakl: &Mirakl) {
        let basket = self.basket_of(order);
        let coin = basket.coin;
        let state = match order.stage {
            Stage::Open => "WAITING_ACCEPTANCE",
            Stage::Refused => "ORDER_REFUSED",
            Stage::Accepted => "ORDER_ACCEPTED",
        };
        let line = &order.lines[0];
        let commission = coin.decimal(line.commission);
        let mut seed = ServiceSeed::new(&order.id, &basket.id, self.shop_of(order).id)
            .currency(coin.code())
            .created_at(order.created)
            .state(state)
            .price(&coin.decimal(line.price))
            .commission(&commission, &commission);
        if line.tax > 0 {
            seed = seed.price_tax(&coin.decimal(line.tax));
        }
        mirakl.put_service(seed);
        if order.stage == Stage::Accepted {
            let debited = coin.decimal(order.debited());
            let mut debit = DebitSeed::new(&format!("D-{}", order.id), &order.id, &debited);
            if basket.captured_at_once {
                debit = debit.state("OK").transaction(&basket.intent);
            }
            mirakl.put_debit(debit);
        }
    }
}
