use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use simulator::InvoiceSeed;

use crate::client::World;

fn number(digits: &str) -> Value {
    serde_json::from_str(digits).expect("a number")
}

fn date(text: &str) -> DateTime<Utc> {
    text.parse().expect("a date")
}

#[tokio::test]
async fn an_invoice_is_automatic_complete_and_unpaid_unless_told_otherwise() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    assert_eq!(mirakl.put_invoice(InvoiceSeed::new(231, 2001)), 231);
    let list = world.mirakl("/api/invoices").await.json();
    assert_eq!(list["total_count"], 1);
    let invoice = &list["invoices"][0];
    assert_eq!(*invoice, mirakl.invoice(231).expect("an invoice"));
    for (field, wanted) in [
        ("/id", json!("000000231")),
        ("/invoice_id", json!(231)),
        ("/type", json!("AUTO_INVOICE")),
        ("/state", json!("COMPLETE")),
        ("/payment", json!({ "state": "PENDING" })),
        ("/shop_id", json!(2001)),
        ("/shop_model", json!("MARKETPLACE")),
        ("/currency_iso_code", json!("EUR")),
        ("/pay_out_psp_code", json!("NOT_SPECIFIED")),
        ("/issuing_user/type", json!("BATCH")),
        ("/total_amount_incl_taxes", number("0.00")),
        ("/summary/amount_transferred", number("0.00")),
        ("/summary/reserve_funding", number("0.00")),
        ("/details", json!([])),
    ] {
        assert_eq!(invoice.pointer(field), Some(&wanted), "{field}");
    }
    assert_eq!(invoice["issue_date"], invoice["date_created"]);
    assert_eq!(invoice["end_time"], invoice["date_created"]);
    let shown = |field: &str| date(invoice[field].as_str().expect("a date"));
    assert!(world.sim.clock().now() - shown("date_created") < TimeDelta::minutes(1));
    assert_eq!(shown("end_time") - shown("start_time"), TimeDelta::days(10));
}

#[tokio::test]
async fn an_invoice_is_as_the_seed_says_digit_for_digit() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    let start = date("2026-05-01T00:00:00Z");
    let end = date("2026-05-11T00:00:00Z");
    let seed = InvoiceSeed::new(232, 2002)
        .currency("SEK")
        .state("GENERATED")
        .created_at(date("2026-05-11T02:00:00.250Z"))
        .issued_at(date("2026-05-12T02:00:00Z"))
        .period(start, end)
        .transferred("412.34")
        .subscription("-9.99")
        .other_credits("5.00")
        .other_invoices("-3.0")
        .summary("total_commissions_incl_tax", "-48.00")
        .summary("reserve_settlement", "7")
        .set("/payment/state", json!("PAID"))
        .set("payment_voucher_number", json!("V1"))
        .without("/summary/reserve_funding")
        .without("pay_out_psp_code");
    mirakl.put_invoice(seed);
    let invoice = mirakl.invoice(232).expect("an invoice");
    for (field, wanted) in [
        ("/currency_iso_code", json!("SEK")),
        ("/state", json!("GENERATED")),
        ("/date_created", json!("2026-05-11T02:00:00.250Z")),
        ("/issue_date", json!("2026-05-12T02:00:00Z")),
        ("/start_time", json!("2026-05-01T00:00:00Z")),
        ("/end_time", json!("2026-05-11T00:00:00Z")),
        ("/summary/amount_transferred", number("412.34")),
        ("/summary/total_subscription_incl_tax", number("-9.99")),
        ("/summary/total_other_credits_incl_tax", number("5.00")),
        ("/summary/total_other_invoices_incl_tax", number("-3.0")),
        ("/summary/total_commissions_incl_tax", number("-48.00")),
        ("/summary/reserve_settlement", number("7")),
        ("/payment/state", json!("PAID")),
        ("/payment_voucher_number", json!("V1")),
    ] {
        let shown = invoice.pointer(field).expect("a field");
        assert_eq!(shown.to_string(), wanted.to_string(), "{field}");
    }
    assert!(invoice["summary"].get("reserve_funding").is_none());
    assert!(invoice.get("pay_out_psp_code").is_none());
}

