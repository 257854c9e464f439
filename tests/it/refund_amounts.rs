//! What comes back from sellers, to the cent: for every way in which an order can be refunded.

use chrono::TimeDelta;
use simulator::{LineSeed, OrderSeed, PaymentSeed, RefundSeed};

use crate::support::{World, eur};

/// A paid and transferred order of these lines; `cents` is what the customer paid.
async fn sold(world: &World, order: OrderSeed, basket: &str, currency: &str, minor: i64) {
    let payment = PaymentSeed::new(minor, currency).basket(basket);
    let payment = world.sim.stripe().pay(payment);
    world
        .mirakl
        .put(order.transaction(payment.intent.as_deref().unwrap()));
    world.transfer().await.exits(0);
}

fn refund(id: &str, amount: &str, commission: &str) -> RefundSeed {
    RefundSeed::new(id, amount).commission(commission)
}

#[tokio::test]
async fn several_refunds_on_one_line_and_on_several_lines_are_each_taken_back_to_the_cent() {
    let world = World::with_refunds().await;
    let order = OrderSeed::new("C1-A", "C1", 2000)
        .line(LineSeed::new("20.00").shipping("2.50").commission("2.25"))
        .line(LineSeed::new("9.99").commission("1.11"));
    sold(&world, order, "C1", "eur", 3249).await;
    assert_eq!(world.moved("C1-A"), [2913]);
    world
        .mirakl
        .add_refund("C1-A", 1, refund("1", "5.01", "0.57").shipping("0.49"));
    world
        .mirakl
        .add_refund("C1-A", 1, refund("2", "0.01", "0.00"));
    world
        .mirakl
        .add_refund("C1-A", 2, refund("3", "9.99", "1.11"));
    world.refund().await.exits(0);
    world.refunded_once("1", 550, &[493]).await;
    world.refunded_once("2", 1, &[1]).await;
    world.refunded_once("3", 999, &[888]).await;
}

#[tokio::test]
async fn an_order_refunded_in_parts_until_nothing_is_left_gives_back_exactly_what_was_transferred()
{
    let world = World::with_refunds().await;
    world.sold("C1-A", "10.00", "1.00", 1000).await;
    for (id, amount, commission) in [
        ("1", "3.33", "0.33"),
        ("2", "3.33", "0.34"),
        ("3", "3.34", "0.33"),
    ] {
        world.asks("C1-A", id, amount, commission);
        world.refund().await.exits(0);
    }
    let back: i64 = ["1", "2", "3"]
        .iter()
        .flat_map(|id| world.taken_back(id))
        .sum();
    assert_eq!(back, 900);
    assert_eq!(world.moved("C1-A"), [900]);
}

#[tokio::test]
async fn never_more_than_was_transferred_comes_back_and_the_shortfall_is_listed() {
    let world = World::with_refunds().await;
    world.sold("C1-A", "10.00", "1.00", 1000).await;
    // The operator keeps its commission: the parts add up to more than the seller got.
    world.asks("C1-A", "1", "6.00", "0.00");
    world.asks("C1-A", "2", "3.50", "0.00");
    world.refund().await.exits(0);
    world.refunded_once("1", 600, &[600]).await;
    world.refunded_once("2", 350, &[300]).await;
    let row = world.refund_row("2").await;
    assert_eq!(row["reversals"][0]["wanted"], 350);
    assert_eq!(row["reversals"][0]["shortfall"], 50);
    let table = world.run(&["list", "refunds"]).await.exits(0);
    assert!(
        table.stdout.contains("0.50 EUR could not be"),
        "{}",
        table.stdout
    );
    // Nothing at all is left for the next.
    world.asks("C1-A", "3", "0.50", "0.00");
    world.refund().await.exits(0);
    let row = world
        .refund_stands("3", "REFUND_CREATED", "REVERSE", "nothing_left")
        .await;
    assert_eq!(row["reversals"][0]["shortfall"], 50);
    assert_eq!(world.taken_back("3"), [] as [i64; 0]);
}

#[tokio::test]
async fn what_somebody_took_back_by_hand_cuts_the_reversal_to_what_is_left() {
    let mut world = World::with_refunds().await;
    world.sold("C1-A", "10.00", "1.00", 1000).await;
    let transfer = world.sim.stripe().transfers_for("C1-A")[0].id.clone();
    world.sim.stripe().reverse(&transfer, 700);
    world.asks("C1-A", "1", "5.00", "0.50");
    world.refund().await.exits(0);
    world.pass(TimeDelta::minutes(5));
    world.refund().await.exits(0);
    world.refunded_once("1", 500, &[200]).await;
    assert_eq!(
        world.refund_row("1").await["reversals"][0]["shortfall"],
        250
    );
    // All of it: nothing is left, and the refund is done all the same.
    world.asks("C1-A", "2", "1.00", "0.10");
    world.refund().await.exits(0);
    world.pass(TimeDelta::minutes(5));
    world.refund().await.exits(0);
    world
        .refund_stands("2", "REFUND_CREATED", "REVERSE", "nothing_left")
        .await;
}

