//! The program that serves a shell.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::client::World;

#[tokio::test]
async fn the_program_prints_settings_that_reach_a_seeded_marketplace() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_simulator"))
        .args(["--port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut settings = HashMap::new();
    for line in BufReader::new(child.stdout.take().expect("its output")).lines() {
        let line = line.expect("text");
        let Some(setting) = line.strip_prefix("export ") else {
            assert!(line.starts_with('#'), "{line}");
            continue;
        };
        let (name, value) = setting.split_once('=').expect("a setting");
        settings.insert(name.to_owned(), value.trim_matches('\'').to_owned());
        if name == "START_DATE" {
            break;
        }
    }
    let world = World::new().await;
    let url = format!("{}/api/orders", settings["MIRAKL_HOST_NAME"]);
    let headers = [("Authorization", settings["MIRAKL_API_KEY"].as_str())];
    let orders = world.get(&url, &headers).await.expect("an answer").json();
    assert_eq!(orders["total_count"], 4);
    let url = format!("{}/v1/charges", settings["STRIPE_API_BASE"]);
    let bearer = format!("Bearer {}", settings["STRIPE_CLIENT_SECRET"]);
    let headers = [("Authorization", bearer.as_str())];
    let charges = world.get(&url, &headers).await.expect("an answer").json();
    assert_eq!(charges["data"].as_array().map(Vec::len), Some(3));
    child.kill().expect("running");
    child.wait().expect("an end");
}
