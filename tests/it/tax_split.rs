//! Taxes go to an account of their own, and the seller's part is less by exactly that.

use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{LineSeed, OrderSeed, PaymentSeed, ServiceSeed, TransferSeed};

use crate::support::{
    Finished, Row, SPLIT, TAX_ACCOUNT, WHOLE, World, eur, refuse_taxes, service, taxed,
    taxed_and_paid,
};

async fn listed(world: &World) -> Vec<Value> {
    let arguments = ["list", "transfers", "--output", "json"];
    let listed = world.run(&arguments).await.exits(0).json();
    listed.as_array().unwrap().clone()
}

#[tokio::test]
async fn goods_and_services_are_split_to_the_cent_in_either_tax_mode() {
    let world = World::with_taxes().await;
    taxed_and_paid(&world, "IN-A");
    let line = LineSeed::new("30.00").shipping("3.30").commission("4.00");
    let ended = LineSeed::new("9.00").tax("1.00").state("REFUSED");
    let on_top = OrderSeed::new("ON-A", "ON", 2001)
        .line(line.tax("5.01").tax("0.99").shipping_tax("0.66"))
        .line(ended)
        .tax_mode("TAX_EXCLUDED");
    world.paid(on_top, "ON", 3996);
    let order = service("S1-S", 2001, "20.00", "3.33").price_tax("4.00");
    let order = order.option("5.00").option_tax("1.01");
    world.paid_service(order, "30.01", 3001);
    world.paid(eur("NO-A", 2000, "10.00", "1.00"), "NO", 1000);
    world.transfer().await.exits(0).says("7 created");
    world
        .moved_in_parts(&[
            ("IN-A", SPLIT),
            ("ON-A", &[("acct_shop2001", 2930), (TAX_ACCOUNT, 666)]),
            ("S1-S", &[("acct_shop2001", 2167), (TAX_ACCOUNT, 501)]),
            ("NO-A", WHOLE),
        ])
        .await;
    let sources = |id: &str| {
        let transfers = world.sim.stripe().transfers_for(id).into_iter();
        transfers.map(|t| t.source_transaction).collect::<Vec<_>>()
    };
    assert_eq!(
        sources("IN-A")[0],
        sources("IN-A")[1],
        "out of the same charge"
    );
    let rows = listed(&world).await;
    let row = |kind: &str| {
        let mut rows = rows.iter();
        rows.find(|row| row["miraklId"] == "IN-A" && row["type"] == kind)
            .unwrap()
    };
    assert_eq!(
        row("TRANSFER_ORDER")["amountExplained"],
        "total 10.00 - commission 1.00 - taxes 2.00 to the tax account = 7.00 EUR"
    );
    assert_eq!(
        row("TRANSFER_TAX")["amountExplained"],
        "taxes of the order = 2.00 EUR"
    );
    assert_eq!(row("TRANSFER_TAX")["miraklShopId"], 2000);
    let table = world
        .run(&["list", "transfers", "--id", "IN-A"])
        .await
        .exits(0);
    table.says("PRODUCT_ORDER_TAX").says("PRODUCT_ORDER ");
    let run = world.transfer().await.exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
}

#[tokio::test]
async fn yen_and_dinars_are_split_in_their_own_units() {
    let world = World::with_taxes().await;
    for (id, currency, price, commission, tax, minor) in [
        ("J1-A", "JPY", "500", "45", "33", 500),
        ("K1-A", "KWD", "12.340", "1.230", "0.560", 12_340),
        ("K2-A", "KWD", "12.340", "1.230", "0.565", 12_340),
    ] {
        let basket = &id[..2];
        let seed = PaymentSeed::new(minor, &currency.to_lowercase()).basket(basket);
        let intent = world.sim.stripe().pay(seed).intent.unwrap();
        let line = LineSeed::new(price).commission(commission).tax(tax);
        let order = OrderSeed::new(id, basket, 2000)
            .currency(currency)
            .line(line);
        world.mirakl.put(order.transaction(&intent));
    }
    let seed = PaymentSeed::new(900, "jpy").basket("J2");
    let intent = world.sim.stripe().pay(seed).intent.unwrap();
    let order = ServiceSeed::new("J2-S", "J2", 2001)
        .currency("JPY")
        .price("800");
    world
        .mirakl
        .put_service(order.price_tax("100").commission("90", "99"));
    world.debit("J2-S", "900", &intent);
    world.transfer().await.exits(0).says("6 created, 2 waiting");
    world
        .moved_in_parts(&[
            ("J1-A", &[("acct_shop2000", 422), (TAX_ACCOUNT, 33)]),
            ("K1-A", &[("acct_shop2000", 10_550), (TAX_ACCOUNT, 560)]),
            ("J2-S", &[("acct_shop2001", 701), (TAX_ACCOUNT, 100)]),
        ])
        .await;
    world
        .stands("K2-A", "TRANSFER_ON_HOLD", "inexact_amount")
        .await;
    world
        .taxes_stand("K2-A", "TRANSFER_ON_HOLD", "inexact_amount")
        .await;
}

