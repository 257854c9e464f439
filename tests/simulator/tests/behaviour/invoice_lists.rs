use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::json;
use simulator::{Effect, Fault, InvoiceSeed, MIRAKL_KEY};

use crate::client::{Reply, World};

const PATH: &str = "/api/invoices";

/// Five invoices of two shops, an hour apart, of which 1 is the oldest.
async fn five() -> (World, DateTime<Utc>) {
    let world = World::new().await;
    let start = world.sim.clock().now() - TimeDelta::days(1);
    for n in [3, 1, 4, 5, 2] {
        let at = start + TimeDelta::hours(n);
        let invoice = InvoiceSeed::new(n, 2000 + n % 2).created_at(at);
        world.sim.mirakl().put_invoice(invoice);
    }
    (world, start)
}

fn ids(reply: &Reply) -> Vec<i64> {
    let page = reply.json();
    let invoices = page["invoices"].as_array().expect("invoices").iter();
    let ids = invoices.map(|invoice| invoice["invoice_id"].as_i64());
    ids.collect::<Option<_>>().expect("ids")
}

async fn list(world: &World, query: &str) -> Vec<i64> {
    let reply = world.mirakl(&format!("{PATH}?{query}")).await;
    assert_eq!(reply.status, 200, "{query}: {}", reply.text);
    ids(&reply)
}

fn link(reply: &Reply, rel: &str) -> Option<String> {
    let mut links = reply.header("link")?.split(", ");
    let link = links.find(|link| link.ends_with(&format!("rel=\"{rel}\"")))?;
    Some(link.split_once('<')?.1.split_once('>')?.0.to_owned())
}

