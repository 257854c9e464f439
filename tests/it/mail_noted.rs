//! What needs a person or waits too long: the shorter lists of the daily mail.

use chrono::{TimeDelta, Utc};
use serde_json::Value;
use simulator::PaymentSeed;

use crate::support::smtp::Manner;
use crate::support::{World, eur};

#[tokio::test]
async fn what_stays_as_it_is_is_mailed_once_and_again_when_it_changes() {
    let (world, smtp) = World::with_mails().await;
    world
        .flagged("transferred 9.00 EUR, Mirakl now says 8.00 EUR")
        .await;
    given_up(&world).await;
    shortfall(&world).await;
    smtp.does(Manner::RefusesMail);
    world.notify().await.exits(1);
    assert_eq!(
        world.value("select count(*)::text from mailed").await,
        "0",
        "nothing was taken"
    );
    smtp.does(Manner::Takes);
    world.notify().await.exits(0);
    let text = smtp.one().parsed().text;
    for shown in [
        "Differences: a person decides (1)",
        "Mirakl now says 8.00 EUR",
        "Notifications that your server never took (1)",
        "it answered 503",
        "could not be taken back in full",
        "2.50 EUR",
        "missing of 4.00 EUR from tr_d1",
    ] {
        assert!(text.contains(shown), "{shown} in {text}");
    }
    let run = world.notify().await.exits(0);
    assert_eq!(
        (run.stdout.as_str(), smtp.taken().len()),
        ("", 1),
        "no news"
    );
    let told = world.notify_json().await;
    assert!(told["differences"][0]["mailedAt"].is_string(), "{told:#}");
    world
        .flagged("transferred 9.00 EUR, Mirakl now says 7.00 EUR")
        .await;
    world.notify().await.exits(0);
    let text = smtp.taken()[1].parsed().text;
    assert!(text.contains("Mirakl now says 7.00 EUR"), "{text}");
    assert!(!text.contains("it answered 503"), "{text}");
}

#[tokio::test]
async fn news_that_do_not_fit_into_a_mail_come_with_the_next_one() {
    let (world, smtp) = World::with_mails().await;
    world
        .sql(
            "insert into transfers (type, mirakl_id, shop_id, status, amount, currency, destination,
                                    transfer_id, stripe_created_at, difference, created_at, updated_at)
             select 'PRODUCT_ORDER', 'D' || n, 2000, 'TRANSFER_CREATED', 900, 'EUR', 'acct_shop2000',
                    'tr_d' || n, now(), 'difference ' || n || '.', now(), now()
             from generate_series(1, 60) n",
        )
        .await;
    for _ in 0..3 {
        world.notify().await.exits(0);
    }
    let taken = smtp.taken();
    let mails: Vec<String> = taken.iter().map(|mail| mail.parsed().text).collect();
    assert_eq!(mails.len(), 2);
    assert!(mails[0].contains("and 10 more"), "{}", mails[0]);
    assert!(
        mails[1].contains("and 50 that were mailed before"),
        "{}",
        mails[1]
    );
    for n in 1..=60 {
        let shown = format!("difference {n}.");
        let told = mails.iter().filter(|mail| mail.contains(&shown));
        assert_eq!(told.count(), 1, "{shown}");
    }
    let subject = taken[0].parsed().subject;
    assert!(subject.contains("60 to look at"), "{subject}");
}

async fn given_up(world: &World) {
    world
        .sql(
            "insert into notifications (type, shop_id, body, status, tries, last_error, created_at, updated_at)
             values ('account.updated', 2000, '{}', 'GIVEN_UP', 9, 'it answered 503', now(), now())",
        )
        .await;
}

async fn shortfall(world: &World) {
    world
        .sql(
            "insert into refunds (type, mirakl_id, order_id, shop_id, step, status, amount, currency, charge_id,
                                  stripe_refund_id, stripe_created_at, confirmed_at, created_at, updated_at)
             values ('PRODUCT_REFUND', '1100', 'D1-A', 2000, 'REVERSE', 'REFUND_CREATED', 500, 'EUR', 'ch_1',
                     're_1', now(), now(), now(), now());
             insert into reversals (refund_id, transfer_type, transfer_id, currency, wanted, amount, reversal_id,
                                    stripe_created_at, created_at, updated_at)
             select id, 'PRODUCT_ORDER', 'tr_d1', 'EUR', 400, 150, 'trr_1', now(), now(), now() from refunds",
        )
        .await;
}