#[tokio::test]
async fn where_it_cannot_be_told_which_taxes_are_meant_both_parts_wait() {
    let mut world = World::with_taxes().await;
    let line = || LineSeed::new("10.00").commission("1.00").tax("2.00");
    let order = |id: &str| OrderSeed::new(id, &id[..2], 2000);
    let withheld = order("P1-A").line(line().part_not_payable("2.00"));
    world.paid(withheld, "P1", 1000);
    let whole = order("O1-A").line(line()).order_tax("1.50");
    world.paid(whole, "O1", 1000);
    let several = service("M1-S", 2001, "20.00", "2.00").without("/price/amount");
    world.paid_service(several, "20.00", 2000);
    world.transfer().await.exits(0).says("0 created, 6 waiting");
    for id in ["P1-A", "O1-A", "M1-S"] {
        let row = world.stands(id, "TRANSFER_ON_HOLD", "cannot_add_up").await;
        assert!(row.reason.contains("cannot be split off"), "{row:?}");
        world
            .taxes_stand(id, "TRANSFER_ON_HOLD", "cannot_add_up")
            .await;
    }
    // Without the split nothing of this matters.
    world.set("ENABLE_PAYMENT_TAX_SPLIT", "false");
    world.pass(TimeDelta::minutes(6));
    world
        .transfer()
        .await
        .exits(0)
        .says("3 created, 0 waiting, 0 failed, 3 aborted");
    world
        .moved_in_parts(&[
            ("P1-A", &[("acct_shop2000", 700)]),
            ("O1-A", WHOLE),
            ("M1-S", &[("acct_shop2001", 1800)]),
        ])
        .await;
}

#[tokio::test]
async fn what_an_order_waits_or_ends_for_holds_or_ends_both_parts() {
    let mut world = World::with_taxes().await;
    world.paid(taxed("NEW-A").state("WAITING_ACCEPTANCE"), "NEW", 1000);
    world.paid(taxed("END-A").state("CANCELED"), "END", 1000);
    let long_ago = world.sim.clock().now() - TimeDelta::days(40);
    world.paid(taxed("OLD-A").debited_at(Some(long_ago)), "OLD", 1000);
    let no_account = |id: &str, shop| {
        let line = LineSeed::new("10.00").commission("1.00").tax("2.00");
        OrderSeed::new(id, &id[..2], shop).line(line)
    };
    world.paid(no_account("N1-A", 2005), "N1", 1000);
    let taxes_only = LineSeed::new("10.00").commission("9.00").tax("2.00");
    world.paid(
        OrderSeed::new("T1-A", "T1", 2000).line(taxes_only),
        "T1",
        1000,
    );
    world.transfer().await.exits(0);
    for (id, status, code) in [
        ("NEW-A", "TRANSFER_ON_HOLD", "not_accepted"),
        ("OLD-A", "TRANSFER_IGNORED", "before_start"),
        ("N1-A", "TRANSFER_ON_HOLD", "no_account"),
    ] {
        world.stands(id, status, code).await;
        world.taxes_stand(id, status, code).await;
    }
    world
        .stands("T1-A", "TRANSFER_ABORTED", "nothing_to_transfer")
        .await;
    // Lines that were cancelled owe no taxes.
    world
        .stands("END-A", "TRANSFER_ABORTED", "order_ended")
        .await;
    assert!(!world.tax_rows().await.contains_key("END-A"));
    world
        .moved_in_parts(&[("T1-A", &[(TAX_ACCOUNT, 200)])])
        .await;
    // Once the seller has an account both parts go at once, and by one look at the order.
    world.shop(2005).await;
    world.pass(TimeDelta::minutes(6));
    world.sim.clear_calls();
    world.transfer().await.exits(0).says("2 created");
    let calls = world.sim.calls();
    let by_id = calls
        .iter()
        .filter(|call| call.path_and_query.contains("order_ids="));
    for call in by_id {
        assert_eq!(call.path_and_query.matches("N1-A").count(), 1, "{call:?}");
    }
    world
        .moved_in_parts(&[
            ("T1-A", &[(TAX_ACCOUNT, 200)]),
            ("N1-A", &[("acct_shop2005", 700), (TAX_ACCOUNT, 200)]),
        ])
        .await;
}

