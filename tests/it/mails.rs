//! `notify-failed-operation`: one mail with everything that failed, and nothing else.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use simulator::{InvoiceSeed, Receiver};

use crate::support::smtp::{Manner, Smtp};
use crate::support::{TO, World};

#[tokio::test]
async fn nothing_to_say_is_no_mail_and_no_word() {
    let (world, smtp) = World::with_mails().await;
    world.orders(1);
    world.transfer().await.exits(0);
    let run = world.notify().await.exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    let told = world.notify_json().await;
    assert_eq!(
        (&told["job"], &told["outcome"], &told["mail"]),
        (
            &json!("notify-failed-operation"),
            &json!("ok"),
            &json!("nothing to say")
        )
    );
    for list in [
        "transfers",
        "refunds",
        "payouts",
        "payments",
        "held",
        "differences",
        "shortfalls",
        "accounts",
        "notifications",
    ] {
        assert_eq!(told[list], json!([]), "{list}");
    }
    assert_eq!(smtp.taken().len(), 0);
    assert_eq!(smtp.commands(), Vec::<String>::new(), "nobody is asked");
}

#[tokio::test]
async fn a_mail_holds_every_transfer_refund_and_payout_that_failed_with_all_an_operator_needs() {
    let (mut world, smtp) = World::with_mails().await;
    world.set("ENABLE_PRODUCT_PAYMENT_REFUND", "true");
    world.sold("R1-A", "20.00", "2.00", 2000).await;
    world.asks("R1-A", "1100", "7.50", "0.50");
    world
        .mirakl
        .put_invoice(InvoiceSeed::new(31, 2000).transferred("40.00"));
    world.sim.stripe().add_funds("acct_shop2000", "eur", 10_000);
    world.orders(2);
    world.refuses(
        "POST /v1/transfers",
        "balance_insufficient",
        "Insufficient <funds>.",
    );
    world.transfer().await.exits(3);
    let first: DateTime<Utc> = world.row("C1-A").await.next_look_at.unwrap();
    world.pass(TimeDelta::minutes(6));
    world.transfer().await.exits(3);
    world.refuses("POST /v1/refunds", "charge_disputed", "Disputed.");
    world.refund().await.exits(3);
    world.refuses("POST /v1/payouts", "payouts_not_allowed", "Not allowed.");
    world.run(&["process-payout"]).await.exits(3);
    let next = world.row("C1-A").await.next_look_at.unwrap();
    let ids = [world.row("C1-A").await.id, world.row("C2-A").await.id];

    let run = world.notify().await.exits(0);
    let mail = smtp.one();
    assert_eq!(mail.to, [TO]);
    let mail = mail.parsed();
    assert_eq!(
        mail.subject,
        format!(
            "mirakl-stripe: 2 transfers failed, 1 refund failed, 1 payout failed - {} (Stripe test mode)",
            world.mirakl.url().trim_start_matches("http://")
        )
    );
    let minute = |at: DateTime<Utc>| at.format("%Y-%m-%d %H:%M UTC").to_string();
    let since = minute(first - TimeDelta::minutes(5));
    for shown in [
        "2 transfers failed: 18.00 EUR",
        &format!("#{} C1-A (TRANSFER_ORDER), shop 2000: 9.00 EUR", ids[0]),
        &format!("#{} C2-A (TRANSFER_ORDER), shop 2000: 9.00 EUR", ids[1]),
        "Insufficient <funds>.",
        "tried 2 times",
        "1 refund failed: 7.50 EUR",
        "1100 of R1-A (REFUND), shop 2000: 7.50 EUR",
        "Disputed.",
        "1 payout failed: 40.00 EUR",
        "31 (PAYOUT), shop 2000: 40.00 EUR",
        "Not allowed.",
        "tried once",
    ] {
        assert!(mail.text.contains(shown), "{shown} in {}", mail.text);
    }
    let words: Vec<&str> = mail.text.split_whitespace().collect();
    let words = words.join(" ");
    let shown = format!("since {since}, tried 2 times, next try {}", minute(next));
    assert!(words.contains(&shown), "{shown} in {words}");
    for shown in [
        "C1-A",
        "9.00 EUR",
        "Insufficient &#60;funds&#62;.",
        "shop ",
        "1100 of R1-A",
        "40.00 EUR",
    ] {
        assert!(mail.html.contains(shown), "{shown} in {}", mail.html);
        let plain = shown.replace("&#60;", "<").replace("&#62;", ">");
        let printed = if plain == "shop " { "shop" } else { &plain };
        assert!(run.stdout.contains(printed), "{printed} in {}", run.stdout);
    }

    asked_again(&world, &smtp, ids[0], &since).await;
}

