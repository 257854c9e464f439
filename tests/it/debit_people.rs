//! What people do to debits and payments while the program works on them.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use simulator::{DebitSeed, Effect, Fault, PaymentSeed, ServiceSeed};

use crate::support::debits::{accepted, authorised, captured, confirmed, debits, payment};
use crate::support::{Finished, World, eur};

const TELLS_SERVICES: &str = "PUT /api/mms/debits";
const READS_SERVICES: &str = "GET /api/mms/debits";

#[tokio::test]
async fn a_service_that_is_refused_while_the_answer_gets_lost_is_not_taken_for_confirmed() {
    let mut world = World::new().await;
    world
        .mirakl
        .put_service(ServiceSeed::new("S1", "C1", 2000).price("20.00"));
    world.mirakl.put_debit(DebitSeed::new("D1", "S1", "20.00"));
    let intent = authorised(&world, "C1", 2000);
    let lost = Fault::on(TELLS_SERVICES).times(1).then(Effect::CutAfter);
    let slow = Effect::Delay(Duration::from_secs(2));
    world.sim.faults().add(lost);
    world
        .sim
        .faults()
        .add(Fault::on(READS_SERVICES).nth(2).then(slow));
    let run = world.program(&["validate-pending-debit"]).spawn();
    while world.count(READS_SERVICES) < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world
        .mirakl
        .update_debit("D1", |debit| debit["state"] = json!("REFUSED"));
    Finished::of(run).await.exits(3);
    assert_eq!(captured(&world, &intent), Vec::<i64>::new());
    world.pass(TimeDelta::minutes(6));
    debits(&world).await;
    assert_eq!(captured(&world, &intent), Vec::<i64>::new());
}

/// Two orders of 50.00 in a basket whose money was taken at once; the first one's seller accepted.
fn paid_at_once(world: &World) -> String {
    world.mirakl.put(accepted("C1-A", "50.00"));
    let undecided = eur("C1-B", 2000, "50.00", "1.00").state("WAITING_ACCEPTANCE");
    world.mirakl.put(undecided.unpaid());
    let payment = PaymentSeed::new(10_000, "eur").basket("C1");
    world.sim.stripe().pay(payment).intent.unwrap()
}

#[tokio::test]
async fn a_refund_of_one_order_does_not_keep_the_others_of_its_basket_from_being_confirmed() {
    let mut world = World::with_refunds().await;
    let intent = paid_at_once(&world);
    debits(&world).await.exits(0);
    world.transfer().await.exits(0);
    world.asks("C1-A", "1", "20.00", "0.00");
    world.refund().await.exits(0);
    world.refunded_once("1", 2000, &[2000]).await;
    world.mirakl.put(accepted("C1-B", "50.00"));
    world.pass(TimeDelta::hours(2));
    world.transfer().await.exits(0);
    debits(&world).await.exits(0);
    assert_eq!(payment(&world, "C1").await["refunded"], 2000);
    assert_eq!(confirmed(&world, "C1-B"), [intent]);
}

#[tokio::test]
async fn what_somebody_gave_back_by_hand_is_missing_for_the_orders() {
    let mut world = World::with_refunds().await;
    let intent = paid_at_once(&world);
    world.sim.stripe().refund(&intent, 2000);
    debits(&world).await.exits(0);
    world.mirakl.put(accepted("C1-B", "50.00"));
    world.pass(TimeDelta::minutes(6));
    debits(&world).await.exits(0);
    assert_eq!(world.mirakl.confirmations().len(), 0);
    let why = payment(&world, "C1").await["debits"].to_string();
    assert!(why.contains("the payment holds 80.00 EUR"), "{why}");
}

#[tokio::test]
async fn a_payment_cancelled_by_hand_under_a_confirmed_order_is_mailed_the_same_day() {
    let (mut world, smtp) = World::with_mails().await;
    world.mirakl.put(accepted("C1-A", "10.00"));
    let undecided = eur("C1-B", 2000, "5.00", "1.00").state("WAITING_ACCEPTANCE");
    world.mirakl.put(undecided.unpaid());
    let intent = authorised(&world, "C1", 1500);
    debits(&world).await.exits(0);
    world.sim.stripe().cancel(&intent);
    world.pass(TimeDelta::minutes(6));
    debits(&world).await.exits(0);
    let row = payment(&world, "C1").await;
    assert_eq!(row["status"], "CANCELED", "{row}");
    world.notify().await.exits(0);
    let text = smtp.one().parsed().text;
    assert!(text.contains("Mirakl was told that orders"), "{text}");
    assert!(text.contains(&intent), "{text}");
}

#[tokio::test]
async fn a_capture_that_never_gets_an_answer_is_mailed() {
    let (world, smtp) = World::with_mails().await;
    world.mirakl.put(accepted("C1-A", "10.00"));
    authorised(&world, "C1", 1000);
    let lost = Fault::on("POST /v1/payment_intents/{id}/capture").always();
    world.sim.faults().add(lost.then(Effect::CutBefore));
    debits(&world).await.exits(3);
    let earlier = "set created_at = created_at - interval '8 days',
                       updated_at = updated_at - interval '8 days'";
    world.sql(&format!("update captures {earlier}")).await;
    world
        .sql("update history set at = at - interval '8 days'")
        .await;
    world.notify().await.exits(0);
    let text = smtp.one().parsed().text;
    assert!(text.contains("1 capture: pending"), "{text}");
}

#[tokio::test]
async fn orders_are_not_refused_while_their_payments_cannot_be_searched() {
    let mut world = World::new().await;
    world.set("REFUSE_FAILED_PAYMENTS", "true");
    world.mirakl.put(accepted("C1-A", "10.00"));
    let intent = authorised(&world, "C1", 1000);
    world.sim.stripe().cancel(&intent);
    debits(&world).await.exits(0);
    world.pass(TimeDelta::hours(25));
    let search = Fault::on("GET /v1/payment_intents/search").always();
    world.sim.faults().add(search.then(Effect::Html));
    debits(&world).await.exits(0);
    assert_eq!(world.mirakl.confirmations().len(), 0);
    world.sim.faults().clear();
    world.pass(TimeDelta::minutes(6));
    debits(&world).await.exits(0);
    assert_eq!(world.mirakl.confirmations().len(), 1);
}
