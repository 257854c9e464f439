use chrono::TimeDelta;
use simulator::{MIRAKL_CLIENT_ID, MIRAKL_CLIENT_SECRET, MIRAKL_KEY};

use crate::client::World;

async fn token(world: &World) -> String {
    let body = format!(
        "grant_type=client_credentials&client_id={MIRAKL_CLIENT_ID}&client_secret={MIRAKL_CLIENT_SECRET}"
    );
    let answer = reqwest::Client::new()
        .post(world.sim.mirakl().token_url())
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(body)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    let answer: serde_json::Value = answer.json().await.expect("JSON");
    assert_eq!(answer["expires_in"], 3599);
    answer["access_token"].as_str().expect("a token").to_owned()
}

async fn status_with(world: &World, authorization: &str) -> u16 {
    let url = format!("{}/api/orders", world.sim.mirakl().url());
    let headers = [("Authorization", authorization)];
    world.get(&url, &headers).await.expect("an answer").status
}

#[tokio::test]
async fn the_operator_key_is_sent_raw() {
    let world = World::new().await;
    assert_eq!(status_with(&world, MIRAKL_KEY).await, 200);
    assert_eq!(
        status_with(&world, &format!("Bearer {MIRAKL_KEY}")).await,
        401
    );
    assert_eq!(status_with(&world, "another-key").await, 401);
}

#[tokio::test]
async fn a_refusal_of_access_has_mirakls_form() {
    let world = World::new().await;
    let url = format!("{}/api/orders", world.sim.mirakl().url());
    let reply = world.get(&url, &[]).await.expect("an answer");
    assert_eq!(reply.status, 401);
    assert_eq!(reply.json()["message"], "Unauthorized");
    assert_eq!(reply.json()["status"], 401);
}

#[tokio::test]
async fn a_token_is_good_until_it_expires_by_the_simulators_clock() {
    let world = World::new().await;
    let bearer = format!("Bearer {}", token(&world).await);
    assert_eq!(status_with(&world, &bearer).await, 200);
    world.sim.clock().advance(TimeDelta::seconds(3600));
    assert_eq!(status_with(&world, &bearer).await, 401);
}

#[tokio::test]
async fn revoked_tokens_are_refused_and_new_ones_are_not() {
    let world = World::new().await;
    let old = format!("Bearer {}", token(&world).await);
    world.sim.mirakl().revoke_tokens();
    assert_eq!(status_with(&world, &old).await, 401);
    let new = format!("Bearer {}", token(&world).await);
    assert_eq!(status_with(&world, &new).await, 200);
}

#[tokio::test]
async fn a_wrong_client_secret_gets_no_token() {
    let world = World::new().await;
    let answer = reqwest::Client::new()
        .post(world.sim.mirakl().token_url())
        .body("grant_type=client_credentials&client_id=mirakl-client&client_secret=guess")
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 401);
}

#[tokio::test]
async fn marketplaces_have_their_own_orders_and_tokens() {
    let world = World::new().await;
    let other = world.sim.add_marketplace().await.expect("a port");
    world
        .sim
        .mirakl()
        .put(simulator::OrderSeed::new("A-1", "A", 1));
    assert_ne!(other.host(), world.sim.mirakl().host());
    assert!(other.orders().is_empty());
    let bearer = format!("Bearer {}", token(&world).await);
    let url = format!("{}/api/orders", other.url());
    let reply = world.get(&url, &[("Authorization", &bearer)]).await;
    assert_eq!(reply.expect("an answer").status, 401);
    let hosts: Vec<String> = world
        .sim
        .calls()
        .into_iter()
        .map(|call| call.host)
        .collect();
    assert_eq!(hosts, [world.sim.mirakl().host(), other.host()]);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused() {
    let world = World::new().await;
    assert_eq!(world.mirakl("/api/nothing").await.status, 404);
    assert_eq!(world.mirakl("/api/version").await.status, 200);
    assert_eq!(world.mirakl("/oauth/token").await.status, 405);
}

#[tokio::test]
async fn the_date_header_follows_the_clock() {
    let world = World::new().await;
    world.sim.clock().advance(TimeDelta::days(400));
    let reply = world.mirakl("/api/orders").await;
    let date = reply.header("date").expect("a date");
    let date = chrono::DateTime::parse_from_rfc2822(date).expect("an HTTP date");
    let off = world.sim.clock().now().signed_duration_since(date);
    assert!(off < TimeDelta::seconds(5), "{off}");
    assert_eq!(reply.headers.get_all("date").iter().count(), 1);
    assert_eq!(reply.header("content-type"), Some("application/json"));
}
