//! The store's questions about payouts, each with rows that it must and must not find.

use chrono::{DateTime, TimeDelta, Utc};
use mirakl_stripe::domain::ids::{InvoiceId, ShopId};
use mirakl_stripe::domain::money::{Currency, Money};
use mirakl_stripe::domain::payout::PayoutStatus;
use mirakl_stripe::store::payouts::{self, Ready, Wanted};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::support::Database;

pub async fn execute(conn: &mut PgConnection, sql: &str) -> u64 {
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"))
        .rows_affected()
}

/// A payout of 1.00 EUR; `rest` are further columns as `name = value`, separated by `; `.
pub async fn put(conn: &mut PgConnection, invoice: &str, shop: i64, status: &str, rest: &str) {
    let given: Vec<(&str, &str)> = rest
        .split("; ")
        .filter_map(|pair| pair.split_once(" = "))
        .collect();
    let account = format!("'acct_{shop}'");
    let payout = format!("'po_{invoice}'");
    let needed: &[(&str, &str)] = match status {
        "ON_HOLD" => &[("next_look_at", "now()")],
        "PENDING" => &[("request_body", "'x'")],
        "CREATED" => &[
            ("stripe_payout_id", &payout),
            ("stripe_status", "'pending'"),
            ("stripe_created_at", "now()"),
        ],
        _ => &[],
    };
    let usual = [
        ("status_reason", "'x'"),
        ("reason_code", "'x'"),
        ("amount", "100"),
        ("currency", "'EUR'"),
        ("account", &account),
        ("invoice_created_at", "now()"),
        ("created_at", "now()"),
        ("updated_at", "now()"),
    ];
    let is_given = |name: &str| given.iter().any(|(other, _)| *other == name);
    let defaults = usual.iter().chain(needed).copied();
    let columns = defaults.filter(|(name, _)| !is_given(name));
    let (names, values): (Vec<&str>, Vec<&str>) = columns.chain(given.iter().copied()).unzip();
    let sql = format!(
        "insert into payouts (mirakl_invoice_id, shop_id, status, {}) values ('{invoice}', {shop}, 'PAYOUT_{status}', {})",
        names.join(", "),
        values.join(", ")
    );
    execute(conn, &sql).await;
}

async fn invoices(conn: &mut PgConnection, condition: &str) -> Vec<String> {
    let sql = format!(
        "select mirakl_invoice_id from payouts where {condition} order by mirakl_invoice_id"
    );
    let found = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(conn).await;
    found.unwrap()
}

fn eur(minor: i64) -> Money {
    Money::from_minor(minor, Currency::parse("EUR").unwrap())
}

fn ids(found: &[InvoiceId]) -> Vec<&str> {
    found.iter().map(InvoiceId::as_str).collect()
}

const PAST: &str = "next_look_at = now() - interval '1 minute'";
const LATER: &str = "next_look_at = now() + interval '1 hour'";
const OLD: &str = "updated_at = now() - interval '1 hour'";

#[tokio::test]
async fn invoices_are_due_by_their_payout_or_a_movement_each_once() {
    let db = Database::migrated().await;
    let conn = &mut db.connect().await;
    put(conn, "a1", 2000, "ON_HOLD", PAST).await;
    put(conn, "a2", 2001, "ON_HOLD", PAST).await;
    put(conn, "a3", 2000, "FAILED", PAST).await;
    put(conn, "a4", 2000, "PENDING", OLD).await;
    put(conn, "b1", 2000, "ON_HOLD", LATER).await;
    put(conn, "b2", 2000, "FAILED", LATER).await;
    put(conn, "b3", 2000, "FAILED", "").await;
    put(conn, "b4", 2000, "PENDING", "").await;
    put(
        conn,
        "b5",
        2000,
        "PENDING",
        &format!("{OLD}; sent_at = now()"),
    )
    .await;
    put(conn, "b6", 2000, "CREATED", OLD).await;
    put(conn, "b7", 2000, "ABORTED", OLD).await;
    put(conn, "b8", 2000, "IGNORED", OLD).await;
    let movement = async |conn: &mut PgConnection, kind: &str, id: &str, next: &str| {
        let sql = format!(
            "insert into transfers (type, mirakl_id, status, status_reason, reason_code, next_look_at, created_at, updated_at)
             values ('{kind}', '{id}', 'TRANSFER_ON_HOLD', 'x', 'x', {next}, now(), now())"
        );
        execute(conn, &sql).await;
    };
    movement(conn, "SUBSCRIPTION", "a1", "now()").await;
    movement(conn, "EXTRA_CREDITS", "a1", "now()").await;
    movement(conn, "EXTRA_INVOICES", "c1", "now()").await;
    movement(conn, "EXTRA_CREDITS", "d1", "now() + interval '1 hour'").await;
    movement(conn, "PRODUCT_ORDER", "d2", "now()").await;
    for (id, sent, age) in [("c2", "null", 60), ("d3", "null", 1), ("d4", "now()", 60)] {
        let sql = format!(
            "insert into transfers (type, mirakl_id, status, amount, currency, destination, request_body, sent_at, created_at, updated_at)
             values ('EXTRA_CREDITS', '{id}', 'TRANSFER_PENDING', 1, 'EUR', 'acct_1', 'x', {sent}, now(),
                     now() - interval '{age} minutes')"
        );
        execute(conn, &sql).await;
    }
    let now = Utc::now() + TimeDelta::seconds(1);
    let stale = now - TimeDelta::minutes(10);
    let due = payouts::due(conn, now, stale, "", 100, None).await.unwrap();
    assert_eq!(ids(&due), ["a1", "a2", "a3", "a4", "c1", "c2"]);
    let due = payouts::due(conn, now, stale, "a2", 2, None).await.unwrap();
    assert_eq!(ids(&due), ["a3", "a4"]);
    let due = payouts::due(conn, now, stale, "c2", 2, None).await.unwrap();
    assert_eq!(ids(&due), [""; 0]);
}

