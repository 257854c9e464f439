//! No orphan and no second account, whatever crashes, times out, or is lost.

use chrono::TimeDelta;
use serde_json::json;
use simulator::{AccountSeed, Effect, Fault, ShopSeed, When};

use crate::support::{Database, Finished, World};

const SHOPS: std::ops::Range<i64> = 2000..2003;
pub const ACCOUNTS: &str = "POST /v1/accounts";

/// An account of the old connector, or of this program for a marketplace.
pub fn made_for(shop: i64, host: Option<&str>) -> AccountSeed {
    let seed = AccountSeed::new().metadata("miraklShopId", &shop.to_string());
    match host {
        Some(host) => seed
            .metadata("pluginName", "mirakl-stripe")
            .metadata("miraklHost", host),
        None => seed.metadata("pluginName", "MiraklConnector"),
    }
}

pub async fn small_world() -> World {
    let mut world = World::without_shops().await;
    world.set("STRIPE_MAX_CONCURRENCY", "1");
    world.new_shops(SHOPS);
    world
}

/// Runs until the `n`-th call, where the process dies; false when the run had fewer calls.
async fn killed_at(world: &World, n: usize, when: When) -> bool {
    let switch = world.sim.faults().kill_at_call(n, when);
    let child = world.program(&["sync-onboarding"]).spawn();
    switch.arm(child.id().unwrap());
    let finished = Finished::of(child).await;
    assert_eq!(finished.code.is_none(), switch.fired(), "{finished:#?}");
    world.sim.faults().clear();
    switch.fired()
}

async fn killed_at_every_call(when: When, afterwards: impl Fn(&mut World)) {
    let mut kills = 0;
    loop {
        let mut world = small_world().await;
        if !killed_at(&world, kills + 1, when).await {
            break;
        }
        kills += 1;
        afterwards(&mut world);
        world.sync().await.exits(0);
        world.each_has_one_account(SHOPS).await;
        for shop in SHOPS {
            world.link(shop);
        }
    }
    // The platform, the list, a page of shops, three accounts, three links, one write.
    assert!(kills >= 10, "only {kills} calls");
}

#[tokio::test]
async fn killed_before_any_call_and_run_again_each_shop_has_one_account_and_a_link() {
    killed_at_every_call(When::Before, |_| ()).await;
}

#[tokio::test]
async fn killed_after_any_call_and_run_again_each_shop_has_one_account_and_a_link() {
    killed_at_every_call(When::After, |_| ()).await;
}

#[tokio::test]
async fn killed_after_any_call_and_run_again_when_stripe_has_forgotten_the_keys() {
    killed_at_every_call(When::After, |world| world.pass(TimeDelta::hours(25))).await;
}

#[tokio::test]
async fn killed_after_any_call_and_the_database_lost_each_shop_has_one_account() {
    let mut kills = 0;
    loop {
        let mut world = small_world().await;
        if !killed_at(&world, kills + 1, When::After).await {
            break;
        }
        kills += 1;
        world.sim.stripe().forget_keys();
        world.use_database(Database::migrated().await);
        world.sync().await.exits(0);
        world.each_has_one_account(SHOPS).await;
    }
    assert!(kills >= 10, "only {kills} calls");
}

#[tokio::test]
async fn a_lost_answer_is_settled_within_the_run_and_one_that_stays_away_by_the_next() {
    let world = small_world().await;
    world.sim.faults().add(
        Fault::on(ACCOUNTS)
            .containing("2000")
            .times(1)
            .then(Effect::CutAfter),
    );
    world.sim.faults().add(
        Fault::on(ACCOUNTS)
            .containing("2001")
            .always()
            .then(Effect::CutAfter),
    );
    world
        .sync()
        .await
        .exits(3)
        .says("(1 of the waiting in doubt)");
    world.shop_stands(2001, "ACCOUNT_PENDING", "").await;
    assert_eq!(world.sim.stripe().accounts().len(), 3);
    world.sim.faults().clear();
    world.sync().await.exits(0);
    world.each_has_one_account(SHOPS).await;
}