#[tokio::test]
async fn documents_made_by_hand_have_no_period_cycle_or_summary() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    for (id, kind) in [(1, "MANUAL_INVOICE"), (2, "MANUAL_CREDIT")] {
        mirakl.put_invoice(InvoiceSeed::new(id, 2001).kind(kind).transferred("5.00"));
        let invoice = mirakl.invoice(id).expect("an invoice");
        assert_eq!(invoice["type"], kind);
        assert_eq!(invoice["issuing_user"]["type"], "OPERATOR");
        for field in [
            "start_time",
            "end_time",
            "seller_billing_cycle_id",
            "summary",
        ] {
            assert!(invoice.get(field).is_none(), "{field}");
        }
    }
    mirakl.put_invoice(InvoiceSeed::new(3, 2001));
    mirakl.put_invoice(InvoiceSeed::new(4, 2001));
    let cycle = |id| mirakl.invoice(id).expect("an invoice")["seller_billing_cycle_id"].clone();
    assert!(cycle(3).is_string());
    assert_ne!(cycle(3), cycle(4));
}

#[tokio::test]
async fn a_draft_has_no_invoice_id_until_it_is_issued() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    mirakl.put_invoice(InvoiceSeed::new(5, 2001).state("DRAFT"));
    let list = world.mirakl("/api/invoices?states=DRAFT").await.json();
    let draft = &list["invoices"][0];
    assert_eq!(draft["id"], "000000005");
    assert!(draft.get("invoice_id").is_none() && draft.get("issue_date").is_none());
    assert_eq!(mirakl.invoice(5).as_ref(), Some(draft));
    let by_id = "/api/invoices?states=DRAFT&invoice_id=5";
    assert_eq!(world.mirakl(by_id).await.json()["total_count"], 0);
    mirakl.update_invoice(5, |invoice| invoice["state"] = "COMPLETE".into());
    let issued = world.mirakl("/api/invoices?invoice_id=5").await.json();
    assert_eq!(issued["invoices"][0]["invoice_id"], 5);
}

#[tokio::test]
async fn invoices_are_replaced_changed_and_removed() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    mirakl.put_invoice(InvoiceSeed::new(1, 2001).transferred("1.00"));
    mirakl.put_invoice(InvoiceSeed::new(1, 2001).transferred("2.00"));
    let amount = || {
        let invoice = mirakl.invoice(1).expect("an invoice");
        invoice["summary"]["amount_transferred"].to_string()
    };
    assert_eq!(amount(), "2.00");
    mirakl.update_invoice(1, |invoice| {
        invoice["summary"]["amount_transferred"] = number("3.00");
    });
    assert_eq!(amount(), "3.00");
    let list = world.mirakl("/api/invoices").await.json();
    assert_eq!(list["total_count"], 1);
    mirakl.remove_invoice(1);
    assert!(mirakl.invoice(1).is_none());
    let list = world.mirakl("/api/invoices").await.json();
    assert_eq!(list, json!({ "invoices": [], "total_count": 0 }));
}

#[tokio::test]
async fn anything_can_be_listed_as_an_invoice() {
    let world = World::new().await;
    let mirakl = world.sim.mirakl();
    mirakl.put_invoice_json(json!({ "invoice_id": "x", "type": "NEW" }));
    let raw = json!({
        "invoice_id": 7, "type": "AUTO_INVOICE", "state": "COMPLETE", "shop_id": 1,
        "date_created": "yesterday", "extra": [],
    });
    mirakl.put_invoice_json(raw.clone());
    let list = world.mirakl("/api/invoices").await.json();
    assert_eq!(list["total_count"], 2);
    assert_eq!(list["invoices"][0], raw);
    assert_eq!(list["invoices"][1]["type"], "NEW");
    for query in ["shop=1", "invoice_id=7"] {
        let list = world.mirakl(&format!("/api/invoices?{query}")).await.json();
        assert_eq!(list["invoices"], json!([raw]), "{query}");
    }
    mirakl.remove_unusable_invoices();
    let list = world.mirakl("/api/invoices").await.json();
    assert_eq!(list["invoices"], json!([raw]));
}

#[tokio::test]
#[should_panic(expected = "there is no invoice 9")]
async fn an_invoice_that_is_not_there_cannot_be_changed() {
    let world = World::new().await;
    world.sim.mirakl().update_invoice(9, |_| ());
}