#[tokio::test]
async fn taxes_that_stripe_refuses_are_told_and_tried_again_by_themselves() {
    let mut world = World::with_taxes().await;
    let receiver = simulator::Receiver::start().await.unwrap();
    world.set("OPERATOR_NOTIFICATION_URL", &receiver.url());
    for id in ["C1-A", "C2-A"] {
        taxed_and_paid(&world, id);
    }
    refuse_taxes(&world);
    world
        .transfer()
        .await
        .exits(3)
        .says("2 created, 0 waiting, 2 failed");
    let told = world.notifications().await;
    let bodies: Vec<String> = told.iter().map(|row| row["body"].to_string()).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        bodies.iter().all(|body| body.contains("TRANSFER_TAX")),
        "{bodies:?}"
    );
    world
        .taxes_stand(
            "C1-A",
            "TRANSFER_FAILED",
            "insufficient_capabilities_for_transfer",
        )
        .await;
    world.sim.faults().clear();
    world.pass(TimeDelta::hours(25));
    world.transfer().await.exits(0).says("2 created");
    world
        .moved_in_parts(&[("C1-A", SPLIT), ("C2-A", SPLIT)])
        .await;
}

#[tokio::test]
async fn transferred_taxes_that_come_to_something_else_are_flagged() {
    let world = World::with_taxes().await;
    for id in ["C1-A", "C2-A"] {
        taxed_and_paid(&world, id);
    }
    world.transfer().await.exits(0);
    world.mirakl.update("C1-A", |order| {
        order["order_lines"][0]["taxes"][0]["amount"] = json!(1.10);
    });
    world.transfer().await.exits(0).says("has changed");
    let flag = |row: &Row| row.difference.clone().unwrap_or_default();
    let (sellers, taxes) = (world.rows().await, world.tax_rows().await);
    assert!(
        flag(&taxes["C1-A"]).contains("2.00 EUR of taxes"),
        "{taxes:?}"
    );
    assert!(flag(&taxes["C1-A"]).contains("1.50 EUR"), "{taxes:?}");
    assert!(flag(&sellers["C1-A"]).contains("7.50 EUR"), "{sellers:?}");
    assert_eq!(flag(&taxes["C2-A"]), "");
}

#[tokio::test]
async fn a_dry_run_tells_both_parts_and_their_accounts() {
    let world = World::with_taxes().await;
    taxed_and_paid(&world, "C1-A");
    let order = service("C2-S", 2001, "17.00", "2.00").price_tax("3.00");
    world.paid_service(order, "20.00", 2000);
    let run: Finished = world
        .run(&["process-transfer", "--dry-run", "--output", "json"])
        .await
        .exits(0);
    let plan = run.json();
    let mut told: Vec<(String, String, i64)> = Vec::new();
    for row in plan.as_array().unwrap() {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        assert_eq!(row["action"], "send", "{row}");
        let kind = format!(
            "{} {} {}",
            text("miraklId"),
            text("orderType"),
            text("type")
        );
        told.push((
            kind,
            text("stripeAccountId"),
            row["amount"].as_i64().unwrap(),
        ));
    }
    told.sort();
    let expected = [
        ("C1-A PRODUCT TRANSFER_ORDER", "acct_shop2000", 700),
        ("C1-A PRODUCT TRANSFER_TAX", TAX_ACCOUNT, 200),
        ("C2-S SERVICE TRANSFER_ORDER", "acct_shop2001", 1500),
        ("C2-S SERVICE TRANSFER_TAX", TAX_ACCOUNT, 300),
    ];
    let expected = expected.map(|(kind, to, amount)| (kind.to_owned(), to.to_owned(), amount));
    assert_eq!(told, expected);
    assert!(world.rows().await.is_empty());
}

#[tokio::test]
async fn a_person_names_the_transfer_of_the_part_that_the_row_is_about() {
    let mut world = World::with_taxes().await;
    for id in ["C1-A", "C2-A"] {
        taxed_and_paid(&world, id);
    }
    refuse_taxes(&world);
    world.transfer().await.exits(3);
    world.sim.faults().clear();
    let number = world.tax_rows().await["C1-A"].id.to_string();
    let seller = world.row("C1-A").await.transfer.unwrap();
    let by = |transfer: &str| {
        ["resolve", "transfer", &number, "--stripe-id", transfer].map(str::to_owned)
    };
    let run = async |arguments: [String; 5]| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        world.run(&arguments).await
    };
    run(by(&seller))
        .await
        .exits(2)
        .says("is the PRODUCT_ORDER of C1-A, not its PRODUCT_ORDER_TAX");
    let charge = world.sim.stripe().transfers_for("C1-A")[0]
        .source_transaction
        .clone();
    let by_hand = TransferSeed::new(TAX_ACCOUNT, 200, "eur").source_transaction(&charge.unwrap());
    let by_hand = world.sim.stripe().add_transfer(by_hand);
    run(by(&by_hand)).await.exits(0);
    world.pass(TimeDelta::hours(25));
    world.transfer().await.exits(0).says("1 created");
    assert_eq!(
        world.ledger("C1-A").len(),
        2,
        "the one by hand names the order from then on, and is not made again"
    );
    assert_eq!(world.ledger("C2-A").len(), 2);
}
