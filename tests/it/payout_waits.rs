//! What stands in the way of a payout, in which order payouts leave, and what becomes of them at the bank.

use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{Effect, Fault, InvoiceSeed, Receiver};

use crate::support::World;

const PAY: &str = "POST /v1/payouts";
const MOVE: &str = "POST /v1/transfers";

fn plain(id: i64, shop: i64, amount: &str) -> InvoiceSeed {
    InvoiceSeed::new(id, shop).transferred(amount)
}

async fn told(world: &mut World) -> Receiver {
    let server = Receiver::start().await.unwrap();
    world.set("OPERATOR_NOTIFICATION_URL", &server.url());
    server
}

fn refusal(code: &str) -> Effect {
    Effect::Refusal {
        status: 400,
        code: Some(code.to_owned()),
        param: None,
        message: "ask support".to_owned(),
    }
}

#[tokio::test]
async fn a_seller_whose_payouts_are_disabled_waits_and_is_paid_when_the_account_changes() {
    let mut world = World::with_sellers(2).await;
    world.new_shops([2000, 2001]);
    world
        .sim
        .stripe()
        .set_payouts_enabled("acct_shop2000", false);
    world.sync().await;
    for (id, shop) in [(1, 2000), (2, 2001)] {
        world.mirakl.put_invoice(plain(id, shop, "10.00"));
    }
    world.payout().await.exits(0);
    world
        .payout_stands(1, "PAYOUT_ON_HOLD", "payouts_disabled")
        .await;
    assert_eq!(world.paid_out(2), [1000]);
    // Hours of waiting: the next look is far away.
    for hours in [1, 2, 4, 6] {
        world.pass(TimeDelta::hours(hours));
        world.payout().await.exits(0);
    }
    world
        .sim
        .stripe()
        .set_payouts_enabled("acct_shop2000", true);
    world.pass(TimeDelta::minutes(1));
    world.sync().await;
    world.sim.clear_calls();
    world.payout().await.exits(0);
    assert_eq!(world.paid_out(1), [1000]);
    let calls = world.sim.calls().into_iter();
    let mut listed = calls.filter(|call| call.endpoint == "GET /api/invoices");
    assert!(
        listed.all(|call| call.path_and_query.contains("invoice_id=")),
        "what waits is read by its id"
    );
}

#[tokio::test]
async fn invoices_of_one_seller_are_paid_in_order_of_date_and_charges_come_first() {
    let mut world = World::with_sellers(2).await;
    world.set("STRIPE_MAX_CONCURRENCY", "1");
    let now = chrono::Utc::now();
    let made = |seed: InvoiceSeed, hours: i64| seed.created_at(now - TimeDelta::hours(hours));
    // A charge of an invoice that leaves nothing to pay, more than the seller has.
    let charge = plain(1, 2000, "0.00").other_invoices("-301.00");
    world.mirakl.put_invoice(made(charge, 4));
    world.mirakl.put_invoice(made(plain(2, 2000, "20.00"), 3));
    world.mirakl.put_invoice(made(plain(3, 2000, "30.00"), 2));
    world.mirakl.put_invoice(made(plain(4, 2001, "40.00"), 1));
    world.payout().await.exits(0);
    let row = world
        .payout_stands(2, "PAYOUT_ON_HOLD", "earlier_invoice")
        .await;
    assert!(
        row["statusReason"].as_str().unwrap().ends_with("invoice 1"),
        "{row:#}"
    );
    world
        .payout_stands(3, "PAYOUT_ON_HOLD", "earlier_invoice")
        .await;
    assert_eq!(world.paid_out(4), [4000]);
    let waiting = ["list", "transfers", "--output", "json", "--id", "1"];
    let listed = world.run(&waiting).await.json();
    let told = listed[0]["statusReason"].as_str().unwrap();
    assert!(
        told.starts_with("1.00 EUR are missing: 301.00 EUR"),
        "{told}"
    );
    world.sim.stripe().add_funds("acct_shop2000", "eur", 10_000);
    world.pass(TimeDelta::hours(6));
    world.payout().await.exits(0);
    let paid: Vec<i64> = world
        .sim
        .stripe()
        .payouts()
        .iter()
        .map(|p| p.amount)
        .collect();
    assert_eq!(paid, [4000, 2000, 3000]);
    assert_eq!(
        world.sim.stripe().available("acct_shop2000", "eur"),
        9900 - 5000
    );
}