#[tokio::test]
async fn what_waits_for_longer_than_the_days_that_are_set_is_summed_up_by_reason_and_currency() {
    let (mut world, smtp) = World::with_mails().await;
    world
        .sql(
            "insert into transfers (type, mirakl_id, status, status_reason, reason_code, amount, currency,
                                    next_look_at, created_at, updated_at)
             select 'PRODUCT_ORDER', 'H' || n, 'TRANSFER_ON_HOLD', 'the shop has no account yet ' || n, 'no_account',
                    case when n < 4 then 100 * n end,
                    case n when 1 then 'EUR' when 2 then 'EUR' when 3 then 'JPY' end,
                    now(), now() - n * interval '2 days', now() - n * interval '2 days'
             from generate_series(1, 5) n",
        )
        .await;
    // Its reason has changed since, it waits all the same.
    world
        .sql("update transfers set status_reason = 'another word', updated_at = now() where mirakl_id = 'H5'")
        .await;
    world.set("HOLD_ALERT_DAYS", "3");
    world.notify().await.exits(0);
    let text = smtp.one().parsed().text;
    let words: Vec<&str> = text.split_whitespace().collect();
    let words = words.join(" ");
    for shown in [
        "Waiting for more than 3 days, by reason (1)",
        "4 transfers: no_account: 2.00 EUR, 300 JPY, 2 without an amount",
        "the oldest: another word",
    ] {
        assert!(words.contains(shown), "{shown} in {words}");
    }
    world.set("HOLD_ALERT_DAYS", "11");
    let run = world.notify().await.exits(0);
    assert_eq!((run.stdout.as_str(), smtp.taken().len()), ("", 1));
}

#[tokio::test]
async fn an_authorisation_that_is_about_to_end_and_a_payment_that_failed_are_told_with_their_orders()
 {
    let (mut world, smtp) = World::with_mails().await;
    let ends = Utc::now() + TimeDelta::hours(40);
    let seed = PaymentSeed::new(3000, "eur").basket("E1").authorized();
    world.sim.stripe().pay(seed.capture_before(ends));
    world
        .mirakl
        .put(eur("E1-A", 2000, "10.00", "1.00").waiting_debit());
    world.mirakl.put(
        eur("E1-B", 2000, "20.00", "1.00")
            .state("WAITING_ACCEPTANCE")
            .unpaid(),
    );
    world
        .sim
        .stripe()
        .pay(PaymentSeed::new(500, "eur").basket("F1").canceled());
    world
        .mirakl
        .put(eur("F1-A", 2000, "5.00", "1.00").waiting_debit());
    world.run(&["validate-pending-debit"]).await;
    world.pass(TimeDelta::minutes(10));
    world.run(&["validate-pending-debit"]).await;
    let run = world.notify().await.exits(0);
    let text = smtp.one().parsed().text;
    let words: Vec<&str> = text.split_whitespace().collect();
    let words = words.join(" ");
    let until = ends
        .format("authorised until %Y-%m-%d %H:%M UTC")
        .to_string();
    for shown in [
        "basket E1",
        "30.00 EUR",
        &until,
        "E1-B",
        "basket F1",
        "F1-A",
    ] {
        assert!(words.contains(shown), "{shown} in {words}\n{}", run.stdout);
    }
    let told = world.notify_json().await;
    let baskets: Vec<&Value> = told["payments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["commercialOrderId"])
        .collect();
    assert_eq!(baskets, ["E1", "F1"]);
}

#[tokio::test]
async fn a_shop_with_several_accounts_at_stripe_is_told_with_their_names() {
    let (world, smtp) = World::with_mails().await;
    world
        .sql(
            "insert into onboardings (shop_id, status, status_reason, reason_code, candidates, next_look_at,
                                      created_at, updated_at)
             values (2001, 'ACCOUNT_ON_HOLD', 'several accounts were made for this shop', 'several_accounts',
                     '{acct_a,acct_b}', now(), now(), now()),
                    (2002, 'ACCOUNT_ON_HOLD', 'the shop is not open', 'not_open', '{}', now(), now(), now()),
                    (2003, 'ACCOUNT_FAILED', 'Stripe refused: country', 'country', '{}', now(), now(), now())",
        )
        .await;
    world.notify().await.exits(0);
    let text = smtp.one().parsed().text;
    for shown in [
        "shop 2001",
        "one of: acct_a,",
        "acct_b)",
        "shop 2003",
        "Stripe refused: country",
    ] {
        assert!(text.contains(shown), "{shown} in {text}");
    }
    assert!(!text.contains("shop 2002"), "{text}");
}
