//! The operator's server.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulator::{Behaviour, Receiver};

const SOON: Duration = Duration::from_millis(300);

fn client() -> reqwest::Client {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(5));
    client.build().expect("a client")
}

async fn start() -> Receiver {
    Receiver::start().await.expect("a free port")
}

fn notification(shop: i64) -> String {
    json!({ "type": "account.updated", "payload": { "miraklShopId": shop } }).to_string()
}

/// Sends a notification; the status, or `None` without an answer.
async fn tell(receiver: &Receiver, shop: i64) -> Option<u16> {
    let request = client().post(receiver.url()).body(notification(shop));
    let response = request.send().await.ok()?;
    Some(response.status().as_u16())
}

fn shops(deliveries: &[simulator::Delivery]) -> Vec<i64> {
    let shops = deliveries.iter();
    shops
        .map(|one| {
            one.json["payload"]["miraklShopId"]
                .as_i64()
                .expect("a shop")
        })
        .collect()
}

#[tokio::test]
async fn a_notification_is_kept_as_it_came() {
    let receiver = start().await;
    assert!(receiver.url().starts_with("http://127.0.0.1:"));
    assert!(receiver.url().ends_with("/mirakl-stripe"));
    let answer = client()
        .post(receiver.url())
        .header("Content-Type", "application/json")
        .header("Notification-Id", "n-1")
        .header("Notification-Signature", "t=1,v1=00")
        .body(notification(2000))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    let deliveries = receiver.received();
    let [delivery] = deliveries.as_slice() else {
        panic!("there are {}", deliveries.len());
    };
    assert_eq!(delivery.method, "POST");
    assert_eq!(delivery.path, "/mirakl-stripe");
    assert_eq!(delivery.id.as_deref(), Some("n-1"));
    assert_eq!(delivery.signature.as_deref(), Some("t=1,v1=00"));
    assert_eq!(delivery.content_type.as_deref(), Some("application/json"));
    assert_eq!(delivery.body, notification(2000));
    assert_eq!(delivery.json["type"], "account.updated");
    assert_eq!(delivery.status, Some(200));
    assert!((chrono::Utc::now() - delivery.at).num_seconds() < 5);
    assert_eq!(shops(&receiver.accepted()), [2000]);
}

#[tokio::test]
async fn what_is_not_json_is_kept_as_text() {
    let receiver = start().await;
    let request = client().post(receiver.url()).body("nonsense");
    request.send().await.expect("an answer");
    let delivery = &receiver.received()[0];
    assert_eq!(delivery.body, "nonsense");
    assert_eq!(delivery.json, Value::Null);
    assert_eq!((&delivery.id, &delivery.signature), (&None, &None));
}

#[tokio::test]
async fn bad_answers_are_received_but_not_accepted() {
    let receiver = start().await;
    receiver.behave(Behaviour::Status(500));
    assert_eq!(tell(&receiver, 1).await, Some(500));
    receiver.behave(Behaviour::Status(204));
    assert_eq!(tell(&receiver, 2).await, Some(204));
    receiver.behave(Behaviour::Close);
    assert_eq!(tell(&receiver, 3).await, None);
    receiver.behave(Behaviour::Accept);
    assert_eq!(tell(&receiver, 4).await, Some(200));
    assert_eq!(shops(&receiver.received()), [1, 2, 3, 4]);
    assert_eq!(shops(&receiver.accepted()), [2, 4]);
    let statuses: Vec<_> = receiver.received().iter().map(|one| one.status).collect();
    assert_eq!(statuses, [Some(500), Some(204), None, Some(200)]);
    receiver.clear();
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn a_redirect_names_the_other_address() {
    let (receiver, other) = (start().await, start().await);
    receiver.behave(Behaviour::Redirect(other.url()));
    let request = client().post(receiver.url()).body(notification(1));
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 307);
    assert_eq!(answer.headers()["location"], other.url().as_str());
    assert!(receiver.accepted().is_empty());
    // Whoever follows it would give the notification away.
    let request = reqwest::Client::new().post(receiver.url());
    let answer = request.body(notification(2)).send().await;
    assert_eq!(answer.expect("an answer").status(), 200);
    assert_eq!(shops(&other.received()), [2]);
}