#[tokio::test]
async fn an_old_doubt_is_looked_up_when_the_newest_pages_no_longer_show_it() {
    let mut world = small_world().await;
    world.sim.faults().add(
        Fault::on(ACCOUNTS)
            .containing("2001")
            .always()
            .then(Effect::CutAfter),
    );
    world.sync().await.exits(3);
    world.sim.faults().clear();
    world.pass(TimeDelta::hours(25));
    world.sim.stripe().forget_keys();
    // A page and more of other people's accounts, and a store that believes to know them all.
    for _ in 0..120 {
        world.sim.stripe().add_account(AccountSeed::new());
    }
    let mut conn = world.db.connect().await;
    sqlx::query(
        "insert into adoptions (stream, covered_from, covered_until, updated_at)
         values ('accounts', 'epoch', now() + interval '3 days', now())
         on conflict (stream) do update set covered_until = excluded.covered_until",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    world.sync().await.exits(0);
    world.each_has_one_account(SHOPS).await;
}

#[tokio::test]
async fn a_restored_database_takes_over_the_accounts_made_since() {
    let mut world = small_world().await;
    world.sync().await.exits(0);
    let backup = world.db.backup().await;
    world.pass(TimeDelta::days(2));
    world.new_shops(2003..2008);
    world.sync().await.exits(0);
    for _ in 0..150 {
        world.sim.stripe().add_account(AccountSeed::new());
    }
    world.sim.stripe().forget_keys();
    world.use_database(backup);
    world.pass(TimeDelta::days(2));
    world.sync().await.exits(0).says("5 created");
    world.each_has_one_account(2000..2008).await;
    assert_eq!(world.sim.stripe().accounts().len(), 158);
}

#[tokio::test]
async fn a_new_store_takes_over_ours_and_the_old_connectors_accounts_and_no_others() {
    let world = World::without_shops().await;
    let host = world.mirakl.host();
    let stripe = world.sim.stripe();
    let ours = stripe.add_account(made_for(2000, Some(&host)));
    let old = stripe.add_account(made_for(2001, None));
    for _ in 0..205 {
        stripe.add_account(AccountSeed::new());
    }
    stripe.add_account(made_for(2002, Some("another.example")));
    stripe.add_account(AccountSeed::new().metadata("miraklShopId", "2003"));
    world.new_shops(2000..2004);
    world.sync().await.exits(0).says("4 created");
    let rows = world.accounts().await;
    assert_eq!(rows[&2000]["stripeAccountId"], ours);
    assert_eq!(rows[&2001]["stripeAccountId"], old);
    world
        .shop_stands(2001, "ACCOUNT_CREATED", "made by the old connector")
        .await;
    assert_eq!(stripe.accounts_for(2002).len(), 2);
    assert_eq!(stripe.accounts_for(2003).len(), 2);
    assert_eq!(stripe.accounts().len(), 211);
    assert_eq!(world.count(ACCOUNTS), 2);
}

#[tokio::test]
async fn a_shop_with_several_accounts_waits_for_a_person_and_never_gets_another() {
    let mut world = World::without_shops().await;
    let first = world.sim.stripe().add_account(made_for(2000, None));
    let second = world.sim.stripe().add_account(made_for(2000, None));
    world.new_shops([2000]);
    world.sync().await.exits(0).says("1 waiting");
    let row = world
        .shop_stands(2000, "ACCOUNT_ON_HOLD", "link-account")
        .await;
    for id in [&first, &second] {
        assert!(
            row["statusReason"].as_str().unwrap().contains(id.as_str()),
            "{row}"
        );
    }
    for _ in 0..150 {
        world.sim.stripe().add_account(AccountSeed::new());
    }
    // Changed, and due: the store remembers them, whatever the newest page shows.
    world.pass(TimeDelta::hours(30));
    world
        .mirakl
        .update_shop(2000, |shop| shop["shop_name"] = json!("x"));
    world.sync().await.exits(0);
    world.shop_stands(2000, "ACCOUNT_ON_HOLD", "several").await;
    assert_eq!(world.count(ACCOUNTS), 0);
    world
        .run(&["link-account", "--shop", "2000", "--account", &second])
        .await
        .exits(0);
    world.sync().await.exits(0);
    let row = world.shop_stands(2000, "ACCOUNT_CREATED", "linked").await;
    assert_eq!(row["stripeAccountId"], second);
    assert_eq!(world.count(ACCOUNTS), 0);
}

#[tokio::test]
async fn of_several_accounts_the_one_that_is_left_is_taken_over() {
    let mut world = World::without_shops().await;
    let first = world.sim.stripe().add_account(made_for(2000, None));
    let second = world.sim.stripe().add_account(made_for(2000, None));
    world.new_shops([2000]);
    world.sync().await.exits(0);
    world.sim.stripe().disconnect(&first);
    world.pass(TimeDelta::minutes(6));
    world.sync().await.exits(0);
    let row = world.shop_stands(2000, "ACCOUNT_CREATED", "").await;
    assert_eq!(row["stripeAccountId"], second);
}

#[tokio::test]
async fn an_account_that_stripe_pays_out_by_itself_waits_until_it_is_manual() {
    let mut world = World::without_shops().await;
    let seed = made_for(2000, None).payouts_schedule("daily");
    let account = world.sim.stripe().add_account(seed.id("acct_daily"));
    world.new_shops([2000]);
    world.sync().await.exits(0);
    world
        .shop_stands(2000, "ACCOUNT_ON_HOLD", "payout schedule to manual")
        .await;
    world.pass(TimeDelta::minutes(6));
    world.sync().await.exits(0);
    world.shop_stands(2000, "ACCOUNT_ON_HOLD", &account).await;
    assert_eq!(world.count(ACCOUNTS), 0);
    let manual = made_for(2000, None).id("acct_daily");
    world.sim.stripe().add_account(manual);
    world.pass(TimeDelta::minutes(30));
    world.sync().await.exits(0);
    let row = world.shop_stands(2000, "ACCOUNT_CREATED", "").await;
    assert_eq!(row["stripeAccountId"], account);
}

#[tokio::test]
async fn an_excluded_shop_whose_account_is_known_gets_no_second_one_when_it_is_included() {
    let mut world = World::without_shops().await;
    let account = world.sim.stripe().add_account(made_for(2000, None));
    world
        .mirakl
        .put_shop(ShopSeed::new(2000).field("stripe-ignored", "true"));
    world.sync().await.exits(0);
    world.shop_stands(2000, "ACCOUNT_IGNORED", "excluded").await;
    for _ in 0..150 {
        world.sim.stripe().add_account(AccountSeed::new());
    }
    world.pass(TimeDelta::days(3));
    world.sync().await.exits(0);
    world.mirakl.set_shop_field(2000, "stripe-ignored", None);
    world.sync().await.exits(0);
    let row = world.shop_stands(2000, "ACCOUNT_CREATED", "").await;
    assert_eq!(row["stripeAccountId"], account);
    assert_eq!(world.count(ACCOUNTS), 0);
}

#[tokio::test]
async fn nothing_is_created_before_stripes_list_is_known() {
    let world = small_world().await;
    world.sim.faults().add(
        Fault::on("GET /v1/accounts")
            .always()
            .then(Effect::CutBefore),
    );
    world
        .sync()
        .await
        .exits(1)
        .says("no account is created without that");
    assert_eq!(world.count(ACCOUNTS), 0);
}

#[tokio::test]
async fn a_refusal_is_shown_with_stripes_words_and_tried_again_under_a_new_key() {
    let mut world = World::without_shops().await;
    world.new_shops([2000, 2001]);
    world.sim.faults().add(
        Fault::on(ACCOUNTS)
            .containing("2000")
            .always()
            .then(Effect::Refusal {
                status: 400,
                code: Some("request_blocked".to_owned()),
                param: None,
                message: "Your platform must complete its profile.".to_owned(),
            }),
    );
    world
        .sync()
        .await
        .exits(3)
        .says("1 created, 0 waiting, 1 failed");
    let row = world
        .shop_stands(2000, "ACCOUNT_FAILED", "must complete its profile")
        .await;
    assert_eq!(row["attempt"], 2);
    assert!(row["nextLookAt"].is_string());
    world.each_has_one_account([2001]).await;
    world.sim.faults().clear();
    world.sync().await.exits(0);
    world.shop_stands(2000, "ACCOUNT_FAILED", "").await;
    world.pass(TimeDelta::minutes(6));
    world.sync().await.exits(0).says("1 created");
    world.each_has_one_account([2000, 2001]).await;
    let keys: Vec<String> = world
        .sim
        .calls()
        .into_iter()
        .filter(|call| call.endpoint == ACCOUNTS)
        .filter_map(|call| call.idempotency_key)
        .filter(|key| key.contains(":2000:"))
        .collect();
    let host = world.mirakl.host();
    assert_eq!(
        keys,
        [
            format!("ms1:{host}:account:SHOP:2000:1"),
            format!("ms1:{host}:account:SHOP:2000:2"),
        ]
    );
}
