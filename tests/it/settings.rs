//! Where settings come from, and how mistakes are told.

use std::fs;
use std::path::PathBuf;

use crate::support::World;

/// A folder of one's own under the system's temporary one; removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("mirakl-stripe-{}-{name}", std::process::id()));
        fs::create_dir_all(path.join("config")).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn one_message_lists_every_mistake_before_anything_is_contacted() {
    let mut world = World::new().await;
    for name in ["DATABASE_URL", "MIRAKL_API_KEY", "STRIPE_CLIENT_SECRET"] {
        world.unset(name);
    }
    world.set("MIRAKL_HOST_NAME", "mymarketplace.mirakl.net");
    world.set("STRIPE_MAX_CONCURRENCY", "0");
    world.sim.clear_calls();
    let run = world
        .transfer()
        .await
        .exits(2)
        .says("5 mistakes in the settings");
    for text in [
        "DATABASE_URL is missing: set it to",
        "MIRAKL_API_KEY is missing: set it to",
        "STRIPE_CLIENT_SECRET is missing: set it to",
        "MIRAKL_HOST_NAME is \\\"mymarketplace.mirakl.net\\\": set it to",
        "STRIPE_MAX_CONCURRENCY is \\\"0\\\": set it to a whole number from 1 to 256",
    ] {
        assert!(run.stderr.contains(text), "{text}\n{}", run.stderr);
    }
    assert!(world.sim.calls().is_empty());
}

#[tokio::test]
async fn the_environment_wins_over_the_env_file_and_that_over_the_config_file() {
    let mut world = World::new().await;
    let folder = Folder::new("precedence");
    world.unset("ENABLE_PRODUCT_PAYMENT_SPLIT");
    world.unset("START_DATE");
    world.orders(1);
    let skipped = |run: crate::support::Finished| run.exits(0).json()["outcome"] == "skipped";
    let json = ["process-transfer", "--output", "json"];
    assert!(
        skipped(world.program(&json).within(&folder.0).run().await),
        "off by default"
    );

    let toml = "enable_product_payment_split = true\nstart_date = \"2020-01-01\"\n";
    folder.write("config/connector.toml", toml);
    assert!(
        !skipped(world.program(&json).within(&folder.0).run().await),
        "the config file counts"
    );

    folder.write(".env", "ENABLE_PRODUCT_PAYMENT_SPLIT=false # for now\n");
    assert!(
        skipped(world.program(&json).within(&folder.0).run().await),
        "the env file wins"
    );

    let program = world.program(&json).within(&folder.0);
    let program = program.env("ENABLE_PRODUCT_PAYMENT_SPLIT", "true");
    assert!(!skipped(program.run().await), "the environment wins");
    assert_eq!(world.moved("C1-A"), [900]);
}

#[tokio::test]
async fn files_that_are_named_are_read_and_must_exist() {
    let mut world = World::new().await;
    let folder = Folder::new("named");
    world.unset("ENABLE_PRODUCT_PAYMENT_SPLIT");
    let config = folder.write("my.toml", "enable_product_payment_split = true\n");
    let env_file = folder.write("my.env", "START_DATE=2020-01-01\n");
    let named = [
        "process-transfer",
        "--config",
        &config,
        "--env-file",
        &env_file,
        "--output",
        "json",
    ];
    assert_eq!(world.run(&named).await.exits(0).json()["outcome"], "ok");
    world
        .run(&["process-transfer", "--config", "/no/such/file"])
        .await
        .exits(2)
        .says("cannot be read");
    world
        .run(&["process-transfer", "--env-file", "/no/such/file"])
        .await
        .exits(2)
        .says("cannot be read");
}

#[tokio::test]
async fn a_config_file_with_an_unknown_key_or_a_secret_is_refused() {
    let world = World::new().await;
    let folder = Folder::new("unknown");
    let config = folder.write(
        "wrong.toml",
        "stripe_max_concurency = 3\nmirakl_api_key = \"very-secret\"\nretention_days = [1]\n",
    );
    let run = world
        .run(&["process-transfer", "--config", &config])
        .await
        .exits(2);
    for text in [
        "stripe_max_concurency is no setting",
        "mirakl_api_key is a secret",
        "retention_days must be",
    ] {
        assert!(run.stderr.contains(text), "{text}: {}", run.stderr);
    }
    assert!(!run.stderr.contains("very-secret"));
    let config = folder.write("broken.toml", "= 3");
    world
        .run(&["process-transfer", "--config", &config])
        .await
        .exits(2)
        .says("is no TOML");
}

#[tokio::test]
async fn secrets_may_come_from_files() {
    let mut world = World::new().await;
    let folder = Folder::new("secrets");
    let ids = world.orders(1);
    for (name, secret) in [
        ("STRIPE_CLIENT_SECRET", simulator::STRIPE_KEY.to_owned()),
        ("MIRAKL_API_KEY", simulator::MIRAKL_KEY.to_owned()),
        ("DATABASE_URL", world.db.url()),
    ] {
        let path = folder.write(name, &format!("{secret}\n"));
        world.unset(name);
        world.set(&format!("{name}_FILE"), &path);
    }
    world.transfer().await.exits(0);
    world.set("MIRAKL_API_KEY", simulator::MIRAKL_KEY);
    world
        .transfer()
        .await
        .exits(2)
        .says("MIRAKL_API_KEY and MIRAKL_API_KEY_FILE are both set");
    world.unset("MIRAKL_API_KEY");
    world.set("MIRAKL_API_KEY_FILE", "/no/such/file");
    world.transfer().await.exits(2).says("cannot be read");
    assert_eq!(world.moved(&ids[0]), [900]);
}

#[tokio::test]
async fn variables_of_the_old_connector_are_passed_over_with_one_notice() {
    let mut world = World::new().await;
    world.set("MESSENGER_TRANSPORT_DSN", "doctrine://default");
    world.set("STRIPE_CLIENT_ID", "ca_1");
    let quiet = world.transfer().await.exits(0);
    assert_eq!(quiet.stderr, "", "cron mails what is printed");
    let run = world
        .run(&["process-transfer", "--log-level", "info"])
        .await
        .exits(0);
    let notices: Vec<&str> = run
        .stderr
        .lines()
        .filter(|l| l.contains("mean nothing here"))
        .collect();
    assert_eq!(notices.len(), 1, "{run:#?}");
    assert!(
        notices[0].contains("MESSENGER_TRANSPORT_DSN") && notices[0].contains("STRIPE_CLIENT_ID")
    );
}

#[tokio::test]
async fn a_split_of_taxes_without_their_account_is_a_mistake_beside_all_others() {
    let mut world = World::new().await;
    world.set("ENABLE_PAYMENT_TAX_SPLIT", "true");
    world.set("START_DATE", "yesterday");
    let run = world.transfer().await.exits(2);
    let run = run.says("STRIPE_TAX_ACCOUNT is missing");
    run.says("START_DATE").says("2 mistakes");
    world.set("STRIPE_TAX_ACCOUNT", "tax office");
    let run = world.transfer().await.exits(2);
    run.says("STRIPE_TAX_ACCOUNT is").says("2 mistakes");
}
