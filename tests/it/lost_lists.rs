//! Lists of Mirakl that do not come whole: nothing is concluded from what is not on them.

use chrono::TimeDelta;
use simulator::{Effect, Fault, MIRAKL_CLIENT_ID, MIRAKL_CLIENT_SECRET, ServiceSeed};

use crate::support::World;
use crate::support::debits::{accepted, authorised, captured, confirmed, debits, waits};

const SERVICES: &str = "GET /api/mms/orders";

/// Goods for 60.00 that were accepted, a service for 40.00 that was refused, and 100.00 authorised.
async fn basket_with_a_refused_service() -> (World, String) {
    let world = World::new().await;
    let intent = put_basket(&world);
    (world, intent)
}

fn put_basket(world: &World) -> String {
    world.mirakl.put(accepted("C1-A", "60.00"));
    let refused = ServiceSeed::new("S1", "C1", 2000).price("40.00");
    world.mirakl.put_service(refused.state("ORDER_REFUSED"));
    authorised(world, "C1", 10_000)
}

fn missing(world: &World, fault: simulator::Fault) {
    world.sim.faults().add(fault);
}

#[tokio::test]
async fn a_list_of_services_that_is_missing_for_a_moment_leaves_their_money_alone() {
    let (mut world, intent) = basket_with_a_refused_service().await;
    let gone = Fault::on(SERVICES).always().then(Effect::Status(404));
    missing(&world, gone);
    debits(&world).await.exits(0);
    assert_eq!(confirmed(&world, "C1-A"), std::slice::from_ref(&intent));
    assert_eq!(captured(&world, &intent), Vec::<i64>::new());
    let why = waits(&world, "C1", "services_missing").await;
    assert!(why.contains("40.00 EUR"), "{why}");
    world.sim.faults().clear();
    world.pass(TimeDelta::minutes(6));
    debits(&world).await.exits(0);
    assert_eq!(captured(&world, &intent), [6000]);
}

#[tokio::test]
async fn a_list_of_services_that_is_missing_in_the_middle_of_a_run_ends_it() {
    let (mut world, intent) = basket_with_a_refused_service().await;
    let asked = Fault::on(SERVICES).containing("commercial_order_id");
    missing(&world, asked.always().then(Effect::Status(404)));
    debits(&world).await.exits(1).says("service orders");
    assert_eq!(captured(&world, &intent), Vec::<i64>::new());
    world.sim.faults().clear();
    world.pass(TimeDelta::minutes(6));
    debits(&world).await.exits(0);
    assert_eq!(captured(&world, &intent), [6000]);
}

#[tokio::test]
async fn where_services_are_known_or_switched_on_a_missing_list_ends_the_run() {
    for known in [true, false] {
        let mut world = World::new().await;
        if known {
            let other = ServiceSeed::new("S2", "C2", 2000).price("1.00");
            world.mirakl.put_service(other);
            debits(&world).await.exits(0);
            world.pass(TimeDelta::hours(13));
        } else {
            world.set("ENABLE_SERVICE_PAYMENT_SPLIT", "true");
        }
        let intent = put_basket(&world);
        let gone = Fault::on(SERVICES).always().then(Effect::Status(404));
        missing(&world, gone);
        debits(&world).await.exits(1).says("service orders");
        assert_eq!(captured(&world, &intent), Vec::<i64>::new());
    }
}

#[tokio::test]
async fn a_marketplace_without_services_waits_half_a_day_and_only_with_what_nobody_names() {
    let mut world = World::new().await;
    let gone = Fault::on(SERVICES).always().then(Effect::Status(404));
    missing(&world, gone);
    world.mirakl.put(accepted("C1-A", "10.00"));
    world.mirakl.put(accepted("C2-A", "10.00"));
    let exact = authorised(&world, "C1", 1000);
    let more = authorised(&world, "C2", 1500);
    debits(&world).await.exits(0);
    assert_eq!(captured(&world, &exact), [1000]);
    assert_eq!(captured(&world, &more), Vec::<i64>::new());
    waits(&world, "C2", "services_missing").await;
    world.pass(TimeDelta::hours(13));
    debits(&world).await.exits(0);
    assert_eq!(captured(&world, &more), [1500]);
    world.mirakl.put(accepted("C3-A", "10.00"));
    let at_once = authorised(&world, "C3", 1500);
    debits(&world).await.exits(0);
    assert_eq!(captured(&world, &at_once), [1500]);
}

#[tokio::test]
async fn pages_without_links_are_read_by_their_count_to_the_end() {
    let world = World::new().await;
    world.mirakl.unlinked_paging(true);
    let ids = world.orders(150);
    world.sim.clear_calls();
    world.transfer().await.exits(0);
    world.each_moved_once(&ids, 900).await;
    assert_eq!(world.sim.count("GET /api/orders"), 2);
    for n in 1..=110 {
        world.mirakl.put(accepted(&format!("D{n}-A"), "10.00"));
        authorised(&world, &format!("D{n}"), 1000);
    }
    debits(&world).await.exits(0);
    assert_eq!(world.sim.stripe().captures().len(), 110);
}

#[tokio::test]
async fn a_token_endpoint_that_is_out_of_order_refuses_no_credentials() {
    let mut world = World::new().await;
    world.unset("MIRAKL_API_KEY");
    world.set("MIRAKL_CLIENT_ID", MIRAKL_CLIENT_ID);
    world.set("MIRAKL_CLIENT_SECRET", MIRAKL_CLIENT_SECRET);
    world.set("MIRAKL_TOKEN_URL", &world.mirakl.token_url());
    let busy = Fault::on("POST /oauth/token").always();
    world.sim.faults().add(busy.then(Effect::Status(408)));
    let run = world.transfer().await.exits(1).says("408");
    assert!(!run.stderr.contains("refused the credentials"), "{run:?}");
}
