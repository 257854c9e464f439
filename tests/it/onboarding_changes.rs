//! What changes at Stripe or by a setting after a shop has its account.

use chrono::TimeDelta;
use serde_json::json;
use simulator::{Receiver, ShopSeed};

use crate::support::{DASHBOARD, World, eur};

#[tokio::test]
async fn a_change_at_stripe_reaches_mirakl_the_server_and_waiting_orders_in_one_run() {
    let mut world = World::without_shops().await;
    world.set("CHECKPOINT_OVERLAP_MINUTES", "0");
    let server = Receiver::start().await.unwrap();
    world.set("OPERATOR_NOTIFICATION_URL", &server.url());
    world.set("OPERATOR_NOTIFICATION_SECRET", "a secret of the operator");
    world.new_shops([2000, 2001]);
    world.sync().await.exits(0);
    assert_eq!(server.received().len(), 0, "a creation is no change");
    world.paid(eur("C1-A", 2000, "10.00", "1.00"), "C1", 1000);
    world.transfer().await.exits(0);
    world
        .stands("C1-A", "TRANSFER_ON_HOLD", "account_cannot_receive")
        .await;
    world.move_on().await;

    let account = world.account(2000).id;
    world.sim.stripe().submit_details(&account);
    world.sync().await.exits(0);
    assert_eq!(world.kyc(2000), "PENDING_APPROVAL");
    world.sim.stripe().verify(&account);
    world.sync().await.exits(0);
    assert_eq!(world.kyc(2000), "APPROVED");
    assert_eq!(world.kyc(2001), "PENDING_SUBMISSION");
    let told = server.accepted();
    let expected = json!({
        "type": "account.updated",
        "payload": {"miraklShopId": 2000, "stripeUserId": account},
    });
    assert_eq!(told.len(), 2);
    for delivery in &told {
        assert_eq!(delivery.json, expected);
        assert!(delivery.signed_with("a secret of the operator"));
        assert!(!delivery.signed_with("another"));
    }
    assert_ne!(told[0].id, told[1].id);
    let row = &world.accounts().await[&2000];
    for flag in [
        "chargesEnabled",
        "payoutsEnabled",
        "detailsSubmitted",
        "transfersActive",
    ] {
        assert_eq!(row[flag], true, "{flag}");
    }
    // Not in five minutes: now.
    world.transfer().await.exits(0);
    assert_eq!(world.moved("C1-A"), [900]);
    world.sync().await.exits(0);
    assert_eq!(server.received().len(), 2, "told once");
}

#[tokio::test]
async fn what_the_transfer_job_learns_of_an_account_is_told_too_and_once() {
    let mut world = World::without_shops().await;
    let server = Receiver::start().await.unwrap();
    world.set("OPERATOR_NOTIFICATION_URL", &server.url());
    world.new_shops([2000]);
    world.sync().await.exits(0);
    world.sim.stripe().verify(&world.account(2000).id);
    world.paid(eur("C1-A", 2000, "10.00", "1.00"), "C1", 1000);
    world.transfer().await.exits(0);
    world.each_moved_once(&["C1-A".to_owned()], 900).await;
    assert_eq!(server.accepted().len(), 1);
    world.sync().await.exits(0);
    assert_eq!(server.accepted().len(), 1);
    assert_eq!(world.kyc(2000), "APPROVED");
}

#[tokio::test]
async fn kyc_follows_the_account_where_mirakl_shows_it_and_each_change_is_told_once() {
    let world = World::without_shops().await;
    for (shop, kyc) in [(2000, "PENDING_SUBMISSION"), (2001, "NOT_REQUIRED")] {
        world.mirakl.put_shop(ShopSeed::new(shop).kyc(kyc));
    }
    world.mirakl.put_shop(ShopSeed::new(2002));
    world.sync().await.exits(0);
    for shop in [2000, 2001, 2002] {
        world.sim.stripe().verify(&world.account(shop).id);
    }
    world.sync().await.exits(0);
    assert_eq!(world.kyc(2000), "APPROVED");
    assert_eq!(world.kyc(2001), "NOT_REQUIRED");
    assert!(world.mirakl.shop(2002).unwrap().get("kyc").is_none());
    // Whoever changes it by hand is not overruled, until the account changes again.
    world.mirakl.update_shop(2000, |shop| {
        shop["kyc"]["status"] = json!("PENDING_APPROVAL");
    });
    world.sync().await.exits(0);
    assert_eq!(world.kyc(2000), "PENDING_APPROVAL");
    world
        .sim
        .stripe()
        .reject(&world.account(2000).id, "rejected.fraud");
    world.sync().await.exits(0);
    assert_eq!(world.kyc(2000), "REFUSED");
    let row = &world.accounts().await[&2000];
    assert_eq!(row["kycStatus"], "REFUSED");
    assert_eq!(row["disabledReason"], "rejected.fraud");
}

#[tokio::test]
async fn what_was_told_before_a_database_was_put_back_is_told_right_again() {
    let mut world = World::without_shops().await;
    world.new_shops([2000, 2001]);
    world.sync().await.exits(0);
    for shop in [2000, 2001] {
        world.sim.stripe().verify(&world.account(shop).id);
    }
    world.sync().await.exits(0);
    let backup = world.db.backup().await;
    world
        .sim
        .stripe()
        .require(&world.account(2000).id, "external_account");
    world.sync().await.exits(0);
    assert_eq!(world.kyc(2000), "PENDING_SUBMISSION");
    world.paid(eur("C1-A", 2001, "10.00", "1.00"), "C1", 1000);
    world.transfer().await.exits(0);
    // The database that is put back knows the shop as approved and told, and finds it so.
    world.sim.stripe().verify(&world.account(2000).id);
    world.use_database(backup);
    world.sync().await.exits(0);
    assert_eq!(world.kyc(2000), "PENDING_SUBMISSION", "it may be by hand");
    world.transfer().await.exits(0);
    world.sync().await.exits(0);
    assert_eq!(world.kyc(2000), "APPROVED");
    assert_eq!(world.moved("C1-A"), [900]);
}

#[tokio::test]
async fn switched_off_no_account_and_no_link_is_made_and_known_accounts_are_refreshed() {
    let mut world = World::without_shops().await;
    world.new_shops([2000]);
    world.sync().await.exits(0);
    world.set("ENABLE_SELLER_ONBOARDING", "false");
    world.new_shops([2001]);
    world.sim.stripe().submit_details(&world.account(2000).id);
    world.pass(TimeDelta::minutes(10));
    let link = world.field(2000);
    world.sync().await.exits(0);
    assert_eq!(world.field(2000), link, "no field is written");
    assert_eq!(world.field(2001), None);
    assert_eq!(world.kyc(2000), "PENDING_APPROVAL");
    assert_eq!(world.accounts().await[&2000]["detailsSubmitted"], true);
    world
        .shop_stands(2001, "ACCOUNT_ON_HOLD", "switched off")
        .await;
    world.sim.clear_calls();
    world.pass(TimeDelta::hours(1));
    world.sync().await.exits(0);
    assert_eq!(world.count("GET /api/shops"), 1, "waits without asking");
    world.set("ENABLE_SELLER_ONBOARDING", "true");
    world.sync().await.exits(0).says("1 created");
    world.each_has_one_account([2000, 2001]).await;
    assert_eq!(world.field(2000).as_deref(), Some(DASHBOARD));
}