#[tokio::test]
async fn open_reversals_of_the_seller_are_kept_back() {
    let mut world = World::with_sellers(2).await;
    world.set("ENABLE_PRODUCT_PAYMENT_REFUND", "true");
    world.sold("C1-A", "50.00", "5.00", 5000).await;
    world.asks("C1-A", "1100", "20.00", "2.00");
    // The customer has the money back; the seller's part is still to come.
    let reversal = Fault::on("POST /v1/transfers/{id}/reversals").always();
    world
        .sim
        .faults()
        .add(reversal.then(refusal("balance_insufficient")));
    world.refund().await.exits(3);
    let stripe = world.sim.stripe().clone();
    let available = stripe.available("acct_shop2000", "eur");
    let all = format!("{}.{:02}", available / 100, available % 100);
    world.mirakl.put_invoice(plain(1, 2000, &all));
    world.mirakl.put_invoice(plain(2, 2001, "10.00"));
    world.payout().await.exits(0);
    let row = world
        .payout_stands(1, "PAYOUT_ON_HOLD", "balance_too_low")
        .await;
    assert_eq!(row["missing"], 1800, "{row:#}");
    assert!(
        row["statusReason"]
            .as_str()
            .unwrap()
            .contains("18.00 EUR are kept for refunds")
    );
    assert_eq!(world.paid_out(2), [1000]);
    world.sim.faults().clear();
    world.pass(TimeDelta::hours(1));
    // The order's money is still on its way, and the reversal takes it from there.
    world.refund().await.exits(0);
    world.pass(TimeDelta::hours(1));
    world.payout().await.exits(0);
    assert_eq!(world.paid_out(1), [available]);
    assert_eq!(stripe.available("acct_shop2000", "eur"), 0);
}

#[tokio::test]
async fn a_refused_movement_holds_its_payout_and_is_told_as_a_transfer() {
    let mut world = World::with_sellers(2).await;
    let server = told(&mut world).await;
    let refuse = Fault::on(MOVE)
        .containing("EXTRA_CREDITS")
        .containing("miraklId%5D=1&");
    let refuse = refuse.then(refusal("approval_required"));
    world.sim.faults().add(refuse);
    for (id, shop) in [(1, 2000), (2, 2001)] {
        world
            .mirakl
            .put_invoice(plain(id, shop, "10.00").other_credits("5.00"));
    }
    world.payout().await.exits(3);
    let row = world
        .payout_stands(1, "PAYOUT_ON_HOLD", "transfers_open")
        .await;
    assert_eq!(
        row["statusReason"],
        "waits for transfers of the invoice: TRANSFER_EXTRA_CREDITS is TRANSFER_FAILED"
    );
    assert_eq!(world.paid_out(2), [1000]);
    let received: Vec<Value> = server.received().into_iter().map(|d| d.json).collect();
    assert_eq!(received.len(), 1);
    let payload = &received[0]["payload"];
    assert_eq!(received[0]["type"], "transfer.failed");
    assert_eq!(
        (
            &payload["type"],
            &payload["orderType"],
            &payload["miraklId"],
            &payload["stripeAccountId"]
        ),
        (
            &json!("TRANSFER_EXTRA_CREDITS"),
            &Value::Null,
            &json!("1"),
            &json!("acct_shop2000")
        )
    );
    world.pass(TimeDelta::hours(24));
    world.payout().await;
    world.payout().await.exits(0);
    assert_eq!(world.paid_out(1), [1000]);
    assert_eq!(world.moved_for(1, "EXTRA_CREDITS").len(), 1);
}

#[tokio::test]
async fn an_account_that_stripe_does_not_show_holds_with_a_reason() {
    let mut world = World::with_sellers(2).await;
    for (id, shop) in [(1, 2000), (2, 2001)] {
        world
            .mirakl
            .put_invoice(plain(id, shop, "10.00").subscription("-1.00"));
    }
    world.sim.stripe().disconnect("acct_shop2000");
    world.payout().await.exits(3);
    world
        .payout_stands(1, "PAYOUT_ON_HOLD", "account_unread")
        .await;
    assert_eq!(world.paid_out(2), [1000]);
    assert_eq!(world.moved_for(1, "SUBSCRIPTION").len(), 0);
    world.pass(TimeDelta::hours(24));
    world.payout().await.exits(3);
    world
        .payout_stands(1, "PAYOUT_ON_HOLD", "account_unread")
        .await;
}