#[tokio::test]
async fn taxes_on_top_and_taxes_in_the_price_come_back_with_their_refund() {
    for (mode, paid, transferred, given, back) in [
        // 20.00 + 4.00 of taxes on top: 24.00 - 2.00.
        ("TAX_EXCLUDED", 2400, 2200, 600, 550),
        // The same taxes in the price.
        ("TAX_INCLUDED", 2000, 1800, 500, 450),
    ] {
        let world = World::with_refunds().await;
        let line = LineSeed::new("20.00")
            .commission("2.00")
            .tax("3.00")
            .tax("1.00");
        let order = OrderSeed::new("C1-A", "C1", 2000).tax_mode(mode).line(line);
        sold(&world, order, "C1", "eur", paid).await;
        assert_eq!(world.moved("C1-A"), [transferred], "{mode}");
        world.mirakl.add_refund(
            "C1-A",
            1,
            refund("1", "5.00", "0.50").tax("0.75").tax("0.25"),
        );
        world.refund().await.exits(0);
        world.refunded_once("1", given, &[back]).await;
    }
}

#[tokio::test]
async fn parts_that_are_not_payable_to_the_shop_were_never_its_to_give_back() {
    let world = World::with_refunds().await;
    let line = LineSeed::new("20.00")
        .commission("2.00")
        .part_not_payable("4.00");
    let order = OrderSeed::new("C1-A", "C1", 2000).line(line);
    sold(&world, order, "C1", "eur", 2000).await;
    assert_eq!(world.moved("C1-A"), [1400]);
    world.mirakl.add_refund(
        "C1-A",
        1,
        refund("1", "10.00", "1.00").part_not_payable("2.00"),
    );
    world.mirakl.add_refund(
        "C1-A",
        1,
        refund("2", "10.00", "1.00").part_not_payable("9.00"),
    );
    world.refund().await.exits(0);
    world.refunded_once("1", 1000, &[700]).await;
    // The seller bears nothing of it.
    world.refunded_once("2", 1000, &[]).await;
    world
        .refund_stands("2", "REFUND_CREATED", "REVERSE", "seller_bears_nothing")
        .await;
}

#[tokio::test]
async fn every_currency_has_its_own_smallest_unit() {
    for (currency, price, commission, paid, part, fee, given, back) in [
        ("JPY", "500", "50", 500, "120", "12", 120, 108),
        (
            "KWD", "12.500", "1.250", 12_500, "1.230", "0.120", 1230, 1110,
        ),
        (
            "HUF", "1000.00", "100.00", 100_000, "10.50", "1.05", 1050, 945,
        ),
    ] {
        let world = World::with_refunds().await;
        let line = LineSeed::new(price).commission(commission);
        let order = OrderSeed::new("C1-A", "C1", 2000)
            .currency(currency)
            .line(line);
        sold(&world, order, "C1", &currency.to_lowercase(), paid).await;
        world.mirakl.add_refund("C1-A", 1, refund("1", part, fee));
        world.refund().await.exits(0);
        world.refunded_once("1", given, &[back]).await;
        assert_eq!(world.refund_row("1").await["currency"], currency);
    }
}

#[tokio::test]
async fn two_orders_of_one_basket_give_back_each_its_own() {
    let world = World::with_refunds().await;
    world.shop(2001).await;
    world.paid(eur("B1-A", 2000, "10.00", "1.00"), "B1", 3000);
    let intent = world.mirakl.order("B1-A").unwrap()["transaction_number"].clone();
    let second = eur("B1-B", 2001, "20.00", "3.00").transaction(intent.as_str().unwrap());
    world.mirakl.put(second);
    world.transfer().await.exits(0);
    world.asks("B1-A", "1", "10.00", "1.00");
    world.asks("B1-B", "2", "2.00", "0.30");
    world.refund().await.exits(0);
    world.refunded_once("1", 1000, &[900]).await;
    world.refunded_once("2", 200, &[170]).await;
    assert_eq!(world.sim.stripe().balance("acct_shop2000", "eur"), 0);
    assert_eq!(world.sim.stripe().balance("acct_shop2001", "eur"), 1530);
}
