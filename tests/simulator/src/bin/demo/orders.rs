//! The orders of the demo, the same every time: most are to be transferred, many are not.

use super::market::{Market, Named, debited_after};
use super::sale::{Item, Sale};
use super::shops::{BLOCKED, OWN_TEXT, READY};

/// Orders that are paid and accepted, by shops that can be paid.
const ORDINARY: usize = 140;

/// Fills the marketplace.
pub fn fill(market: &mut Market) {
    let mut sold = 0;
    for number in 0_i64.. {
        if sold >= ORDINARY {
            break;
        }
        sold += ordinary_basket(market, number, ORDINARY - sold);
    }
    super::oddities::add(market);
    for shop in [BLOCKED, OWN_TEXT] {
        for _ in 0..5 {
            let (basket, at) = market.basket();
            let sale = Sale::plain(&basket, shop);
            let paid = market.pay(&sale, at, |payment| payment);
            let sale = sale.but(|order| order.debited_at(Some(debited_after(at))));
            market.show(sale, at, paid.intent.as_deref());
        }
    }
}

/// One payment for the orders of one to three shops; how many orders that made.
fn ordinary_basket(market: &mut Market, number: i64, most: usize) -> usize {
    let currency = match number % 10 {
        3 | 6 | 9 => "USD",
        5 => "JPY",
        8 => "KWD",
        _ => "EUR",
    };
    let shops = match number % 10 {
        1 | 4 => 2,
        7 => 3,
        _ => 1,
    };
    let named = match number % 4 {
        0 | 2 => Named::Intent,
        1 => Named::Charge,
        _ => Named::Basket,
    };
    let (basket, at) = market.basket();
    let sales: Vec<Sale> = (0..shops)
        .zip(["A", "B", "C"])
        .take(most)
        .map(|(place, letter)| {
            let id = format!("{basket}-{letter}");
            let shop = READY.start + (number + place) % (READY.end - READY.start);
            let state = match (number + place) % 4 {
                0 => "SHIPPING",
                1 => "SHIPPED",
                2 => "RECEIVED",
                _ => "CLOSED",
            };
            let sale = Sale::new(&id, &basket, shop, currency);
            let sale = if number % 3 == 1 {
                sale.taxes_on_top()
            } else {
                sale
            };
            lines(sale, number, place).but(|order| {
                let order = match number % 5 {
                    2 => order.workflow("PAY_ON_SHIPMENT"),
                    _ => order,
                };
                order.state(state).debited_at(Some(debited_after(at)))
            })
        })
        .collect();
    let made = sales.len();
    market.sell(&basket, at, sales, named);
    made
}

/// One to three lines; some refused, some with a part that the shop does not get.
fn lines(sale: Sale, number: i64, place: i64) -> Sale {
    let more = (number + place) % 3;
    let cents = 1990 + number * 737 % 9000 + place * 111;
    let first = Item::about(cents, sale.currency);
    let withheld = if number % 6 == 4 { first.shipping } else { 0 };
    (1..=more).fold(sale.item(Item { withheld, ..first }), |sale, line| {
        let item = Item::about(cents / (line + 2), sale.currency);
        let refused = number % 7 == 2 && line == 1;
        sale.item(Item { refused, ..item })
    })
}
