//! What an operator sees: summaries, lists, plans, exit codes.

use serde_json::{Value, json};
use simulator::{AccountSeed, PaymentSeed};

use crate::support::{World, eur};

#[tokio::test]
async fn the_summary_is_a_line_when_something_happened_and_json_always() {
    let world = World::new().await;
    world.orders(2);
    world.mirakl.put(eur("W-A", 2000, "10.00", "1.00").unpaid());
    let run = world.transfer().await.exits(0);
    let line = run.stdout.trim_end();
    assert!(
        line.starts_with("process-transfer: 2 created, 1 waiting, 0 failed, 0 aborted, 0 ignored (calls: Mirakl 1, Stripe "),
        "{line}"
    );
    assert_eq!(run.stdout.lines().count(), 1);
    let run = world
        .run(&["process-transfer", "--output", "json"])
        .await
        .exits(0)
        .json();
    let keys: Vec<&str> = run
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut expected = [
        "job",
        "outcome",
        "startedAt",
        "finishedAt",
        "created",
        "waiting",
        "failed",
        "aborted",
        "ignored",
        "miraklCalls",
        "stripeCalls",
    ];
    expected.sort_unstable();
    let mut keys = keys;
    keys.sort_unstable();
    assert_eq!(keys, expected);
    assert_eq!(
        (run["job"].as_str(), run["outcome"].as_str()),
        (Some("process-transfer"), Some("ok"))
    );
    assert_eq!(run["created"], json!(0));
}

#[tokio::test]
async fn quiet_says_nothing_but_errors() {
    let world = World::new().await;
    world.orders(1);
    let run = world.run(&["process-transfer", "-q"]).await.exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    world
        .run(&["process-transfer", "-q", "--since", "never"])
        .await
        .exits(2);
    let run = world
        .program(&["process-transfer", "-q"])
        .env("MIRAKL_API_KEY", "wrong")
        .run()
        .await
        .exits(1);
    assert_eq!(run.stderr.lines().count(), 1);
}

#[tokio::test]
async fn a_job_that_is_switched_off_says_so_and_exits_0() {
    let mut world = World::new().await;
    world.orders(1);
    world.unset("ENABLE_PRODUCT_PAYMENT_SPLIT");
    let run = world
        .run(&["process-transfer", "--output", "json"])
        .await
        .exits(0)
        .json();
    assert_eq!(run["outcome"], "skipped");
    assert!(
        run["reason"]
            .as_str()
            .unwrap()
            .contains("ENABLE_PRODUCT_PAYMENT_SPLIT")
    );
    // In a crontab too: a line that never does anything is worth a mail.
    let run = world.transfer().await.exits(0).says("switched off");
    assert_eq!(run.stdout, "");
    assert!(world.sim.stripe().transfers().is_empty());
}

#[tokio::test]
async fn the_old_command_name_works() {
    let world = World::new().await;
    let ids = world.orders(1);
    world
        .run(&["connector:dispatch:process-transfer"])
        .await
        .exits(0);
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn a_dry_run_shows_the_plan_and_changes_nothing() {
    let world = World::new().await;
    world.orders(2);
    world.mirakl.put(eur("W-A", 2000, "10.00", "1.00").unpaid());
    world
        .mirakl
        .put(eur("R-A", 2000, "10.00", "1.00").state("REFUSED"));
    let before = snapshot(&world).await;
    world.sim.clear_calls();
    let run = world
        .run(&["process-transfer", "--dry-run", "--output", "json"])
        .await
        .exits(0);
    assert_eq!(snapshot(&world).await, before);
    assert!(world.sim.calls().iter().all(|call| call.method == "GET"));
    let plan = run.json();
    let shown = |id: &str| {
        let rows = plan.as_array().unwrap().iter();
        let found: Vec<&Value> = rows.filter(|row| row["miraklId"] == id).collect();
        assert_eq!(found.len(), 1, "{id} in {plan:#}");
        found[0].clone()
    };
    let first = shown("C1-A");
    assert_eq!(first["action"], "send");
    assert_eq!(
        (&first["amount"], &first["currency"]),
        (&json!(900), &json!("EUR"))
    );
    assert_eq!(first["reason"], "total 10.00 - commission 1.00 = 9.00 EUR");
    assert_eq!(shown("W-A")["action"], "hold");
    assert_eq!(shown("R-A")["action"], "abort");
    let table = world.run(&["process-transfer", "--dry-run"]).await.exits(0);
    for text in [
        "C2-A",
        "9.00 EUR",
        "has not been debited yet",
        "nothing was written",
    ] {
        assert!(table.stdout.contains(text), "{text}: {}", table.stdout);
    }
    // What is planned is what happens.
    world.transfer().await.exits(0);
    assert_eq!(
        (world.moved("C1-A"), world.moved("C2-A")),
        (vec![900], vec![900])
    );
}

#[tokio::test]
async fn a_dry_run_on_an_empty_database_sees_what_stripe_already_has() {
    let mut world = World::new().await;
    world.orders(1);
    world.transfer().await.exits(0);
    world.use_database(crate::support::Database::migrated().await);
    world.shop(2000).await;
    let plan = world
        .run(&["process-transfer", "--dry-run", "--output", "json"])
        .await
        .json();
    assert_eq!(plan[0]["action"], "takeOver", "{plan:#}");
}

/// Everything in the database, as text.
async fn snapshot(world: &World) -> Value {
    world
        .value(
            "select string_agg(t::text, '|') from (
                 select 1, t::text as t from transfers t union all select 2, p::text from payments p
                 union all select 3, a::text from accounts a union all select 4, r::text from runs r
                 union all select 5, c::text from checkpoints c union all select 6, d::text from adoptions d
                 union all select 7, i::text from identity i union all select 8, h::text from history h
                 order by 1, 2) as t",
        )
        .await
}

