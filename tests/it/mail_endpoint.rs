//! When the operator's server does not take notifications, one mail says so.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use simulator::{Behaviour, Receiver};

use crate::support::World;
use crate::support::smtp::{Manner, Smtp};

/// Shops with accounts, a server that answers 500 to everything, and a change that it is to be told of.
async fn down() -> (World, Smtp, Receiver) {
    let (mut world, smtp) = World::with_mails().await;
    let server = Receiver::start().await.unwrap();
    let secret = format!("{}?token=S3cret", server.url());
    world.set("OPERATOR_NOTIFICATION_URL", &secret);
    world.new_shops(2001..2004);
    world.sync().await.exits(0);
    server.behave(Behaviour::Status(500));
    change(&world, 2001, "a");
    (world, smtp, server)
}

fn change(world: &World, shop: i64, requirement: &str) {
    let account = world.account(shop).id;
    world.sim.stripe().require(&account, requirement);
}

#[tokio::test]
async fn one_mail_names_the_endpoint_the_error_and_the_notifications() {
    let (world, smtp, server) = down().await;
    change(&world, 2002, "a");
    let run = world.sync().await.exits(0);
    assert!(
        run.stderr.contains("did not take a notification"),
        "{run:?}"
    );
    let mail = smtp.one().parsed();
    assert!(
        mail.subject
            .contains("your server does not take notifications (2 notifications wait)"),
        "{}",
        mail.subject
    );
    let rows = world.notifications().await;
    let endpoint = server.url();
    let endpoint = endpoint.trim_start_matches("http://");
    for part in [&mail.text, &mail.html] {
        for shown in [
            endpoint,
            "it answered 500",
            "2 × account.updated",
            "the oldest since",
        ] {
            assert!(part.contains(shown), "{shown} in {part}");
        }
        for row in &rows {
            let id = row["notificationId"].as_str().unwrap();
            assert!(part.contains(id), "{id} in {part}");
        }
        assert!(
            !part.contains("S3cret") && !part.contains("token"),
            "{part}"
        );
    }
}

#[tokio::test]
async fn there_is_one_mail_in_a_cooldown_across_jobs_and_runs() {
    let (mut world, smtp, _server) = down().await;
    world.sync().await.exits(0);
    assert_eq!(smtp.taken().len(), 1);
    for _ in 0..3 {
        world.pass(TimeDelta::minutes(3));
        world.sync().await.exits(0);
        world.transfer().await.exits(0);
    }
    assert_eq!(smtp.taken().len(), 1, "nine minutes later");
    world.pass(TimeDelta::minutes(2));
    change(&world, 2002, "a");
    world.transfer().await.exits(0);
    world.sync().await.exits(0);
    assert_eq!(smtp.taken().len(), 2);
    world.set("MAIL_ON_NOTIFICATION_ENDPOINT_DOWN_COOLDOWN", "60");
    world.pass(TimeDelta::minutes(59));
    world.sync().await.exits(0);
    assert_eq!(smtp.taken().len(), 2);
    world.pass(TimeDelta::minutes(59));
    world.sync().await.exits(0);
    assert_eq!(smtp.taken().len(), 3);
}

#[tokio::test]
async fn the_cooldown_begins_only_when_the_mail_server_has_taken_the_mail() {
    let (mut world, smtp, _server) = down().await;
    smtp.does(Manner::RefusesMail);
    world.sync().await.exits(0).says("nobody could be told");
    assert_eq!(smtp.taken().len(), 0);
    smtp.does(Manner::Takes);
    world.pass(TimeDelta::minutes(2));
    world.sync().await.exits(0);
    assert_eq!(smtp.taken().len(), 1);
}

#[tokio::test]
async fn several_jobs_at_once_send_one_mail() {
    let (world, smtp, server) = down().await;
    change(&world, 2002, "a");
    change(&world, 2003, "a");
    world.ten_more_wait(&server).await;
    // Each is at work while the others are.
    smtp.does(Manner::Slow(Duration::from_millis(500)));
    let runs = (0..6).map(|n| {
        let job = ["process-transfer", "process-payout", "sync-onboarding"][n % 3];
        world.program(&[job]).spawn()
    });
    let children: Vec<_> = runs.collect();
    for child in children {
        crate::support::Finished::of(child).await.exits(0);
    }
    assert_eq!(smtp.taken().len(), 1);
}

impl World {
    /// Ten notifications wait of which none was tried, and the server takes none.
    async fn ten_more_wait(&self, server: &Receiver) {
        self.sql(
            "insert into notifications (type, shop_id, body, next_try_at, created_at, updated_at)
             select 'account.updated', 2001 + n, '{}', now() - interval '1 minute', now(), now()
             from generate_series(0, 9) n",
        )
        .await;
        server.behave(Behaviour::Status(500));
    }
}

#[tokio::test]
async fn whoever_died_while_sending_keeps_others_quiet_for_a_minute_only() {
    let (mut world, smtp, _server) = down().await;
    world
        .sql("insert into mails (kind, claimed_until) values ('endpoint_down', now() + interval '1 minute')")
        .await;
    world.sync().await.exits(0);
    assert_eq!(smtp.taken().len(), 0);
    world.pass(TimeDelta::minutes(2));
    world.sync().await.exits(0);
    assert_eq!(smtp.taken().len(), 1);
}

#[tokio::test]
async fn it_can_be_switched_off() {
    let (mut world, smtp, _server) = down().await;
    world.set("MAIL_ON_NOTIFICATION_ENDPOINT_DOWN", "false");
    world.sync().await.exits(0);
    assert_eq!(smtp.commands(), Vec::<String>::new());
}

#[tokio::test]
async fn a_mail_server_that_hangs_holds_a_job_up_for_ten_seconds_at_most() {
    let (world, smtp, _server) = down().await;
    smtp.does(Manner::Hangs);
    let begin = Instant::now();
    let run = world.sync().await.exits(0);
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(15), "{took:?}");
    assert!(run.stderr.contains("in time"), "{run:?}");
}

#[tokio::test]
async fn many_notifications_are_counted_and_twenty_are_named() {
    let (world, smtp, server) = down().await;
    world.ten_more_wait(&server).await;
    world
        .sql(
            "insert into notifications (type, shop_id, body, next_try_at, created_at, updated_at)
             select 'transfer.failed', 2001, '{}', now(), now(), now() from generate_series(1, 40)",
        )
        .await;
    world.transfer().await.exits(0);
    let text = smtp.one().parsed().text;
    for shown in [
        "50 notifications wait",
        "10 × account.updated, 40 × transfer.failed",
        "and 30 more",
    ] {
        assert!(text.contains(shown), "{shown} in {text}");
    }
}

#[tokio::test]
async fn the_list_says_what_was_delivered_what_waits_behind_what_and_why() {
    let (world, _smtp, _server) = down().await;
    change(&world, 2002, "a");
    world.sync().await.exits(0);
    let rows = world.notifications().await;
    let waiting: Vec<_> = rows
        .iter()
        .filter(|row| row["status"] == "WAITING")
        .collect();
    assert_eq!(waiting.len(), 2, "{rows:#?}");
    assert_eq!(waiting[0]["lastError"], "it answered 500");
    assert_eq!(waiting[1]["waitsBehind"], waiting[0]["internalId"]);
    let id = &waiting[0]["internalId"];
    let table = world.run(&["list", "notifications"]).await.exits(0);
    for shown in ["it answered 500", &format!("waits behind {id}")] {
        assert!(table.stdout.contains(shown), "{shown} in {}", table.stdout);
    }
}