pub fn row(invoice: &str, shop: i64, at: DateTime<Utc>) -> Ready {
    Ready {
        id: 0,
        invoice: invoice.into(),
        invoice_created_at: at,
        shop_id: ShopId(shop),
        account: "acct_1".into(),
        amount: eur(100),
        status: PayoutStatus::PayoutOnHold,
        reason_code: None,
        looks: 0,
        next_look_at: None,
    }
}

#[tokio::test]
async fn the_oldest_open_invoice_of_the_same_seller_goes_first() {
    let db = Database::migrated().await;
    let conn = &mut db.connect().await;
    let on = |day: u32| format!("invoice_created_at = '2026-03-{day:02}'");
    for (invoice, shop, status, day) in [
        ("1", 2000, "CREATED", 1),
        ("2", 2000, "ABORTED", 2),
        ("3", 2000, "IGNORED", 3),
        ("4", 2001, "ON_HOLD", 1),
        ("6", 2000, "FAILED", 5),
        ("5", 2000, "ON_HOLD", 6),
        ("7", 2000, "PENDING", 7),
        ("8", 2000, "ON_HOLD", 7),
        ("9", 2000, "ON_HOLD", 9),
    ] {
        put(conn, invoice, shop, status, &on(day)).await;
    }
    put(
        conn,
        "dateless",
        2000,
        "ON_HOLD",
        "invoice_created_at = null",
    )
    .await;
    let day =
        |day: u32| -> DateTime<Utc> { format!("2026-03-{day:02}T00:00:00Z").parse().unwrap() };
    for (invoice, shop, at, before, earlier) in [
        ("6", 2000, 5, None, None),
        ("5", 2000, 6, None, Some("6")),
        ("9", 2000, 9, None, Some("6")),
        ("4", 2001, 1, None, None),
        ("99", 2001, 2, None, Some("4")),
        ("99", 2002, 30, None, None),
        // Of one day, in the order of their numbers.
        ("7", 2000, 7, Some("'5', '6'"), None),
        ("8", 2000, 7, Some("'5', '6'"), Some("7")),
    ] {
        if let Some(paid) = before {
            let sql = format!(
                "update payouts set status = 'PAYOUT_ABORTED', next_look_at = null where mirakl_invoice_id in ({paid})"
            );
            execute(conn, &sql).await;
        }
        let row = row(invoice, shop, day(at));
        let wanted = Wanted {
            invoice: &row.invoice,
            invoice_created_at: row.invoice_created_at,
            shop_id: row.shop_id,
            account: &row.account,
            currency: row.amount.currency(),
        };
        let found = payouts::obstacles(conn, &wanted).await.unwrap().earlier;
        assert_eq!(found.as_ref().map(InvoiceId::as_str), earlier, "{invoice}");
    }
}

#[tokio::test]
async fn payouts_that_are_ready_come_by_the_date_of_their_invoice() {
    let db = Database::migrated().await;
    let conn = &mut db.connect().await;
    put(
        conn,
        "1",
        2000,
        "ON_HOLD",
        "invoice_created_at = '2026-03-03'",
    )
    .await;
    put(
        conn,
        "2",
        2001,
        "ON_HOLD",
        "invoice_created_at = '2026-03-01'; amount = 700",
    )
    .await;
    put(
        conn,
        "3",
        2000,
        "FAILED",
        &format!("{PAST}; invoice_created_at = '2026-03-02'"),
    )
    .await;
    put(conn, "4", 2000, "FAILED", "").await;
    put(conn, "5", 2000, "PENDING", "").await;
    put(conn, "6", 2000, "CREATED", "").await;
    put(conn, "7", 2000, "ON_HOLD", "amount = null; currency = null").await;
    put(conn, "8", 2000, "ON_HOLD", "account = null").await;
    put(conn, "9", 2000, "ON_HOLD", "").await;
    let asked = ["1", "2", "3", "4", "5", "6", "7", "8"];
    let ready = payouts::ready(conn, &asked, Utc::now()).await.unwrap();
    let found: Vec<(&str, i64, i64)> = ready
        .iter()
        .map(|row| (row.invoice.as_str(), row.shop_id.0, row.amount.minor()))
        .collect();
    assert_eq!(
        found,
        [("2", 2001, 700), ("3", 2000, 100), ("1", 2000, 100)]
    );
}