#[tokio::test]
async fn transfers_are_listed_newest_first_with_the_notifications_field_names() {
    let world = World::new().await;
    world.shop(2001).await;
    world.orders(2);
    world.paid(eur("D1-A", 2001, "20.00", "2.00"), "D1", 2000);
    world.mirakl.put(eur("W-A", 2001, "10.00", "1.00").unpaid());
    world.transfer().await.exits(0);
    let list = |flags: &'static [&'static str]| {
        let world = &world;
        async move {
            let mut arguments = vec!["list", "transfers", "--output", "json"];
            arguments.extend(flags);
            let listed = world.run(&arguments).await.exits(0).json();
            let rows = listed.as_array().unwrap().clone();
            let ids: Vec<String> = rows
                .iter()
                .map(|r| r["miraklId"].as_str().unwrap().to_owned())
                .collect();
            (rows, ids)
        }
    };
    let (rows, ids) = list(&[]).await;
    assert_eq!(rows.len(), 4);
    let numbers: Vec<i64> = rows
        .iter()
        .map(|row| row["internalId"].as_i64().unwrap())
        .collect();
    assert!(numbers.is_sorted_by(|a, b| a > b), "{numbers:?}");
    let row = &rows[ids.iter().position(|id| id == "D1-A").unwrap()];
    for (name, value) in [
        ("type", json!("TRANSFER_ORDER")),
        ("orderType", json!("PRODUCT")),
        ("stripeAccountId", json!("acct_shop2001")),
        ("miraklShopId", json!(2001)),
        ("amount", json!(1800)),
        ("currency", json!("EUR")),
        ("status", json!("TRANSFER_CREATED")),
        ("failedReason", Value::Null),
        ("statusReason", Value::Null),
        ("attempt", json!(1)),
        ("nextLookAt", Value::Null),
        ("commercialOrderId", json!("D1")),
        (
            "amountExplained",
            json!("total 20.00 - commission 2.00 = 18.00 EUR"),
        ),
    ] {
        assert_eq!(row[name], value, "{name} in {row:#}");
    }
    let transfer = &world.sim.stripe().transfers_for("D1-A")[0];
    assert_eq!(row["transferId"], json!(transfer.id));
    assert_eq!(row["transactionId"], json!(transfer.source_transaction));
    assert!(row["stripeRequestId"].as_str().unwrap().starts_with("req_"));
    assert_eq!(
        list(&["--shop", "2001", "--status", "created"]).await.1,
        ["D1-A"]
    );
    assert_eq!(list(&["--status", "TRANSFER_ON_HOLD"]).await.1, ["W-A"]);
    assert_eq!(list(&["--id", "D1"]).await.1, ["D1-A"]);
    assert_eq!(list(&["--limit", "1"]).await.1.len(), 1);
    world
        .run(&["list", "transfers", "--status", "done"])
        .await
        .exits(2)
        .says("TRANSFER_CREATED");
    world
        .run(&["list", "transfers", "--limit", "0"])
        .await
        .exits(2);
    let table = world.run(&["list", "transfers"]).await.exits(0).stdout;
    for text in [
        "D1-A",
        "18.00 EUR",
        "TRANSFER_ON_HOLD",
        "has not been debited",
    ] {
        assert!(table.contains(text), "{text}: {table}");
    }
}

