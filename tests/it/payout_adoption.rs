//! Taking over payouts that Stripe has and the store does not know: whatever a row says, what was made
//! is made, and what came back is an attempt.

use chrono::{DateTime, TimeDelta, Utc};
use mirakl_stripe::domain::ids::ShopId;
use mirakl_stripe::domain::money::Currency;
use mirakl_stripe::store::payouts::{self, AdoptedPayout};
use sqlx::PgConnection;

use crate::payout_queries::put;
use crate::support::Database;

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_770_000_000, 0).unwrap() + TimeDelta::minutes(minute)
}

/// A payout of 1.00 EUR that is on its way.
fn live(invoice: &str, payout: &str, minute: i64) -> AdoptedPayout {
    AdoptedPayout {
        invoice: invoice.into(),
        shop_id: Some(ShopId(2000)),
        account: "acct_2000".into(),
        payout_id: payout.into(),
        amount: 100,
        currency: Currency::parse("EUR").unwrap(),
        stripe_status: "in_transit".to_owned(),
        ended: false,
        reason: String::new(),
        reason_code: String::new(),
        next_look_at: None,
        arrival_date: None,
        stripe_created_at: at(minute),
        follow_at: Some(at(minute)),
    }
}

/// One that came back.
fn failed(invoice: &str, payout: &str, minute: i64) -> AdoptedPayout {
    AdoptedPayout {
        stripe_status: "failed".to_owned(),
        ended: true,
        reason: format!("the bank did not take {payout}"),
        reason_code: "account_closed".to_owned(),
        next_look_at: Some(at(100_000)),
        follow_at: None,
        ..live(invoice, payout, minute)
    }
}

/// How many rows learnt of a payout that was made or came back, and how many of a second one.
async fn adopt(conn: &mut PgConnection, listed: &[AdoptedPayout]) -> (usize, u64) {
    let adoption = payouts::adopt(conn, listed, at(0)).await.unwrap();
    let settled = usize::try_from(adoption.settled).unwrap();
    (settled + adoption.came_back.len(), adoption.doubled)
}

/// Where a payout stands: status, attempt, payout, those that failed, whether it left.
async fn stands(conn: &mut PgConnection, invoice: &str) -> String {
    sqlx::query_scalar(
        "select concat_ws(' ', substr(status::text, 8), reason_code, attempt, stripe_payout_id,
                          failed_payout_ids::text, case when sent_at is not null then 'sent' end)
         from payouts where mirakl_invoice_id = $1",
    )
    .bind(invoice)
    .fetch_one(conn)
    .await
    .unwrap()
}

