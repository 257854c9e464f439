//! Stripe acts or not, and the answer does not come: the same request decides.

use chrono::TimeDelta;
use simulator::{Effect, Fault};

use crate::support::{World, eur};

const CREATE: &str = "POST /v1/transfers";

fn fault(effect: Effect) -> Fault {
    Fault::on(CREATE).then(effect)
}

/// One fault that passes by itself: the run ends well and the ledger holds one transfer.
async fn passes(effect: Effect) {
    let world = World::new().await;
    let ids = world.orders(3);
    world.sim.faults().add(fault(effect.clone()));
    let run = world.transfer().await;
    assert_eq!(run.code, Some(0), "{effect:?}: {run:#?}");
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn a_connection_cut_before_or_after_stripe_acted_is_settled_within_the_run() {
    passes(Effect::CutBefore).await;
    passes(Effect::CutAfter).await;
}

#[tokio::test]
async fn a_passing_error_of_stripe_is_settled_within_the_run() {
    passes(Effect::Status(500)).await;
    passes(Effect::Status(503)).await;
    passes(Effect::TooManyRequests { retry_after: None }).await;
    passes(Effect::LockTimeout).await;
}

#[tokio::test]
async fn an_answer_that_is_no_json_leaves_a_doubt_that_the_next_run_settles() {
    for effect in [Effect::Html, Effect::EmptyBody] {
        let world = World::new().await;
        let ids = world.orders(3);
        world.sim.faults().add(fault(effect));
        world
            .transfer()
            .await
            .exits(3)
            .says("1 of the waiting in doubt");
        let doubts = world.rows().await.into_values();
        assert_eq!(doubts.filter(|r| r.status == "TRANSFER_PENDING").count(), 1);
        world.transfer().await.exits(0).says("1 created");
        world.each_moved_once(&ids, 900).await;
    }
}

#[tokio::test]
async fn a_stored_500_after_the_effect_is_found_by_the_next_run() {
    let world = World::new().await;
    let ids = world.orders(3);
    world.sim.faults().add(fault(Effect::StatusAfter(500)));
    world.transfer().await.exits(3);
    world.transfer().await.exits(0);
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn a_stored_500_without_effect_is_carried_out_once_stripe_has_forgotten_the_key() {
    let mut world = World::new().await;
    let ids = world.orders(3);
    world.sim.faults().add(fault(Effect::StatusStored(500)));
    world.transfer().await.exits(3);
    world.transfer().await.exits(3);
    assert_eq!(world.sim.stripe().transfers().len(), 2);
    world.pass(TimeDelta::hours(25));
    world.transfer().await.exits(0);
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn stored_500s_do_not_keep_what_is_new_waiting() {
    let world = World::new().await;
    world.orders(12);
    world
        .sim
        .faults()
        .add(Fault::on(CREATE).always().then(Effect::StatusStored(500)));
    world.transfer().await;
    world.sim.faults().clear();
    world.paid(eur("NEW-A", 2000, "10.00", "1.00"), "NEW", 1000);
    world.sim.clear_calls();
    world.transfer().await.exits(3).says("12 of the waiting");
    assert_eq!(world.moved("NEW-A"), [900]);
    assert_eq!(
        world.sim.count(CREATE),
        13,
        "a stored answer is asked for once"
    );
}

#[tokio::test]
async fn leftovers_that_stripe_does_not_answer_do_not_keep_what_is_new_waiting() {
    let world = World::new().await;
    let ids = world.orders(12);
    world
        .sim
        .faults()
        .add(Fault::on(CREATE).always().then(Effect::Status(500)));
    world.transfer().await.exits(1).says("did not answer");
    world.sim.faults().clear();
    for id in &ids {
        let old = Fault::on(CREATE).always().containing(&format!("={id}&"));
        world.sim.faults().add(old.then(Effect::Status(500)));
    }
    world.paid(eur("NEW-A", 2000, "10.00", "1.00"), "NEW", 1000);
    world.transfer().await.exits(1).says("did not answer");
    assert_eq!(world.moved("NEW-A"), [900]);
    world.sim.faults().clear();
    world.transfer().await.exits(0);
    world
        .each_moved_once(&[&ids[..], &["NEW-A".to_owned()]].concat(), 900)
        .await;
}

#[tokio::test]
async fn no_answer_for_a_day_and_longer_is_looked_up_before_anything_is_sent_again() {
    let mut world = World::new().await;
    let ids = world.orders(2);
    world
        .sim
        .faults()
        .add(Fault::on(CREATE).always().then(Effect::CutAfter));
    world.transfer().await.exits(3);
    world.sim.faults().clear();
    world.pass(TimeDelta::hours(30));
    world.sim.clear_calls();
    world.transfer().await.exits(0);
    assert_eq!(world.sim.count(CREATE), 0, "found, not sent again");
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn an_old_doubt_is_looked_up_even_where_stripes_list_was_already_compared() {
    let mut world = World::new().await;
    let ids = world.orders(2);
    world
        .sim
        .faults()
        .add(Fault::on(CREATE).always().then(Effect::CutAfter));
    world.transfer().await.exits(3);
    world.sim.faults().clear();
    // However the span came to end behind the doubt: what is old is not sent without a look.
    let mut conn = world.db.connect().await;
    sqlx::query("update adoptions set covered_until = now() + interval '1 day'")
        .execute(&mut conn)
        .await
        .unwrap();
    world.pass(TimeDelta::hours(30));
    world.sim.clear_calls();
    world.transfer().await.exits(0);
    assert_eq!(world.sim.count(CREATE), 0, "found, not sent again");
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn sent_again_means_the_same_bytes_under_the_same_key() {
    let mut world = World::new().await;
    world.orders(1);
    world
        .sim
        .faults()
        .add(Fault::on(CREATE).times(5).then(Effect::CutBefore));
    world.transfer().await.exits(3);
    // Facts that would lead to another request do not change the one that left.
    world
        .mirakl
        .update("C1-A", |order| order["total_commission"] = 2.into());
    world.set("PAYMENT_METADATA_COMMERCIAL_ORDER_ID", "another_key");
    // Nor does the time after which a decision that was not sent is made anew.
    world.pass(TimeDelta::minutes(11));
    world.transfer().await.exits(0);
    let calls = world.sim.calls();
    let sent: Vec<_> = calls
        .iter()
        .filter(|call| call.endpoint == CREATE)
        .collect();
    assert!(sent.len() == 6, "{}", sent.len());
    for call in &sent {
        assert_eq!(call.body, sent[0].body);
        assert_eq!(call.idempotency_key, sent[0].idempotency_key);
        assert_eq!(call.stripe_version.as_deref(), Some("2026-06-24.dahlia"));
    }
    let key = format!("ms1:{}:transfer:PRODUCT_ORDER:C1-A:1", world.mirakl.host());
    assert_eq!(sent[0].idempotency_key.as_deref(), Some(key.as_str()));
    assert_eq!(world.moved("C1-A"), [900]);
}

#[tokio::test]
async fn an_upgrade_between_two_tries_sends_the_bytes_that_were_stored() {
    let world = World::new().await;
    world.orders(1);
    world
        .sim
        .faults()
        .add(Fault::on(CREATE).times(5).then(Effect::CutAfter));
    world.transfer().await.exits(3);
    // A later version would encode otherwise; the row holds what an earlier one had sent.
    let mut conn = world.db.connect().await;
    sqlx::query(
        "update transfers set request_body = request_body || '&description=of+a+later+version'",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    world.sim.faults().clear();
    // Other bytes under the same key are refused, looked up, and found.
    world.transfer().await.exits(0);
    world.each_moved_once(&["C1-A".to_owned()], 900).await;
}

#[tokio::test]
async fn a_refused_key_without_a_transfer_behind_it_fails_and_is_tried_under_a_new_one() {
    let mut world = World::new().await;
    world.orders(1);
    world.sim.faults().add(fault(Effect::StatusStored(500)));
    world.transfer().await.exits(3);
    let mut conn = world.db.connect().await;
    sqlx::query(
        "update transfers set request_body = replace(request_body, 'amount=900', 'amount=901')",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    world.transfer().await.exits(3);
    let row = world.row("C1-A").await;
    assert_eq!((row.status.as_str(), row.attempt), ("TRANSFER_FAILED", 2));
    world.pass(TimeDelta::hours(25));
    world.transfer().await.exits(0);
    world.each_moved_once(&["C1-A".to_owned()], 900).await;
}

#[tokio::test]
async fn when_stripe_does_not_answer_at_all_the_run_stops_and_the_next_goes_on() {
    let world = World::new().await;
    let ids = world.orders(30);
    world
        .sim
        .faults()
        .add(Fault::on(CREATE).always().then(Effect::Status(503)));
    world
        .transfer()
        .await
        .exits(1)
        .says("Stripe did not answer");
    assert!(world.sim.count(CREATE) < 30 * 5, "it gave up early");
    world.sim.faults().clear();
    world.transfer().await.exits(0);
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn a_refusal_is_failed_with_stripes_words_and_tried_again_under_a_new_key() {
    let mut world = World::new().await;
    let ids = world.orders(2);
    world
        .sim
        .stripe()
        .set_capability("acct_shop2000", "transfers", "inactive");
    world.transfer().await.exits(3).says("2 failed");
    let row = world
        .stands(
            "C1-A",
            "TRANSFER_FAILED",
            "insufficient_capabilities_for_transfer",
        )
        .await;
    assert!(row.reason.starts_with("Stripe refused: "), "{row:?}");
    assert_eq!(row.attempt, 2);
    // Not due yet: nothing is sent.
    world.sim.clear_calls();
    world.transfer().await.exits(0);
    assert_eq!(world.sim.count(CREATE), 0);
    // Due, and Stripe is asked first whether the account can receive by now.
    world.pass(TimeDelta::minutes(6));
    world.transfer().await.exits(0);
    world
        .stands("C1-A", "TRANSFER_ON_HOLD", "account_cannot_receive")
        .await;
    world
        .sim
        .stripe()
        .set_capability("acct_shop2000", "transfers", "active");
    world.pass(TimeDelta::minutes(6));
    world.transfer().await.exits(0);
    world.each_moved_once(&ids, 900).await;
}

#[tokio::test]
async fn refusals_in_a_row_wait_longer_and_longer() {
    let mut world = World::new().await;
    world.orders(1);
    // Stripe refuses each transfer, although it shows the account as able to receive.
    world
        .sim
        .stripe()
        .set_capability("acct_shop2000", "transfers", "inactive");
    let shown = r#"{"id":"acct_shop2000","capabilities":{"transfers":"active"}}"#;
    let reads = Fault::on("GET /v1/accounts/{id}").always();
    world
        .sim
        .faults()
        .add(reads.then(Effect::Body(200, shown.to_owned())));
    let code = "insufficient_capabilities_for_transfer";
    for (attempt, minutes) in [(2, 5), (3, 10), (4, 20)] {
        world.transfer().await.exits(3);
        let row = world.stands("C1-A", "TRANSFER_FAILED", code).await;
        assert_eq!(row.attempt, attempt);
        let wait = row.next_look_at.unwrap() - world.sim.clock().now();
        assert!(wait <= TimeDelta::minutes(minutes), "{wait}");
        assert!(wait > TimeDelta::minutes(minutes - 1), "{wait}");
        world.pass(TimeDelta::minutes(minutes + 1));
    }
}