#[tokio::test]
async fn payments_accounts_and_runs_are_listed() {
    let world = World::new().await;
    world.shop(2001).await;
    world.orders(2);
    world
        .sim
        .stripe()
        .pay(PaymentSeed::new(700, "eur").basket("LATER").authorized());
    world.transfer().await.exits(0);
    let list = async |what: &str| {
        world
            .run(&["list", what, "--output", "json"])
            .await
            .exits(0)
            .json()
    };
    let payments = list("payments").await;
    let rows = payments.as_array().unwrap();
    assert_eq!(rows.len(), 3);
    let later = rows
        .iter()
        .find(|row| row["commercialOrderId"] == "LATER")
        .unwrap();
    assert_eq!(
        (&later["status"], &later["amount"], &later["currency"]),
        (&json!("TO_CAPTURE"), &json!(700), &json!("EUR"))
    );
    assert!(
        later["paymentIntentId"]
            .as_str()
            .unwrap()
            .starts_with("pi_")
    );
    assert!(later["stripeChargeId"].as_str().unwrap().starts_with("ch_"));
    let accounts = list("accounts").await;
    assert_eq!(accounts.as_array().unwrap().len(), 2);
    let account = &accounts[0];
    assert_eq!(
        (&account["miraklShopId"], &account["stripeAccountId"]),
        (&json!(2001), &json!("acct_shop2001"))
    );
    for name in [
        "chargesEnabled",
        "payoutsEnabled",
        "detailsSubmitted",
        "transfersActive",
        "ignored",
    ] {
        assert!(account[name].is_boolean(), "{name}");
    }
    assert!(account.get("kycStatus").is_some() && account.get("disabledReason").is_some());
    let runs = list("runs").await;
    assert_eq!(
        (&runs[0]["outcome"], &runs[0]["created"]),
        (&json!("ok"), &json!(2))
    );
    for what in ["payments", "accounts", "runs", "transfers"] {
        let table = world.run(&["list", what]).await.exits(0).stdout;
        assert!(table.lines().count() >= 2, "{what}: {table}");
    }
    world.run(&["list", "invoices"]).await.exits(2);
}

#[tokio::test]
async fn an_account_that_does_not_fit_is_not_linked() {
    let world = World::new().await;
    let stripe = world.sim.stripe();
    let inactive = stripe.add_account(AccountSeed::new().transfers("inactive"));
    let daily = stripe.add_account(AccountSeed::new().payouts_schedule("daily"));
    for (account, code, why) in [
        (inactive.as_str(), 1, "cannot receive transfers"),
        (daily.as_str(), 1, "set its payout schedule to manual"),
        ("acct_unknown", 1, "no connected account"),
        ("ca_1", 2, "no Stripe account"),
        ("acct_1/../x", 2, "no Stripe account"),
    ] {
        world
            .run(&["link-account", "--shop", "2009", "--account", account])
            .await
            .exits(code)
            .says(why);
    }
    let accounts = world
        .run(&["list", "accounts", "--shop", "2009", "--output", "json"])
        .await
        .json();
    assert_eq!(accounts, json!([]));
    // Several shops may share one, and a link can be changed.
    let good = stripe.add_account(AccountSeed::new());
    for shop in ["2009", "2010", "2000"] {
        world
            .run(&["link-account", "--shop", shop, "--account", &good])
            .await
            .exits(0);
    }
    world
        .run(&[
            "link-account",
            "--shop",
            "2000",
            "--account",
            "acct_shop2000",
        ])
        .await
        .exits(0)
        .says("instead of");
}

#[tokio::test]
async fn old_run_records_are_forgotten_and_money_rows_stay() {
    let mut world = World::new().await;
    world.orders(1);
    world.transfer().await.exits(0);
    world.pass(chrono::TimeDelta::days(91));
    world.transfer().await.exits(0);
    let runs = world
        .run(&["list", "runs", "--output", "json"])
        .await
        .json();
    assert_eq!(runs.as_array().unwrap().len(), 1);
    world.stands("C1-A", "TRANSFER_CREATED", "").await;
}

#[tokio::test]
async fn whoever_reads_the_output_may_leave() {
    let world = World::new().await;
    let ids = world.orders(1);
    for arguments in [
        &["process-transfer"][..],
        &["list", "transfers"],
        &["process-transfer", "--dry-run"],
    ] {
        let mut child = world.program(arguments).spawn();
        drop(child.stdout.take());
        let status = child.wait().await.unwrap();
        assert_eq!(status.code(), Some(0), "{arguments:?}");
    }
    world.each_moved_once(&ids, 900).await;
}
