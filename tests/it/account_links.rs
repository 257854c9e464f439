//! Persons who link accounts by hand: they are not overruled, and no account is shared without them.

use std::time::Duration;

use simulator::{AccountSeed, Effect, Fault};

use crate::one_account::{ACCOUNTS, made_for, small_world};
use crate::support::{Finished, World};

#[tokio::test]
async fn a_person_who_links_an_account_while_one_is_made_is_not_overruled() {
    let world = small_world().await;
    let other = world.sim.stripe().add_account(AccountSeed::new());
    world.sim.faults().add(
        Fault::on(ACCOUNTS)
            .containing("2001")
            .always()
            .then(Effect::CutAfter),
    );
    world.sync().await.exits(3);
    world
        .run(&["link-account", "--shop", "2001", "--account", &other])
        .await
        .exits(0);
    world.sim.faults().clear();
    world.sync().await.exits(0);
    assert_eq!(world.accounts().await[&2001]["stripeAccountId"], other);
}

#[tokio::test]
async fn several_shops_may_share_an_account_only_by_link_account_and_each_hears_of_a_change() {
    let mut world = World::without_shops().await;
    let server = simulator::Receiver::start().await.unwrap();
    world.set("OPERATOR_NOTIFICATION_URL", &server.url());
    let shared = world.sim.stripe().add_account(AccountSeed::new());
    for shop in ["2000", "2001"] {
        world
            .run(&["link-account", "--shop", shop, "--account", &shared])
            .await
            .exits(0);
    }
    world.new_shops(2000..2003);
    world.sync().await.exits(0);
    world.sim.stripe().require(&shared, "individual.id_number");
    world.sync().await.exits(0);
    let mut told: Vec<i64> = server
        .accepted()
        .iter()
        .map(|delivery| delivery.json["payload"]["miraklShopId"].as_i64().unwrap())
        .collect();
    told.sort_unstable();
    assert_eq!(told, [2000, 2001]);
    assert_eq!(world.sim.stripe().accounts().len(), 2);
}

#[tokio::test]
async fn an_account_linked_to_another_shop_waits_for_a_person_instead_of_being_shared() {
    let world = World::without_shops().await;
    let account = world.sim.stripe().add_account(made_for(2001, None));
    world
        .run(&["link-account", "--shop", "2500", "--account", &account])
        .await
        .exits(0);
    world.new_shops([2001]);
    world.sync().await.exits(0).says("1 waiting");
    world
        .shop_stands(2001, "ACCOUNT_ON_HOLD", "linked to shop 2500")
        .await;
    assert_eq!(world.count(ACCOUNTS), 0);
    world
        .run(&["link-account", "--shop", "2001", "--account", &account])
        .await
        .exits(0);
    world
        .shop_stands(2001, "ACCOUNT_CREATED", "linked by a person")
        .await;
}

#[tokio::test]
async fn a_person_who_links_an_account_while_the_request_is_under_way_is_not_overruled() {
    let world = small_world().await;
    let other = world.sim.stripe().add_account(AccountSeed::new());
    world.sim.faults().add(
        Fault::on(ACCOUNTS)
            .containing("2001")
            .times(1)
            .then(Effect::Delay(Duration::from_secs(4))),
    );
    let run = world.program(&["sync-onboarding"]).spawn();
    let under_way = || {
        let mut calls = world.sim.calls().into_iter();
        calls.any(|call| call.endpoint == ACCOUNTS && call.body.contains("2001"))
    };
    while !under_way() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // What the command asks Stripe may wait for the request; what it stores must come first.
    let mut conn = world.db.connect().await;
    sqlx::query(
        "with linked as (
             update onboardings set status = 'ACCOUNT_CREATED', stripe_account_id = $1
             where shop_id = 2001 returning shop_id
         )
         insert into accounts (shop_id, stripe_account_id, charges_enabled, payouts_enabled,
                               details_submitted, transfers_active, observed_at, created_at, updated_at)
         select shop_id, $1, true, true, true, true, now(), now(), now() from linked",
    )
    .bind(&other)
    .execute(&mut conn)
    .await
    .unwrap();
    Finished::of(run)
        .await
        .exits(0)
        .says("stays unused at Stripe");
    assert_eq!(world.accounts().await[&2001]["stripeAccountId"], other);
}