/// An operator who asks again gets it again, and as data.
async fn asked_again(world: &World, smtp: &Smtp, id: i64, since: &str) {
    let told = world.notify_json().await;
    assert_eq!(smtp.taken().len(), 2);
    assert_eq!(told["mail"], "sent");
    assert_eq!(told["outcome"], "ok");
    let rows = told["transfers"].as_array().unwrap();
    let row = rows.iter().find(|row| row["miraklId"] == "C1-A").unwrap();
    assert_eq!(
        [
            &row["internalId"],
            &row["miraklId"],
            &row["type"],
            &row["orderType"],
            &row["miraklShopId"],
            &row["amount"],
            &row["currency"],
            &row["tries"]
        ],
        [
            &json!(id),
            &json!("C1-A"),
            &json!("TRANSFER_ORDER"),
            &json!("PRODUCT"),
            &json!(2000),
            &json!(900),
            &json!("EUR"),
            &json!(2)
        ]
    );
    assert_eq!(told["refunds"][0]["miraklRefundId"], "1100");
    assert_eq!(told["payouts"][0]["miraklInvoiceId"], 31);
    let at: DateTime<Utc> = serde_json::from_value(row["failedSince"].clone()).unwrap();
    let at = at.format("%Y-%m-%d %H:%M UTC").to_string();
    assert_eq!(at, since, "since the first refusal");
}

#[tokio::test]
async fn a_failure_that_waits_for_a_person_says_so() {
    let (world, smtp) = World::with_mails().await;
    world.failed_with("C1-A", "no").await;
    world
        .notify()
        .await
        .exits(0)
        .says("waits for resolve transfer 1");
    let text = smtp.one().parsed().text;
    assert!(text.contains("waits for resolve transfer 1"), "{text}");
}

#[tokio::test]
async fn without_a_mail_server_the_job_says_that_it_is_off_and_shows_what_failed() {
    let (mut world, smtp) = World::with_mails().await;
    world.failed_transfers(2).await;
    for dsn in ["", "smtp://null", "null://null"] {
        world.set("MAILER_DSN", dsn);
        let run = world.notify().await.exits(0).says("MAILER_DSN is empty");
        assert!(
            run.stdout.contains("2 transfers failed: 2.03 EUR"),
            "{run:?}"
        );
        let told = world.notify_json().await;
        assert_eq!(
            (&told["outcome"], &told["mail"]),
            (&json!("skipped"), &json!("off"))
        );
        assert_eq!(told["transfers"].as_array().unwrap().len(), 2);
    }
    assert_eq!(smtp.taken().len(), 0);
}

#[tokio::test]
async fn half_of_the_settings_is_a_mistake_with_a_remedy_for_every_job_before_anything_is_contacted()
 {
    let (mut world, smtp) = World::with_mails().await;
    world.failed_transfers(1).await;
    world.sim.clear_calls();
    for (name, remedy) in [
        (
            "TECHNICAL_ALERT_EMAIL",
            "TECHNICAL_ALERT_EMAIL is missing: set it to the mail address",
        ),
        (
            "TECHNICAL_ALERT_EMAIL_FROM",
            "TECHNICAL_ALERT_EMAIL_FROM is missing: set it to the mail address",
        ),
    ] {
        let (mut half, _) = (
            World::of(
                world.sim.clone(),
                world.mirakl.clone(),
                world.db.backup().await,
            ),
            0,
        );
        half.set("MAILER_DSN", &smtp.dsn());
        for other in ["TECHNICAL_ALERT_EMAIL", "TECHNICAL_ALERT_EMAIL_FROM"] {
            if other != name {
                half.set(other, "a@example.com");
            }
        }
        for job in ["notify-failed-operation", "process-transfer"] {
            half.run(&[job]).await.exits(2).says(remedy);
        }
    }
    world.unset("TECHNICAL_ALERT_EMAIL");
    world.unset("TECHNICAL_ALERT_EMAIL_FROM");
    world.set("HOLD_ALERT_DAYS", "0");
    world
        .notify()
        .await
        .exits(2)
        .says("3 mistakes in the settings");
    for wrong in [
        "nobody",
        "a@example.com, b",
        "a@example.com\nBcc: c@example.com",
    ] {
        world.set("TECHNICAL_ALERT_EMAIL", wrong);
        let run = world
            .notify()
            .await
            .exits(2)
            .says("TECHNICAL_ALERT_EMAIL is no mail address");
        assert!(!run.stderr.contains("example.com, b"), "{run:?}");
    }
    assert_eq!(smtp.commands(), Vec::<String>::new());
    assert!(world.sim.calls().is_empty());
}