fn date(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[tokio::test]
async fn invoices_are_listed_by_date_of_creation_oldest_first() {
    let (world, start) = five().await;
    assert_eq!(list(&world, "").await, [1, 2, 3, 4, 5]);
    assert_eq!(
        list(&world, "sort=dateCreated&order=desc&max=2").await,
        [5, 4]
    );
    let at = start + TimeDelta::hours(2);
    let same = InvoiceSeed::new(10, 2000).created_at(at);
    world.sim.mirakl().put_invoice(same);
    assert_eq!(list(&world, "").await, [1, 2, 10, 3, 4, 5]);
}

#[tokio::test]
async fn following_the_next_links_visits_every_invoice_once() {
    let (world, start) = five().await;
    let since = date(start);
    let mut url = format!(
        "{}{PATH}?max=2&start_date={since}",
        world.sim.mirakl().url()
    );
    let mut seen = Vec::new();
    loop {
        let key = [("Authorization", MIRAKL_KEY)];
        let reply = world.get(&url, &key).await.expect("an answer");
        assert_eq!(reply.json()["total_count"], 5);
        seen.extend(ids(&reply));
        let Some(next) = link(&reply, "next") else {
            assert!(link(&reply, "previous").is_some());
            break;
        };
        url = next;
        assert!(url.contains("start_date="), "{url}");
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    assert_eq!(world.sim.count("GET /api/invoices"), 3);
}

#[tokio::test]
async fn a_page_of_invoices_holds_ten_unless_more_are_asked_for_up_to_a_hundred() {
    let world = World::new().await;
    for n in 1..=101 {
        world.sim.mirakl().put_invoice(InvoiceSeed::new(n, 1));
    }
    assert_eq!(list(&world, "").await.len(), 10);
    assert_eq!(list(&world, "max=100").await.len(), 100);
    assert_eq!(list(&world, "max=100&offset=100").await.len(), 1);
    world.sim.mirakl().page_limit(Some(7));
    let short = world.mirakl(&format!("{PATH}?max=100")).await;
    assert_eq!(ids(&short).len(), 7);
    let next = link(&short, "next").expect("a next page");
    assert!(next.ends_with("max=100&offset=7"), "{next}");
}

#[tokio::test]
async fn forever_paging_repeats_the_first_page_of_invoices() {
    let (world, _) = five().await;
    world.sim.mirakl().forever_paging(true);
    for offset in [0, 400] {
        let reply = world.mirakl(&format!("{PATH}?max=2&offset={offset}")).await;
        assert_eq!(ids(&reply), [1, 2]);
        assert!(link(&reply, "next").is_some());
    }
}

#[tokio::test]
async fn a_listing_counts_once_however_many_pages_it_has() {
    let (world, _) = five().await;
    let mirakl = world.sim.mirakl();
    assert_eq!(mirakl.invoice_listings(), 0);
    for offset in [0, 2, 4] {
        list(&world, &format!("max=2&offset={offset}")).await;
    }
    assert_eq!(mirakl.invoice_listings(), 1);
    let fault = Fault::on("GET /api/invoices").then(Effect::TooManyRequests { retry_after: None });
    world.sim.faults().add(fault);
    assert_eq!(world.mirakl(PATH).await.status, 429);
    assert_eq!(world.mirakl(&format!("{PATH}?max=0")).await.status, 400);
    assert_eq!(mirakl.invoice_listings(), 1);
    list(&world, "").await;
    assert_eq!(mirakl.invoice_listings(), 2);
    assert_eq!(world.sim.count("GET /api/invoices"), 6);
}

#[tokio::test]
async fn invoices_are_filtered_by_their_dates_of_creation() {
    let (world, start) = five().await;
    let third = date(start + TimeDelta::hours(3));
    assert_eq!(
        list(&world, &format!("start_date={third}")).await,
        [3, 4, 5]
    );
    assert_eq!(list(&world, &format!("end_date={third}")).await, [1, 2, 3]);
    let both = format!("start_date={third}&end_date={third}");
    assert_eq!(list(&world, &both).await, [3]);
    // A change has no date of its own.
    world.sim.mirakl().update_invoice(1, |invoice| {
        invoice["payment"]["state"] = "PAID".into();
    });
    assert_eq!(
        list(&world, &format!("start_date={third}")).await,
        [3, 4, 5]
    );
}

#[tokio::test]
async fn only_automatic_invoices_are_listed_unless_others_are_asked_for() {
    let world = World::new().await;
    let kinds = ["AUTO_INVOICE", "MANUAL_INVOICE", "MANUAL_CREDIT"];
    for (id, kind) in (1..).zip(kinds) {
        let seed = InvoiceSeed::new(id, 1).kind(kind);
        world.sim.mirakl().put_invoice(seed);
    }
    assert_eq!(list(&world, "").await, [1]);
    assert_eq!(list(&world, "type=ALL").await, [1, 2, 3]);
    for (id, kind) in (1..).zip(kinds) {
        assert_eq!(list(&world, &format!("type={kind}")).await, [id]);
    }
}

#[tokio::test]
async fn drafts_are_listed_only_if_asked_for() {
    let world = World::new().await;
    for (id, state) in (1..).zip(["GENERATED", "COMPLETE", "DRAFT"]) {
        let seed = InvoiceSeed::new(id, 1).state(state);
        world.sim.mirakl().put_invoice(seed);
    }
    assert_eq!(list(&world, "").await, [1, 2]);
    assert_eq!(list(&world, "states=COMPLETE").await, [2]);
    assert_eq!(list(&world, "states=COMPLETE,GENERATED").await, [1, 2]);
    let all = format!("{PATH}?states=DRAFT,GENERATED,COMPLETE");
    assert_eq!(world.mirakl(&all).await.json()["total_count"], 3);
}

#[tokio::test]
async fn invoices_are_filtered_by_shop_payment_and_currency() {
    let (world, _) = five().await;
    let mirakl = world.sim.mirakl();
    mirakl.update_invoice(2, |invoice| {
        invoice["payment"]["state"] = "PAID".into();
        invoice["currency_iso_code"] = "JPY".into();
    });
    mirakl.update_invoice(4, |invoice| {
        invoice["payment"] = json!({ "state": "FAILED", "failure_reason": "INCOMPLETE_KYC" });
        invoice["pay_out_psp_code"] = "OPERATOR".into();
        invoice["shop_model"] = "DROPSHIP".into();
        invoice["payment_voucher_number"] = "V4".into();
        invoice["shop_operator_internal_id"] = "internal-4".into();
        invoice["issuing_user"]["type"] = "PARTNER".into();
    });
    for (query, wanted) in [
        ("shop=2000", vec![2, 4]),
        ("shop=2001", vec![1, 3, 5]),
        ("shop=9", vec![]),
        ("payment_status=PENDING", vec![1, 3, 5]),
        ("payment_status=PAID", vec![2]),
        ("payment_status=FAILED", vec![4]),
        ("currency=JPY", vec![2]),
        ("currency=EUR&shop=2000", vec![4]),
        ("pay_out_psp_codes=OPERATOR,MANGOPAY", vec![4]),
        ("shop_model=DROPSHIP", vec![4]),
        ("issuing_user_types=PARTNER", vec![4]),
        ("payment_voucher_number=V4", vec![4]),
        ("shop_operator_internal_id=internal-4", vec![4]),
        ("what=ever", vec![1, 2, 3, 4, 5]),
    ] {
        assert_eq!(list(&world, query).await, wanted, "{query}");
    }
}

#[tokio::test]
async fn invoices_are_asked_for_by_ids_repeated_or_in_one_list() {
    let (world, _) = five().await;
    assert_eq!(list(&world, "invoice_id=4").await, [4]);
    assert_eq!(list(&world, "invoice_id=4,2,99").await, [2, 4]);
    assert_eq!(list(&world, "invoice_id=5&invoice_id=1,3").await, [1, 3, 5]);
    let cycle = |id| {
        let invoice = world.sim.mirakl().invoice(id).expect("an invoice");
        let cycle = invoice["seller_billing_cycle_id"].as_str();
        cycle.expect("a cycle").to_owned()
    };
    let (one, two, three) = (cycle(1), cycle(2), cycle(3));
    let query =
        format!("seller_billing_cycle_id={one},{two}&seller_billing_cycle_id={three}&shop=2001");
    assert_eq!(list(&world, &query).await, [1, 3]);
}

#[tokio::test]
async fn more_than_100_ids_of_invoices_are_refused() {
    let (world, _) = five().await;
    for name in ["invoice_id", "seller_billing_cycle_id"] {
        let values: Vec<String> = (1..=101).map(|n| n.to_string()).collect();
        let listed = |most: usize| format!("{PATH}?{name}={}", values[..most].join(","));
        let repeated = format!("{}&{name}=101", listed(100));
        assert_eq!(world.mirakl(&listed(100)).await.status, 200);
        for path in [listed(101), repeated] {
            let reply = world.mirakl(&path).await;
            assert_eq!(reply.status, 400);
            assert!(reply.text.contains("100"), "{}", reply.text);
        }
    }
}

#[tokio::test]
async fn wrong_values_in_a_query_of_invoices_are_refused() {
    let (world, _) = five().await;
    for query in [
        "max=0",
        "max=101",
        "offset=-1",
        "order=up",
        "sort=shop",
        "start_date=yesterday",
        "end_date=2026-05-04",
        "shop=x",
        "shop=",
        "type=CREDIT",
        "type=AUTO_INVOICE,MANUAL_INVOICE",
        "payment_status=paid",
        "states=OPEN",
        "states=COMPLETE,OPEN",
        "invoice_id=x",
        "invoice_id=1,x",
        "currency=eur",
        "currency=ISK",
        "pay_out_psp_codes=STRIPE",
        "shop_model=ALL",
        "issuing_user_types=ALL",
    ] {
        let reply = world.mirakl(&format!("{PATH}?{query}")).await;
        assert_eq!(reply.status, 400, "{query}");
        assert_eq!(reply.json()["status"], 400, "{query}");
    }
}

#[tokio::test]
async fn invoices_need_the_operators_key_and_are_not_written() {
    let (world, _) = five().await;
    let url = format!("{}{PATH}", world.sim.mirakl().url());
    let reply = world.get(&url, &[]).await.expect("an answer");
    assert_eq!(reply.status, 401);
    assert_eq!(world.put(PATH, &json!({})).await.status, 405);
    let fault = Fault::on("GET /api/invoices").then(Effect::CutAfter);
    world.sim.faults().add(fault);
    let key = [("Authorization", MIRAKL_KEY)];
    assert!(world.get(&url, &key).await.is_err());
}
