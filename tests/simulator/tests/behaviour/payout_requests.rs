use chrono::TimeDelta;
use serde_json::json;
use simulator::AccountSeed;

use crate::client::{World, form};

async fn pay_out(world: &World, seller: &str, form: &str) -> (u16, String) {
    let reply = world.make_for(seller, "payouts", form).await;
    (reply.status, reply.code())
}

#[tokio::test]
async fn a_payout_takes_its_money_at_once() {
    let world = World::new().await;
    let seller = world.seller_with(1000);
    let stripe = world.sim.stripe();
    let form = "amount=600&currency=eur&description=Invoice+231&statement_descriptor=LAMPS\
                &metadata[a]=b&method=standard&source_type=card";
    let made = world.try_for(&seller, "payouts", form, "k1").await;
    let made = made.expect("an answer");
    assert_eq!(made.status, 200, "{}", made.text);
    let payout = made.json();
    let id = payout["id"].as_str().expect("an id");
    let now = world.sim.clock().now().timestamp();
    let created = payout["created"].as_i64().expect("a time");
    assert!(id.starts_with("po_") && (now - 60..=now).contains(&created));
    for (field, wanted) in [
        ("object", json!("payout")),
        ("amount", json!(600)),
        ("currency", json!("eur")),
        ("status", json!("pending")),
        ("arrival_date", json!(created + 2 * 24 * 3600)),
        ("automatic", json!(false)),
        ("description", json!("Invoice 231")),
        ("statement_descriptor", json!("LAMPS")),
        ("metadata", json!({ "a": "b" })),
        ("method", json!("standard")),
        ("source_type", json!("card")),
        ("type", json!("bank_account")),
        ("failure_code", json!(null)),
        ("failure_message", json!(null)),
        ("failure_balance_transaction", json!(null)),
        ("livemode", json!(false)),
    ] {
        assert_eq!(payout[field], wanted, "{field}");
    }
    assert!(
        payout["destination"]
            .as_str()
            .is_some_and(|to| to.starts_with("ba_"))
    );
    assert!(payout["balance_transaction"].is_string());
    assert_eq!(stripe.available(&seller, "eur"), 400);
    let shown = world
        .stripe_for(&seller, &format!("/v1/payouts/{id}"))
        .await;
    assert_eq!(shown.json(), payout);

    let [one] = <[_; 1]>::try_from(stripe.payouts()).expect("one");
    assert_eq!((one.id.as_str(), one.account), (id, seller));
    assert_eq!((one.amount, one.currency.as_str()), (600, "eur"));
    assert_eq!((one.status.as_str(), one.failure_code), ("pending", None));
    assert_eq!(one.metadata["a"], "b");
    assert_eq!(one.at.timestamp(), created);
    assert_eq!(one.idempotency_key.as_deref(), Some("k1"));
    assert_eq!(world.sim.count("POST /v1/payouts"), 1);
}

#[tokio::test]
async fn a_payout_needs_payouts_enabled() {
    let world = World::new().await;
    let seller = world.seller_with(1000);
    let stripe = world.sim.stripe();
    stripe.set_payouts_enabled(&seller, false);
    let form = "amount=600&currency=eur";
    let refused = (400, "payouts_not_allowed".to_owned());
    assert_eq!(pay_out(&world, &seller, form).await, refused);
    stripe.set_payouts_enabled(&seller, true);
    assert_eq!(pay_out(&world, &seller, form).await.0, 200);
    stripe.require(&seller, "external_account");
    assert_eq!(
        pay_out(&world, &seller, "amount=1&currency=eur").await,
        refused
    );
    assert_eq!(stripe.payouts().len(), 1);
}

#[tokio::test]
async fn a_payout_needs_an_external_account_in_its_currency() {
    let world = World::new().await;
    let seller = world.seller_with(1000);
    let stripe = world.sim.stripe();
    stripe.add_funds(&seller, "sek", 1000);
    stripe.external_account(&seller, "sek", false);
    let reply = world
        .make_for(&seller, "payouts", "amount=5&currency=sek")
        .await;
    assert_eq!(reply.status, 400);
    assert_eq!(
        reply.message(),
        "Sorry, you don't have any external accounts in that currency (sek)."
    );
    let error = &reply.json()["error"];
    assert!(error.get("code").is_none());
    assert_eq!(error["type"], "invalid_request_error");
    assert_eq!(
        pay_out(&world, &seller, "amount=5&currency=eur").await.0,
        200
    );
    stripe.external_account(&seller, "sek", true);
    assert_eq!(
        pay_out(&world, &seller, "amount=5&currency=sek").await.0,
        200
    );
}

#[tokio::test]
async fn a_payout_goes_to_the_external_account_of_its_currency() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let (seller, other) = (world.seller_with(1000), world.seller_with(1000));
    stripe.add_funds(&seller, "sek", 1000);
    let to = async |account: &str, currency: &str| {
        let form = format!("amount=5&currency={currency}");
        let made = world.make_for(account, "payouts", &form).await.json();
        made["destination"].as_str().expect("an id").to_owned()
    };
    let (euro, krona) = (to(&seller, "eur").await, to(&seller, "sek").await);
    let elsewhere = to(&other, "eur").await;
    assert_eq!(to(&seller, "eur").await, euro);
    assert!(euro != krona && euro != elsewhere);
    let named = |to: &str| format!("amount=5&currency=eur&destination={to}");
    assert_eq!(pay_out(&world, &seller, &named(&euro)).await.0, 200);
    for to in [&krona, &elsewhere, "ba_none"] {
        let reply = world.make_for(&seller, "payouts", &named(to)).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "resource_missing")
        );
        assert_eq!(reply.json()["error"]["param"], "destination");
    }
    stripe.external_account(&seller, "eur", false);
    stripe.external_account(&seller, "eur", true);
    assert_ne!(to(&seller, "eur").await, euro);
}