#[tokio::test]
async fn several_people_get_the_same_mail() {
    let (mut world, smtp) = World::with_mails().await;
    world.set(
        "TECHNICAL_ALERT_EMAIL",
        "Ops Team <ops@example.com>, second@example.com",
    );
    world.failed_transfers(1).await;
    world.notify().await.exits(0);
    let mail = smtp.one();
    assert_eq!(mail.to, ["ops@example.com", "second@example.com"]);
    let headers = mail.parsed().headers;
    for header in [
        "From: connector@example.com",
        "Auto-Submitted: auto-generated",
        "Message-ID: <",
        "Date: ",
    ] {
        assert!(headers.contains(header), "{header} in {headers}");
    }
}

#[tokio::test]
async fn a_dry_run_shows_the_tables_and_mails_and_notes_nothing() {
    let (world, smtp) = World::with_mails().await;
    world.failed_transfers(1).await;
    world.flagged("differs").await;
    let run = world
        .run(&["notify-failed-operation", "--dry-run"])
        .await
        .exits(0);
    for shown in ["1 transfer failed", "differs", "nothing was sent"] {
        assert!(run.stdout.contains(shown), "{run:?}");
    }
    let run = world
        .run(&["notify-failed-operation", "--dry-run", "--output", "json"])
        .await
        .exits(0)
        .json();
    assert_eq!(run["mail"], "dry run");
    assert_eq!(smtp.commands(), Vec::<String>::new());
    assert_eq!(world.value("select count(*)::text from mailed").await, "0");
    assert_eq!(
        world
            .value("select count(*)::text from runs where job like 'notify%'")
            .await,
        "0"
    );
}

#[tokio::test]
async fn the_old_name_works_and_each_run_is_recorded() {
    let (world, smtp) = World::with_mails().await;
    world.failed_transfers(1).await;
    world
        .run(&["connector:notify:failed-operation", "-q"])
        .await
        .exits(0);
    assert_eq!(smtp.taken().len(), 1);
    let runs = world
        .run(&["list", "runs", "--output", "json"])
        .await
        .json();
    assert_eq!(runs[0]["job"], "notify-failed-operation");
}

#[tokio::test]
async fn a_test_sends_a_mail_and_a_signed_notification_and_says_what_became_of_both() {
    let (mut world, smtp) = World::with_mails().await;
    let server = Receiver::start().await.unwrap();
    world.set("OPERATOR_NOTIFICATION_URL", &server.url());
    world.set("OPERATOR_NOTIFICATION_SECRET", "s3cret");
    let test = ["notify-failed-operation", "--test"];
    let run = world.run(&test).await.exits(0);
    for said in [
        "mail: sent, the mail server 127.0.0.1:",
        "notification: sent, 127.0.0.1:",
        "took it, signed",
    ] {
        assert!(run.stdout.contains(said), "{run:?}");
    }
    assert!(
        smtp.one()
            .parsed()
            .subject
            .contains("this is a test, nothing has failed")
    );
    let told = server.accepted();
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0].json,
        json!({"type": "account.updated", "payload": {"miraklShopId": 0, "stripeUserId": "acct_sample"}})
    );
    assert!(told[0].signature.is_some(), "{told:?}");
    assert_eq!(
        world.notifications().await,
        Vec::<Value>::new(),
        "nothing is kept"
    );

    smtp.does(Manner::RefusesMail);
    server.behave(simulator::Behaviour::Status(500));
    let run = world.run(&test).await.exits(1);
    for said in [
        "mail: failed, the mail server",
        "554 too much of it",
        "notification: failed",
        "it answered 500",
    ] {
        assert!(run.stdout.contains(said), "{run:?}");
    }
    world.unset("OPERATOR_NOTIFICATION_URL");
    world.unset("MAILER_DSN");
    let run = world.run(&test).await.exits(0);
    for said in ["mail: off", "notification: off"] {
        assert!(run.stdout.contains(said), "{run:?}");
    }
}

#[tokio::test]
async fn a_mail_that_was_not_taken_is_sent_by_the_next_run() {
    let (mut world, smtp) = World::with_mails().await;
    world.failed_transfers(1).await;
    world.set("MAILER_DSN", "smtp://127.0.0.1:1");
    let run = world.notify().await.exits(1).says("the next run sends it");
    assert!(
        run.stdout.contains("1 transfer failed"),
        "printed all the same: {run:?}"
    );
    let told = world.notify_json().await;
    assert_eq!(
        (&told["mail"], &told["outcome"]),
        (&json!("failed"), &json!("failed"))
    );
    world.set("MAILER_DSN", &smtp.dsn());
    world.notify().await.exits(0);
    smtp.one();
}
