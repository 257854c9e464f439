//! Conversations with mail servers that are strict, slow, broken or strange; and nothing that is secret
//! in any of them.

use std::time::{Duration, Instant};

use crate::support::smtp::{Manner, Smtp, Tls};
use crate::support::{Finished, World};

const USER: &str = "us@r";
const PASSWORD: &str = "p/S3cret:%";
const LOGIN: &str = "us%40r:p%2FS3cret%3A%25";

fn keeps_the_secret(run: &Finished) {
    let printed = format!("{}{}", run.stdout, run.stderr);
    // Plain, percent-encoded, and in base64 as servers see them.
    for secret in ["S3cret", "us@r", "us%40r", "UzNjcmV0", "AHVzQHIA"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

async fn failing(dsn: &str) -> World {
    let (mut world, _) = World::with_mails().await;
    world.set("MAILER_DSN", dsn);
    world.failed_transfers(1).await;
    world
}

async fn at_trace(world: &World) -> Finished {
    world
        .run(&["notify-failed-operation", "--log-level", "trace"])
        .await
}

#[tokio::test]
async fn a_login_is_sent_over_tls_from_the_start_or_after_starttls() {
    for (tls, scheme, option) in [
        (Tls::Implicit, "smtps", "verify_peer=0"),
        (
            Tls::Implicit,
            "smtp",
            "verify_peer=0&encryption=ssl&auth_mode=login",
        ),
        (Tls::Later, "smtp", "verify_peer=0&encryption=tls"),
    ] {
        let smtp = Smtp::speaking(tls).await;
        let dsn = format!("{scheme}://{LOGIN}@localhost:{}?{option}", smtp.port());
        let world = failing(&dsn).await;
        keeps_the_secret(&at_trace(&world).await.exits(0));
        let mail = smtp.one();
        assert!(mail.encrypted, "{dsn}");
        assert_eq!(mail.login, Some((USER.to_owned(), PASSWORD.to_owned())));
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_gets_no_login_and_no_mail() {
    for (tls, scheme, option) in [
        (Tls::Implicit, "smtps", ""),
        (Tls::Later, "smtp", "?encryption=tls"),
    ] {
        let smtp = Smtp::speaking(tls).await;
        let dsn = format!("{scheme}://{LOGIN}@localhost:{}{option}", smtp.port());
        let world = failing(&dsn).await;
        let run = at_trace(&world)
            .await
            .exits(1)
            .says("invalid peer certificate");
        keeps_the_secret(&run);
        assert!(smtp.taken().is_empty());
        let commands = smtp.commands().join(" ");
        assert!(!commands.contains("AUTH"), "{commands}");
    }
}

#[tokio::test]
async fn a_server_elsewhere_that_offers_no_tls_gets_no_login_and_no_mail() {
    let smtp = Smtp::start().await;
    // It leads to this machine, and is none of its names.
    let dsn = format!("smtp://{LOGIN}@0.0.0.0:{}", smtp.port());
    let world = failing(&dsn).await;
    let run = at_trace(&world).await.exits(1).says("offers no STARTTLS");
    keeps_the_secret(&run);
    assert!(smtp.taken().is_empty());
    let commands = smtp.commands().join(" ");
    assert!(commands.starts_with("EHLO"), "{commands}");
    assert!(
        !commands.contains("AUTH") && !commands.contains("MAIL"),
        "{commands}"
    );
}

#[tokio::test]
async fn no_secret_of_the_address_appears_whatever_is_wrong_with_it() {
    let smtp = Smtp::start().await;
    smtp.does(Manner::RefusesLogin);
    let port = smtp.port();
    for (dsn, code, said) in [
        (
            format!("smtp://{LOGIN}@127.0.0.1:{port}"),
            1,
            "did not accept the user and password",
        ),
        (
            format!("smtp://{LOGIN}@nowhere.invalid:587"),
            1,
            "cannot be reached",
        ),
        (
            format!("smtps://{LOGIN}@127.0.0.1:1"),
            1,
            "cannot be reached",
        ),
        (
            format!("smtp://{LOGIN}@m.example:587?verify_peer=0"),
            2,
            "verify_peer",
        ),
        (
            format!("smtp://{LOGIN}@m.example:587/S3cret"),
            2,
            "MAILER_DSN is no address",
        ),
        (
            format!("smtp://{LOGIN}@m.example:S3cret"),
            2,
            "MAILER_DSN is no address",
        ),
        (
            format!("ses+smtp://{LOGIN}@default"),
            2,
            "MAILER_DSN is no address",
        ),
        (LOGIN.to_owned(), 2, "MAILER_DSN is no address"),
    ] {
        let world = failing(&dsn).await;
        let run = at_trace(&world).await.exits(code).says(said);
        keeps_the_secret(&run);
        let run = world
            .run(&["notify-failed-operation", "--test"])
            .await
            .exits(code);
        keeps_the_secret(&run);
        if code == 1 {
            let runs = world
                .run(&["list", "runs", "--output", "json"])
                .await
                .exits(0);
            keeps_the_secret(&runs);
        }
        keeps_the_secret(&world.run(&["notify-failed-operation", "--help"]).await);
    }
}

#[tokio::test]
async fn the_address_may_be_in_a_file_and_never_in_the_config() {
    let smtp = Smtp::start().await;
    let mut world = failing("").await;
    let folder = std::env::temp_dir().join(format!("dsn-{}", smtp.port()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("dsn");
    std::fs::write(&path, format!("smtp://{LOGIN}@127.0.0.1:{}\n", smtp.port())).unwrap();
    world.set("MAILER_DSN_FILE", path.to_str().unwrap());
    world.notify().await.exits(0);
    assert_eq!(smtp.one().login.unwrap().1, PASSWORD);
    let config = folder.join("connector.toml");
    std::fs::write(&config, "mailer_dsn = \"smtp://u:S3cret@m\"").unwrap();
    let run = world
        .run(&[
            "notify-failed-operation",
            "--config",
            config.to_str().unwrap(),
        ])
        .await
        .exits(2)
        .says("is a secret");
    keeps_the_secret(&run);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_server_that_refuses_drops_or_hangs_is_exit_1_and_the_next_run_sends() {
    for (manner, said) in [
        (Manner::RefusesMail, "554 too much of it"),
        (
            Manner::RefusesRecipient(String::new()),
            "550 nobody of that name",
        ),
        (Manner::Drops, "did not take the mail"),
        (Manner::Hangs, "in time"),
        (Manner::Slow(Duration::from_secs(3)), "in time"),
    ] {
        let (world, smtp) = World::with_mails().await;
        world.failed_transfers(1).await;
        smtp.does(manner.clone());
        let begin = Instant::now();
        world.notify().await.exits(1).says(said);
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(20), "{manner:?} took {took:?}");
        assert!(smtp.taken().is_empty(), "{manner:?}");
        smtp.does(Manner::Takes);
        world.notify().await.exits(0);
        smtp.one();
    }
}

#[tokio::test]
async fn a_server_that_is_slow_or_says_no_farewell_has_taken_the_mail() {
    for manner in [Manner::Slow(Duration::from_millis(300)), Manner::NoFarewell] {
        let (world, smtp) = World::with_mails().await;
        world.failed_transfers(1).await;
        smtp.does(manner);
        world.notify().await.exits(0);
        smtp.one();
    }
}

#[tokio::test]
async fn one_address_that_is_refused_keeps_nobody_else_in_the_dark() {
    let (mut world, smtp) = World::with_mails().await;
    world.failed_transfers(1).await;
    world.set(
        "TECHNICAL_ALERT_EMAIL",
        "gone@example.com, there@example.com",
    );
    smtp.does(Manner::RefusesRecipient("gone@".to_owned()));
    let run = world.notify().await.exits(1).says("for 1 of 2 addresses");
    assert!(run.stderr.contains("550 nobody of that name"), "{run:?}");
    assert_eq!(smtp.one().to, ["there@example.com"]);
}
