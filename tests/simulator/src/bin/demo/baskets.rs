//! Eight baskets that customers have paid, each of another kind, and what is due of them.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use simulator::{DebitSeed, LineSeed, OrderSeed, PaymentSeed, ServiceSeed, Simulator};

use super::shops::{READY, SERVICE};
use crate::common::Result;
use crate::common::captures::Due;

/// The basket whose first card was declined; the checkout called that payment off.
const DECLINED: &str = "C907";
/// The basket with a product and a service, and what the service costs.
pub const MIXED: (&str, &str) = ("C908", "32.00");
/// The order of that service.
pub const SERVICE_ORDER: &str = "C908-S";

/// What is to become of the baskets.
#[derive(Default)]
pub struct Books {
    /// Each basket in words.
    pub stories: BTreeMap<&'static str, &'static str>,
    /// Of each payment.
    pub due: BTreeMap<String, Due>,
    /// What Mirakl is to be told of, and by which payment, in order.
    pub told: Vec<(String, String)>,
    /// The orders of products.
    pub orders: Vec<String>,
}

/// A basket as it is sold.
struct Basket {
    id: &'static str,
    story: &'static str,
    paid: (i64, &'static str),
    due: Due,
    /// Of each shop.
    lines: Vec<Vec<LineSeed>>,
}

impl Basket {
    /// Of one order, to be captured whole unless told otherwise.
    fn new(id: &'static str, story: &'static str, paid: i64, lines: Vec<LineSeed>) -> Self {
        Self {
            id,
            story,
            paid: (paid, "eur"),
            due: Due::captured(paid),
            lines: vec![lines],
        }
    }

    /// Waits for this reason.
    fn held(mut self, code: &'static str) -> Self {
        self.due = Due {
            status: "CAPTURE_ON_HOLD",
            action: None,
            captured: 0,
            code: Some(code),
        };
        self
    }
}

fn all() -> [Basket; 8] {
    let line = LineSeed::new;
    let refused = |price| line(price).state("REFUSED");
    [
        Basket {
            lines: vec![vec![line("49.90")], vec![line("30.10")]],
            ..Basket::new("C901", "two orders, accepted", 8000, Vec::new())
        },
        Basket {
            due: Due::captured(6000),
            ..Basket::new(
                "C902",
                "a line refused",
                7550,
                vec![line("60.00"), refused("15.50")],
            )
        },
        Basket {
            due: Due::captured(3600),
            ..Basket::new(
                "C903",
                "a part cancelled",
                4800,
                vec![line("36.00").canceled_part("12.00", "0.00")],
            )
        },
        Basket {
            due: Due {
                action: Some("CANCEL"),
                ..Due::captured(0)
            },
            ..Basket::new("C904", "all refused", 2500, vec![refused("25.00")])
        },
        Basket {
            paid: (4000, "usd"),
            ..Basket::new("C905", "paid in dollars", 4000, vec![line("40.00")])
        }
        .held("other_currency"),
        Basket::new("C906", "paid too little", 2000, vec![line("29.99")]).held("covers_less"),
        Basket::new(DECLINED, "first card declined", 5500, vec![line("55.00")]),
        Basket::new(
            MIXED.0,
            "product and service",
            5000,
            vec![line("18.00").tax("3.00").commission("2.16")],
        ),
    ]
}

/// Lets the customers pay and the sellers decide.
pub fn open(simulator: &Simulator) -> Result<Books> {
    let (mirakl, stripe) = (simulator.mirakl(), simulator.stripe());
    let at = simulator.clock().now() - TimeDelta::hours(6);
    let mut books = Books::default();
    for basket in all() {
        let (amount, currency) = basket.paid;
        let seed = PaymentSeed::new(amount, currency).basket(basket.id);
        if basket.id == DECLINED {
            let first = seed.clone().failed();
            let first = stripe.pay(first.created_at(at - TimeDelta::minutes(1)));
            // As long as it stands open, another card could still pay it.
            stripe.cancel(&first.charge);
        }
        let paid = stripe.pay(seed.authorized().created_at(at));
        let payment = paid.intent.ok_or("a payment has no intent")?;
        let is_refused = basket.due.action == Some("CANCEL");
        for ((letter, shop), lines) in ["A", "B"].into_iter().zip(READY).zip(basket.lines) {
            let id = format!("{}-{letter}", basket.id);
            let order = OrderSeed::new(&id, basket.id, shop);
            let order = lines.into_iter().fold(order, OrderSeed::line);
            let order = match is_refused {
                true => order.state("REFUSED").unpaid(),
                false => order.waiting_debit(),
            };
            mirakl.put(order.created_at(at));
            if basket.due.captured > 0 {
                books.told.push((id.clone(), payment.clone()));
            }
            books.orders.push(id);
        }
        if basket.id == MIXED.0 {
            let id = SERVICE_ORDER.to_owned();
            // Taxes come on top: 32.00 in all.
            let service = ServiceSeed::new(&id, basket.id, SERVICE).price("26.67");
            let service = service.price_tax("5.33").commission("3.20", "3.84");
            mirakl.put_service(service.created_at(at));
            mirakl.put_debit(DebitSeed::new(&format!("{id}-1"), &id, MIXED.1).created_at(at));
            books.told.push((id, payment.clone()));
        }
        books.stories.insert(basket.id, basket.story);
        books.due.insert(payment, basket.due);
    }
    Ok(books)
}
