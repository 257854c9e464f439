//! Nothing leaks, and a wrong key is one clear line.

use simulator::{Effect, Fault};

use crate::support::{Finished, World};

const SECRETS: [&str; 4] = ["simulator", "mirakl-operator-key", "Bearer", "pw-of-nobody"];

/// What the program printed, without the lines in which clap names its arguments.
fn leaks(run: &Finished) -> Option<&'static str> {
    let printed = format!("{}{}", run.stdout, run.stderr);
    SECRETS.into_iter().find(|secret| printed.contains(secret))
}

#[tokio::test]
async fn a_wrong_stripe_key_stops_the_run_with_1_and_one_clear_line() {
    let mut world = World::new().await;
    world.orders(2);
    world.set("STRIPE_CLIENT_SECRET", "sk_test_wrongkey1234");
    let run = world
        .transfer()
        .await
        .exits(1)
        .says("Stripe refused the key");
    assert_eq!(run.stderr.lines().count(), 1, "{run:#?}");
    assert!(
        !run.stderr.contains("wrongkey") && !run.stderr.contains("1234"),
        "{run:#?}"
    );
    assert!(world.sim.stripe().transfers().is_empty());
}

#[tokio::test]
async fn a_key_that_expires_in_the_middle_stops_the_run_and_the_next_goes_on() {
    let mut world = World::new().await;
    world.set("STRIPE_MAX_CONCURRENCY", "1");
    let ids = world.orders(6);
    world.sim.faults().add(
        Fault::on("POST /v1/transfers")
            .nth(3)
            .then(Effect::Status(401)),
    );
    let run = world
        .transfer()
        .await
        .exits(1)
        .says("check STRIPE_CLIENT_SECRET");
    assert_eq!(run.stderr.lines().count(), 1, "{run:#?}");
    assert_eq!(world.sim.stripe().transfers().len(), 2);
    world.transfer().await.exits(0);
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn a_wrong_mirakl_key_stops_the_run_with_1_and_one_clear_line() {
    let mut world = World::new().await;
    world.set("MIRAKL_API_KEY", "wrong-mirakl-key");
    let run = world
        .transfer()
        .await
        .exits(1)
        .says("Mirakl refused the credentials");
    assert_eq!(run.stderr.lines().count(), 1, "{run:#?}");
    assert!(!run.stderr.contains("wrong-mirakl-key"), "{run:#?}");
}

#[tokio::test]
async fn what_stripe_repeats_of_the_key_is_told_nobody() {
    let world = World::new().await;
    world.orders(1);
    let refusal = Effect::Refusal {
        status: 403,
        code: Some("account_invalid".to_owned()),
        param: None,
        message: "The provided key 'sk_test_****a9Zq' does not have access.".to_owned(),
    };
    let fault = Fault::on("POST /v1/transfers").then(refusal);
    world.sim.faults().add(fault);
    let run = world.transfer().await.exits(3);
    let row = world.row("C1-A").await;
    assert!(row.reason.contains("does not have access"), "{row:?}");
    let told = format!("{}{}{}", run.stdout, run.stderr, row.reason);
    assert!(
        !told.contains("a9Zq") && !told.contains("sk_test"),
        "{told}"
    );
}

#[tokio::test]
async fn no_secret_appears_in_the_most_talkative_log_of_a_run_with_every_kind_of_fault() {
    let world = World::new().await;
    world.orders(8);
    for (n, effect) in [
        Effect::CutAfter,
        Effect::Status(500),
        Effect::Html,
        Effect::EmptyBody,
    ]
    .into_iter()
    .enumerate()
    {
        world
            .sim
            .faults()
            .add(Fault::on("POST /v1/transfers").nth(n * 2 + 1).then(effect));
    }
    let run = world
        .run(&[
            "process-transfer",
            "--log-level",
            "trace",
            "--output",
            "json",
        ])
        .await;
    assert!(
        run.stderr.lines().count() > 20,
        "the log is talkative: {}",
        run.stderr
    );
    assert_eq!(leaks(&run), None);
}

#[tokio::test]
async fn no_secret_appears_in_help_lists_or_settings_mistakes() {
    let world = World::new().await;
    world.orders(1);
    world.transfer().await.exits(0);
    for arguments in [
        &["--help"][..],
        &["process-transfer", "--help"],
        &["list", "runs"],
        &["list", "accounts", "--output", "json"],
        &["list", "transfers", "--id", "C1-A"],
        &["list", "payments"],
        &["process-transfer", "--dry-run"],
    ] {
        let run = world.run(arguments).await;
        assert_eq!(leaks(&run), None, "{arguments:?}: {run:#?}");
    }
    let run = world
        .program(&["process-transfer"])
        .env("STRIPE_CLIENT_SECRET", "pk_simulator")
        .env("DATABASE_URL", "mysql://u:pw-of-nobody@h/d")
        .env("MIRAKL_CLIENT_SECRET", "mirakl-operator-key-2")
        .run()
        .await
        .exits(2);
    assert_eq!(leaks(&run), None, "{run:#?}");
}
