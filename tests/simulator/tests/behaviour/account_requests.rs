use std::fmt::Write;

use serde_json::json;

use crate::client::{Reply, World};

async fn open(world: &World, form: &str) -> Reply {
    world.make("accounts", form).await
}

#[tokio::test]
async fn a_bare_account_has_the_defaults_of_stripe() {
    let world = World::new().await;
    assert_eq!(open(&world, "").await.status, 200);
    let account = world.only_account();
    assert_eq!(account.kind, "standard");
    assert_eq!(account.country, "FR");
    assert_eq!(account.payout_interval, "daily");
    assert!(account.debit_negative_balances);
    assert_eq!(account.transfers, None);
    assert_eq!(account.idempotency_key, None);
    assert_eq!((account.business_name, account.email), (None, None));
}

#[tokio::test]
async fn what_was_given_is_shown() {
    let world = World::new().await;
    let form = "type=express&country=GB&email=a%40b.example&business_type=company\
        &business_profile[name]=Lamps&business_profile[url]=https://b.example/x\
        &business_profile[mcc]=5734&business_profile[product_description]=Lamps\
        &business_profile[support_email]=help%40b.example\
        &business_profile[support_phone]=%2B33+1+99+00+12+34\
        &business_profile[support_url]=http://help.b.example\
        &capabilities[card_payments][requested]=true&capabilities[transfers][requested]=false\
        &settings[payouts][schedule][delay_days]=7&settings[payouts][statement_descriptor]=LAMPS\
        &metadata[miraklShopId]=7&metadata[left]=";
    let reply = world.make_with_key("accounts", form, "k").await;
    let shown = reply.json();
    for (field, wanted) in [
        ("/email", json!("a@b.example")),
        ("/default_currency", json!("gbp")),
        ("/business_type", json!("company")),
        ("/business_profile/name", json!("Lamps")),
        ("/business_profile/mcc", json!("5734")),
        (
            "/business_profile/support_url",
            json!("http://help.b.example"),
        ),
        ("/capabilities", json!({ "card_payments": "inactive" })),
        ("/settings/payouts/schedule/delay_days", json!(7)),
        ("/settings/payouts/statement_descriptor", json!("LAMPS")),
        ("/metadata", json!({ "miraklShopId": "7" })),
    ] {
        assert_eq!(shown.pointer(field), Some(&wanted), "{field}");
    }
    let account = world.only_account();
    assert_eq!(account.idempotency_key.as_deref(), Some("k"));
    assert_eq!(account.email.as_deref(), Some("a@b.example"));
    assert_eq!(account.business_type.as_deref(), Some("company"));
    assert_eq!(account.business_name.as_deref(), Some("Lamps"));
    assert_eq!(account.business_url.as_deref(), Some("https://b.example/x"));
    assert_eq!(account.support_email.as_deref(), Some("help@b.example"));
    assert_eq!(account.support_phone.as_deref(), Some("+33 1 99 00 12 34"));
    assert_eq!(world.sim.stripe().accounts_for(7), [account]);
    assert!(world.sim.stripe().accounts_for(70).is_empty());
}

#[tokio::test]
async fn a_wrong_parameter_of_an_account_is_refused_by_name() {
    let long = |name: &str, length: usize| format!("{name}={}", "x".repeat(length));
    let world = World::new().await;
    for (form, code, param) in [
        ("colour=red", "parameter_unknown", "colour"),
        (
            "settings[payouts][colour]=red",
            "parameter_unknown",
            "settings[payouts][colour]",
        ),
        (
            "capabilities[sepa][requested]=true",
            "parameter_unknown",
            "capabilities[sepa][requested]",
        ),
        ("business_profile=x", "", "business_profile"),
        ("email[home]=x", "parameter_unknown", "email[home]"),
        ("type=expres", "", "type"),
        ("business_type=shop", "", "business_type"),
        ("country=France", "", "country"),
        (
            "capabilities[transfers][requested]=1",
            "",
            "capabilities[transfers][requested]",
        ),
        (
            "settings[payouts][schedule][interval]=never",
            "",
            "settings[payouts][schedule][interval]",
        ),
        (
            "settings[payouts][schedule][delay_days]=few",
            "parameter_invalid_integer",
            "settings[payouts][schedule][delay_days]",
        ),
        ("business_profile[mcc]=57a4", "", "business_profile[mcc]"),
        ("email=", "parameter_invalid_empty", "email"),
        (
            "business_profile[name]=",
            "parameter_invalid_empty",
            "business_profile[name]",
        ),
        ("business_profile[name]=a%0Ab", "", "business_profile[name]"),
        (
            &long("business_profile[name]", 101),
            "",
            "business_profile[name]",
        ),
        (
            &long("settings[payouts][statement_descriptor]", 23),
            "",
            "settings[payouts][statement_descriptor]",
        ),
        (&long("metadata[a]", 501), "", "metadata[a]"),
    ] {
        let reply = open(&world, form).await;
        assert_eq!(reply.status, 400, "{form}");
        assert_eq!(reply.code(), code, "{form}");
        assert_eq!(reply.json()["error"]["param"], param, "{form}");
    }
    assert!(world.sim.stripe().accounts().is_empty());
    let longest = long("business_profile[name]", 100);
    assert_eq!(open(&world, &longest).await.status, 200);
}

#[tokio::test]
async fn the_limits_of_metadata_hold_for_accounts() {
    let world = World::new().await;
    let keys = |count: usize| {
        let pairs: Vec<String> = (0..count).map(|n| format!("metadata[k{n}]=v")).collect();
        pairs.join("&")
    };
    let long_key = |length: usize| format!("metadata[{}]=v", "k".repeat(length));
    for (form, status) in [
        (keys(50), 200),
        (keys(51), 400),
        (long_key(40), 200),
        (long_key(41), 400),
    ] {
        assert_eq!(open(&world, &form).await.status, status, "{form}");
    }
}

#[tokio::test]
async fn addresses_and_numbers_must_be_such() {
    let world = World::new().await;
    let check = async |param: &str, values: &[&str], status: u16, code: &str| {
        for value in values {
            let value: String = percent(value);
            let reply = open(&world, &format!("{param}={value}")).await;
            assert_eq!(reply.status, status, "{param}={value}");
            if status == 400 {
                assert_eq!(reply.code(), code, "{param}={value}");
                assert_eq!(reply.json()["error"]["param"], param, "{value}");
            }
        }
    };
    for param in ["email", "business_profile[support_email]"] {
        let bad = ["none", "a b@c.example", "a@b.example\n", "@b.example", "a@"];
        check(param, &bad, 400, "email_invalid").await;
        check(param, &["a@b.example", "é+x@b.example"], 200, "").await;
    }
    for param in ["business_profile[url]", "business_profile[support_url]"] {
        let bad = [
            "b.example",
            "ftp://b.example",
            "https://",
            "https://localhost",
            "https://localhost:80/a.b",
            "https://b.",
            "https://b.example/a b",
            "javascript:alert(1)",
        ];
        check(param, &bad, 400, "url_invalid").await;
        let good = ["https://b.example", "http://u@www.b.example:8080/x?y#z"];
        check(param, &good, 200, "").await;
    }
    let phone = "business_profile[support_phone]";
    check(phone, &["call me", "12 34 ext 5", "-"], 400, "").await;
    check(phone, &["+33 1 99 00 12 34", "(01) 99.00-12/34"], 200, "").await;
    let reply = open(&world, &format!("{phone}=none")).await;
    assert!(reply.message().contains("not a valid phone number"));
}

/// Every byte encoded.
fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        let _ = write!(all, "%{byte:02X}");
        all
    })
}