async fn difference(conn: &mut PgConnection, invoice: &str) -> Option<String> {
    sqlx::query_scalar("select difference from payouts where mirakl_invoice_id = $1")
        .bind(invoice)
        .fetch_one(conn)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_payout_that_was_made_settles_its_row_whatever_it_said() {
    let db = Database::migrated().await;
    let conn = &mut db.connect().await;
    for (invoice, status, rest) in [
        ("1", "ON_HOLD", "missing = 5"),
        ("2", "FAILED", "next_look_at = now(); attempt = 3"),
        ("3", "FAILED", ""),
        ("4", "PENDING", ""),
        ("5", "PENDING", "sent_at = now(); attempt = 2"),
        ("6", "PENDING", "sent_at = now(); amount = 99"),
        ("7", "ABORTED", ""),
        ("8", "IGNORED", ""),
        ("9", "ON_HOLD", ""),
    ] {
        put(conn, invoice, 2000, status, rest).await;
    }
    let listed: Vec<AdoptedPayout> = ["1", "2", "3", "4", "5", "6", "7", "8", "unknown"]
        .into_iter()
        .map(|invoice| live(invoice, &format!("po_{invoice}"), 1))
        .collect();
    assert_eq!(adopt(conn, &listed).await, (9, 0));
    for (invoice, attempt, sent) in [
        ("1", 1, ""),
        ("2", 3, ""),
        ("3", 1, ""),
        ("4", 1, ""),
        ("5", 2, " sent"),
        ("6", 1, " sent"),
        ("7", 1, ""),
        ("8", 1, ""),
        ("unknown", 1, ""),
    ] {
        let expected = format!("CREATED adopted {attempt} po_{invoice} {{}}{sent}");
        assert_eq!(stands(conn, invoice).await, expected);
        let flagged = difference(conn, invoice).await.is_some();
        assert_eq!(flagged, ["6", "7", "8"].contains(&invoice), "{invoice}");
    }
    assert_eq!(stands(conn, "9").await, "ON_HOLD x 1 {}");
    // What is known is known.
    assert_eq!(adopt(conn, &listed).await, (0, 0));
    assert_eq!(adopt(conn, &[]).await, (0, 0));
}

#[tokio::test]
async fn a_second_payout_for_one_invoice_is_flagged_once_and_the_first_stays() {
    let db = Database::migrated().await;
    let conn = &mut db.connect().await;
    put(conn, "1", 2000, "CREATED", "").await;
    put(conn, "2", 2000, "CREATED", "").await;
    put(conn, "3", 2000, "ON_HOLD", "").await;
    let listed = [
        live("1", "po_1", 1),
        live("1", "po_other", 2),
        live("2", "po_2", 1),
        // Two at once for a row that knows none: the older one is taken.
        live("3", "po_b", 5),
        live("3", "po_a", 4),
    ];
    assert_eq!(adopt(conn, &listed).await, (1, 2));
    assert_eq!(stands(conn, "1").await, "CREATED x 1 po_1 {}");
    assert_eq!(stands(conn, "2").await, "CREATED x 1 po_2 {}");
    assert_eq!(stands(conn, "3").await, "CREATED adopted 1 po_a {}");
    for (invoice, other) in [("1", Some("po_other")), ("2", None), ("3", Some("po_b"))] {
        let said = difference(conn, invoice).await;
        let expected = other.map(|other| format!("Stripe holds another payout for this: {other}"));
        assert_eq!(said, expected);
    }
    assert_eq!(adopt(conn, &listed).await, (0, 0), "told once");
}

#[tokio::test]
async fn payouts_that_came_back_count_as_attempts() {
    let db = Database::migrated().await;
    let conn = &mut db.connect().await;
    for (invoice, status, rest) in [
        ("1", "ON_HOLD", ""),
        ("2", "PENDING", "sent_at = now(); attempt = 2"),
        ("3", "CREATED", ""),
        ("4", "ABORTED", ""),
        (
            "5",
            "FAILED",
            "failed_payout_ids = '{po_x}'; attempt = 2; next_look_at = now()",
        ),
        ("6", "CREATED", ""),
        ("7", "PENDING", ""),
    ] {
        put(conn, invoice, 2000, status, rest).await;
    }
    let listed = [
        failed("1", "po_f1", 1),
        failed("2", "po_f2", 1),
        // Known as the row's own: followed, not adopted.
        failed("3", "po_3", 1),
        failed("4", "po_f4", 1),
        // Known as failed.
        failed("5", "po_x", 1),
        failed("6", "po_f6", 1),
        failed("unknown", "po_f9", 2),
        failed("unknown", "po_f8", 1),
    ];
    assert_eq!(
        adopt(conn, &listed).await,
        (3, 0),
        "those that stand as failed now"
    );
    for (invoice, expected) in [
        ("1", "FAILED account_closed 2 {po_f1}"),
        ("2", "FAILED account_closed 2 {po_f2}"),
        ("3", "CREATED x 1 po_3 {}"),
        ("4", "ABORTED x 2 {po_f4}"),
        ("5", "FAILED x 2 {po_x}"),
        ("6", "CREATED x 2 po_6 {po_f6}"),
        ("7", "PENDING x 1 {}"),
        ("unknown", "FAILED account_closed 3 {po_f8,po_f9}"),
    ] {
        assert_eq!(stands(conn, invoice).await, expected, "{invoice}");
    }
    assert_eq!(adopt(conn, &listed).await, (0, 0));
}

#[tokio::test]
async fn a_payout_that_came_back_and_the_next_try_are_taken_over_together() {
    let db = Database::migrated().await;
    let conn = &mut db.connect().await;
    put(conn, "1", 2000, "ON_HOLD", "").await;
    put(conn, "2", 2000, "CREATED", "stripe_payout_id = 'po_f2'").await;
    put(conn, "3", 2000, "PENDING", "sent_at = now()").await;
    let mut listed = Vec::new();
    for invoice in ["1", "2", "3", "unknown"] {
        listed.push(live(invoice, &format!("po_l{invoice}"), 9));
        listed.push(failed(invoice, &format!("po_f{invoice}"), 1));
    }
    assert_eq!(
        adopt(conn, &listed).await,
        (3, 1),
        "flagged for the one that is followed; the next try was made, so none is told as failed"
    );
    for (invoice, expected) in [
        ("1", "CREATED adopted 2 po_l1 {po_f1}"),
        // Its own end is learnt by following it.
        ("2", "CREATED x 1 po_f2 {}"),
        ("3", "CREATED adopted 2 po_l3 {po_f3}"),
        ("unknown", "CREATED adopted 2 po_lunknown {po_funknown}"),
    ] {
        assert_eq!(stands(conn, invoice).await, expected, "{invoice}");
    }
    assert_eq!(adopt(conn, &listed).await, (0, 0));
}

#[tokio::test]
async fn a_payout_that_was_cancelled_waits_for_a_person() {
    let db = Database::migrated().await;
    let conn = &mut db.connect().await;
    put(conn, "1", 2000, "ON_HOLD", "").await;
    put(conn, "2", 2000, "ON_HOLD", "").await;
    let cancelled = AdoptedPayout {
        reason_code: "canceled".to_owned(),
        next_look_at: None,
        ..failed("1", "po_c", 5)
    };
    // An older one that failed: the last end counts.
    assert_eq!(
        adopt(conn, &[cancelled, failed("1", "po_f", 1)]).await,
        (1, 0)
    );
    assert_eq!(stands(conn, "1").await, "FAILED canceled 3 {po_f,po_c}");
    let now = Utc::now();
    let due = payouts::due(conn, now + TimeDelta::days(365), now, "", 9, None).await;
    let due = due.unwrap();
    assert_eq!(due.len(), 1, "only the other one: {due:?}");
}