#[tokio::test]
async fn a_payout_is_limited_by_what_is_available() {
    let world = World::new().await;
    let (seller, charge) = world.seller_and_charge();
    world.transfer(&form(6000, "eur", &seller, &charge)).await;
    world.sim.stripe().add_funds(&seller, "usd", 9000);
    let refused = (400, "balance_insufficient".to_owned());
    let form = "amount=6000&currency=eur";
    assert_eq!(pay_out(&world, &seller, form).await, refused);
    world.sim.clock().advance(TimeDelta::days(2));
    let one_more = "amount=6001&currency=eur";
    assert_eq!(pay_out(&world, &seller, one_more).await, refused);
    let elsewhere = format!("{form}&source_type=bank_account");
    assert_eq!(pay_out(&world, &seller, &elsewhere).await, refused);
    assert_eq!(pay_out(&world, &seller, form).await.0, 200);
    assert_eq!(
        pay_out(&world, &seller, "amount=1&currency=eur").await,
        refused
    );
    let stripe = world.sim.stripe();
    assert_eq!(stripe.available(&seller, "eur"), 0);
    assert_eq!(stripe.payouts().len(), 1);
}

#[tokio::test]
async fn some_currencies_are_paid_out_in_larger_steps() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let seller = stripe.add_account(AccountSeed::new());
    for (currencies, step) in [
        (&["huf", "twd", "isk", "ugx"][..], 100),
        (&["bhd", "jod", "kwd", "omr", "tnd"], 10),
        (&["eur", "jpy", "krw"], 1),
    ] {
        for currency in currencies {
            stripe.add_funds(&seller, currency, 1_000_000);
            for amount in [12_300, 12_310, 12_345] {
                let form = format!("amount={amount}&currency={currency}");
                let reply = world.make_for(&seller, "payouts", &form).await;
                let error = &reply.json()["error"];
                if amount % step == 0 {
                    assert_eq!(reply.status, 200, "{form}");
                } else {
                    assert_eq!(reply.status, 400, "{form}");
                    assert_eq!(error["param"], "amount");
                    assert_eq!(error["type"], "invalid_request_error");
                }
            }
        }
    }
}

#[tokio::test]
async fn what_is_asked_of_a_payout_is_checked() {
    let world = World::new().await;
    let seller = world.seller_with(1000);
    let longest = format!("statement_descriptor={}", "x".repeat(22));
    let longer = format!("{longest}x");
    for (form, code, param) in [
        ("currency=eur", "parameter_missing", "amount"),
        ("amount=5", "parameter_missing", "currency"),
        (
            "amount=0&currency=eur",
            "parameter_invalid_integer",
            "amount",
        ),
        (
            "amount=-5&currency=eur",
            "parameter_invalid_integer",
            "amount",
        ),
        (
            "amount=5.0&currency=eur",
            "parameter_invalid_integer",
            "amount",
        ),
        ("amount=5&currency=EUR", "", "currency"),
        ("amount=5&currency=euro", "", "currency"),
        ("amount=5&currency=", "parameter_invalid_empty", "currency"),
        (
            "amount=5&currency=eur&colour=red",
            "parameter_unknown",
            "colour",
        ),
        ("amount=5&currency=eur&method=fast", "", "method"),
        ("amount=5&currency=eur&source_type=cash", "", "source_type"),
        ("amount=5&currency=eur&metadata=x", "", "metadata"),
        ("amount=5&currency=eur&expand[]=destination", "", "expand"),
        (
            &format!("amount=5&currency=eur&{longer}"),
            "",
            "statement_descriptor",
        ),
    ] {
        let reply = world.make_for(&seller, "payouts", form).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, code), "{form}");
        assert_eq!(reply.json()["error"]["param"], param, "{form}");
    }
    assert!(world.sim.stripe().payouts().is_empty());
    for extra in [&longest, "method=instant", "payout_method=pm_1"] {
        let form = format!("amount=5&currency=eur&{extra}");
        assert_eq!(pay_out(&world, &seller, &form).await.0, 200, "{extra}");
    }
}

#[tokio::test]
async fn a_payout_without_an_account_acted_for_is_the_platforms_own() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let platform = stripe.platform_id();
    let seller = world.seller_with(1000);
    let refused = world.make("payouts", "amount=5&currency=eur").await;
    assert_eq!(refused.code(), "balance_insufficient");
    stripe.add_funds(&platform, "eur", 5);
    let made = world.make("payouts", "amount=5&currency=eur").await;
    assert_eq!(made.status, 200, "{}", made.text);
    assert_eq!(stripe.payouts()[0].account, platform);
    assert_eq!(stripe.available(&seller, "eur"), 1000);
    let events = world.stripe("/v1/events?type=payout.*").await.json();
    assert_eq!(events["data"][0]["type"], "payout.created");
}

#[tokio::test]
async fn an_account_of_somebody_else_cannot_be_paid_out() {
    let world = World::new().await;
    let seller = world.seller_with(1000);
    let form = "amount=5&currency=eur";
    let refused = (403, "account_invalid".to_owned());
    assert_eq!(pay_out(&world, "acct_other", form).await, refused);
    world.sim.stripe().disconnect(&seller);
    assert_eq!(pay_out(&world, &seller, form).await, refused);
    assert_eq!(world.sim.stripe().balance(&seller, "eur"), 1000);
}