#[tokio::test]
async fn only_some_notifications_may_go_wrong() {
    let receiver = start().await;
    let about = |shop: i64| {
        move |one: &simulator::Delivery| one.json["payload"]["miraklShopId"] == json!(shop)
    };
    receiver.behave_for(about(2001), Behaviour::Status(503));
    receiver.behave_for(about(2002), Behaviour::Status(400));
    let mut statuses = Vec::new();
    for shop in [2000, 2001, 2002] {
        statuses.push(tell(&receiver, shop).await);
    }
    assert_eq!(statuses, [Some(200), Some(503), Some(400)]);
    // The last word counts.
    receiver.behave_for(about(2001), Behaviour::Accept);
    assert_eq!(tell(&receiver, 2001).await, Some(200));
    receiver.behave(Behaviour::Accept);
    assert_eq!(tell(&receiver, 2002).await, Some(200));
}

#[tokio::test]
async fn a_slow_server_accepts_in_the_end() {
    let receiver = start().await;
    receiver.behave(Behaviour::Slow(SOON));
    let start = Instant::now();
    assert_eq!(tell(&receiver, 1).await, Some(200));
    assert!(start.elapsed() >= SOON);
    assert_eq!(receiver.accepted().len(), 1);
}

#[tokio::test]
async fn a_client_that_left_was_not_answered() {
    let receiver = start().await;
    for behaviour in [Behaviour::Slow(SOON * 2), Behaviour::Hang] {
        receiver.behave(behaviour);
        let request = client().post(receiver.url()).timeout(SOON);
        assert!(request.body(notification(1)).send().await.is_err());
    }
    tokio::time::sleep(SOON * 2).await;
    assert_eq!(receiver.received().len(), 2);
    assert!(receiver.accepted().is_empty());
    // The next one is not held up.
    receiver.behave(Behaviour::Accept);
    assert_eq!(tell(&receiver, 2).await, Some(200));
}

#[tokio::test]
async fn a_slow_body_follows_its_headers() {
    let receiver = start().await;
    receiver.behave(Behaviour::SlowBody(SOON));
    let start = Instant::now();
    let request = client().post(receiver.url()).body(notification(1));
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert!(start.elapsed() < SOON);
    assert!(answer.text().await.expect("a body").ends_with('\n'));
    assert!(start.elapsed() >= SOON / 2);
    assert_eq!(receiver.accepted().len(), 1);
}

#[tokio::test]
async fn other_paths_and_methods_are_not_for_notifications() {
    let receiver = start().await;
    let answer = client().get(receiver.url()).send().await;
    assert_eq!(answer.expect("an answer").status(), 405);
    let elsewhere = receiver.url().replace("/mirakl-stripe", "/");
    let answer = client().post(elsewhere).send().await;
    assert_eq!(answer.expect("an answer").status(), 404);
    assert_eq!(receiver.received().len(), 2);
    assert!(receiver.accepted().is_empty());
}

#[tokio::test]
async fn a_signature_is_that_of_its_secret_time_and_body() {
    // HMAC-SHA256 of `1700000000.{"type":"account.updated"}` under `secret`.
    const HEX: &str = "15494f9f787ec745efdd135a636eb72f7935c5ea64b513437e943f8375b35274";
    let receiver = start().await;
    let body = r#"{"type":"account.updated"}"#;
    let sent = [
        (format!("t=1700000000,v1={HEX}"), body, true),
        (format!("t=1700000000,v1=00,v1={HEX}"), body, true),
        (format!("t=1700000001,v1={HEX}"), body, false),
        (format!("t=1700000000,v0={HEX}"), body, false),
        (format!("v1={HEX}"), body, false),
        (format!("t=soon,v1={HEX}"), body, false),
        ("t=1700000000".to_owned(), body, false),
        (String::new(), body, false),
        (format!("t=1700000000,v1={HEX}"), "{}", false),
    ];
    for (signature, body, _) in &sent {
        let request = client().post(receiver.url());
        let request = request.header("Notification-Signature", signature);
        let answer = request.body((*body).to_owned()).send().await;
        answer.expect("an answer");
    }
    for (delivery, (signature, _, good)) in receiver.received().iter().zip(&sent) {
        assert_eq!(delivery.signed_with("secret"), *good, "{signature}");
        assert!(!delivery.signed_with("another"), "{signature}");
    }
    receiver.clear();
    tell(&receiver, 1).await;
    assert!(!receiver.received()[0].signed_with("secret"));
}

#[tokio::test]
async fn every_handle_is_of_the_same_receiver() {
    let receiver = start().await;
    let other = receiver.clone();
    other.behave(Behaviour::Status(418));
    assert_eq!(tell(&receiver, 1).await, Some(418));
    assert_eq!(other.received().len(), 1);
    let url = receiver.url();
    drop((receiver, other));
    tokio::time::sleep(SOON).await;
    assert!(client().post(url).send().await.is_err());
}