#[tokio::test]
async fn payouts_are_followed_while_their_time_has_come() {
    let db = Database::migrated().await;
    let conn = &mut db.connect().await;
    put(conn, "1", 2000, "CREATED", "follow_at = now()").await;
    put(conn, "2", 2001, "CREATED", "follow_at = now()").await;
    put(
        conn,
        "3",
        2000,
        "CREATED",
        "follow_at = now() + interval '1 hour'",
    )
    .await;
    put(conn, "4", 2000, "CREATED", "").await;
    put(
        conn,
        "5",
        2000,
        "CREATED",
        "follow_at = now() - interval '1 day'",
    )
    .await;
    put(conn, "6", 2000, "PENDING", "").await;
    let now = Utc::now() + TimeDelta::seconds(1);
    let of = async |conn: &mut PgConnection, shop: Option<i64>, after: i64, limit: i64| {
        let found = payouts::followed(conn, now, shop.map(ShopId), after, limit).await;
        let found = found.unwrap();
        let found: Vec<String> = found
            .iter()
            .map(|row| format!("{} {} {}", row.invoice, row.payout_id, row.account))
            .collect();
        found
    };
    let (one, two, five) = ("1 po_1 acct_2000", "2 po_2 acct_2001", "5 po_5 acct_2000");
    assert_eq!(of(conn, None, 0, 10).await, [one, two, five]);
    assert_eq!(of(conn, None, 0, 2).await, [one, two]);
    assert_eq!(of(conn, None, 2, 10).await, [five]);
    assert_eq!(of(conn, Some(2001), 0, 10).await, [two]);
    assert_eq!(of(conn, Some(2000), 0, 10).await, [one, five]);
}

#[tokio::test]
async fn an_exclusion_that_ends_opens_what_was_ignored_for_it_alone() {
    let db = Database::migrated().await;
    let conn = &mut db.connect().await;
    for (shop, ignored) in [(2000, false), (2001, true), (2002, false)] {
        let sql = format!(
            "insert into shops (shop_id, terminated, ignored, field, mirakl_created_at, mirakl_updated_at, changed_at, created_at, updated_at)
             values ({shop}, false, {ignored}, 'EMPTY', now(), now(), now(), now(), now())"
        );
        execute(conn, &sql).await;
    }
    let excluded = "reason_code = 'shop_excluded'";
    put(conn, "1", 2000, "IGNORED", excluded).await;
    put(conn, "2", 2000, "IGNORED", excluded).await;
    put(conn, "3", 2000, "IGNORED", "reason_code = 'before_start'").await;
    put(conn, "4", 2001, "IGNORED", excluded).await;
    put(conn, "5", 2002, "IGNORED", excluded).await;
    put(conn, "6", 2000, "ABORTED", excluded).await;
    put(conn, "7", 2003, "IGNORED", excluded).await;
    payouts::reopen_included(conn, Utc::now()).await.unwrap();
    let opened =
        "status = 'PAYOUT_ON_HOLD' and reason_code = 'shop_included' and next_look_at <= now()";
    assert_eq!(invoices(conn, opened).await, ["1", "2", "5"]);
    assert_eq!(
        invoices(conn, "status = 'PAYOUT_IGNORED'").await,
        ["3", "4", "7"]
    );
}

#[tokio::test]
async fn what_changes_at_a_shop_makes_its_waiting_payouts_due_and_no_others() {
    let db = Database::migrated().await;
    let conn = &mut db.connect().await;
    put(conn, "1", 2000, "ON_HOLD", LATER).await;
    put(conn, "2", 2001, "FAILED", LATER).await;
    put(conn, "3", 2002, "ON_HOLD", LATER).await;
    // A person decides about this one.
    put(conn, "4", 2000, "FAILED", "").await;
    put(conn, "5", 2000, "CREATED", "").await;
    put(conn, "6", 2000, "ON_HOLD", PAST).await;
    let before = Utc::now();
    payouts::shops_are_due(conn, &[], before).await.unwrap();
    assert_eq!(invoices(conn, "next_look_at <= now()").await, ["6"]);
    let shops = [ShopId(2000), ShopId(2001), ShopId(2999)];
    payouts::shops_are_due(conn, &shops, before).await.unwrap();
    assert_eq!(
        invoices(conn, "next_look_at <= now()").await,
        ["1", "2", "6"]
    );
    assert_eq!(invoices(conn, "next_look_at is null").await, ["4", "5"]);
    let kept = "next_look_at < now() - interval '30 seconds'";
    assert_eq!(invoices(conn, kept).await, ["6"], "an earlier look stays");
}