#[tokio::test]
async fn a_list_that_cannot_be_read_does_not_stop_what_waits() {
    let mut world = World::with_sellers(2).await;
    for (id, shop) in [(1, 2000), (2, 2001)] {
        world.mirakl.put_invoice(plain(id, shop, "400.00"));
    }
    world.payout().await.exits(0);
    world.sim.stripe().add_funds("acct_shop2000", "eur", 20_000);
    world.pass(TimeDelta::hours(24));
    let broken = Fault::on("GET /api/invoices")
        .containing("start_date")
        .always();
    world.sim.faults().add(broken.then(Effect::Html));
    world
        .payout()
        .await
        .exits(1)
        .says("invoices could not be read");
    assert_eq!(world.paid_out(1), [40_000]);
    world
        .payout_stands(2, "PAYOUT_ON_HOLD", "balance_too_low")
        .await;
}

#[tokio::test]
async fn one_shop_can_be_settled_alone() {
    let mut world = World::with_sellers(3).await;
    for (id, shop) in [(1, 2000), (2, 2001), (3, 2002)] {
        world
            .mirakl
            .put_invoice(plain(id, shop, "10.00").other_credits("1.00"));
    }
    world
        .run(&["process-payout", "--shop", "2001"])
        .await
        .exits(0);
    assert_eq!((world.paid_out(1), world.paid_out(2)), (vec![], vec![1000]));
    world.run(&["process-payout", "2002"]).await.exits(0);
    assert_eq!((world.paid_out(1), world.paid_out(3)), (vec![], vec![1000]));
    world
        .run(&["process-payout", "2002", "--shop", "2001"])
        .await
        .exits(2);
    world.pass(TimeDelta::hours(24));
    // What is due of others stays untouched too.
    world.mirakl.put_invoice(plain(4, 2000, "999.00"));
    world.payout().await.exits(0);
    world.sim.stripe().add_funds("acct_shop2000", "eur", 99_900);
    world.pass(TimeDelta::hours(7));
    world.run(&["process-payout", "2001"]).await.exits(0);
    assert!(world.paid_out(4).is_empty());
    world.payout().await.exits(0);
    assert_eq!(world.paid_out(4), [99_900]);
}

#[tokio::test]
async fn a_dry_run_shows_movements_and_balances_and_does_nothing() {
    let world = World::with_sellers(3).await;
    let seed = plain(1, 2000, "250.00")
        .other_credits("5.00")
        .subscription("-9.99");
    world.mirakl.put_invoice(seed);
    world.mirakl.put_invoice(plain(2, 2000, "60.00"));
    world.mirakl.put_invoice(plain(3, 2001, "310.00"));
    world.mirakl.put_invoice(plain(4, 2001, "1.00"));
    let tables = "select concat_ws(' ', (select count(*) from payouts),
        (select count(*) from transfers), (select count(*) from checkpoints),
        (select count(*) from account_adoptions), (select count(*) from history))";
    let before = world.value(tables).await;
    world.sim.clear_calls();
    let planned = world
        .run(&["process-payout", "--dry-run", "--output", "json"])
        .await;
    let planned = planned.exits(0).json();
    assert_eq!(world.value(tables).await, before);
    for endpoint in [PAY, MOVE] {
        assert_eq!(world.count(endpoint), 0);
    }
    let of = |id: &str| {
        let rows = planned.as_array().unwrap().iter();
        let mut rows = rows.filter(|row| row["miraklInvoiceId"] == id);
        rows.next()
            .unwrap_or_else(|| panic!("no {id} in {planned:#}"))
            .clone()
    };
    let first = of("1");
    assert_eq!(
        (
            &first["action"],
            &first["amount"],
            &first["available"],
            &first["missing"]
        ),
        (&json!("pay"), &json!(25_000), &json!(29_501), &Value::Null)
    );
    assert_eq!(
        first["movements"],
        json!([{"type": "TRANSFER_EXTRA_CREDITS", "amount": 500},
               {"type": "TRANSFER_SUBSCRIPTION", "amount": 999}])
    );
    let second = of("2");
    assert_eq!(
        (&second["action"], &second["available"], &second["missing"]),
        (&json!("hold"), &json!(4501), &json!(1499)),
        "{second:#}"
    );
    assert_eq!(
        (&of("3")["action"], &of("3")["missing"]),
        (&json!("hold"), &json!(1000))
    );
    let fourth = of("4");
    assert_eq!(fourth["action"], "hold");
    assert!(
        fourth["reason"]
            .as_str()
            .unwrap()
            .contains("earlier invoice 3"),
        "{fourth:#}"
    );
    // It was right.
    world.payout().await.exits(0);
    assert_eq!(
        (world.paid_out(1), world.sim.stripe().payouts().len()),
        (vec![25_000], 1)
    );
    let row = world
        .payout_stands(2, "PAYOUT_ON_HOLD", "balance_too_low")
        .await;
    assert_eq!(row["missing"], 1499);
}
