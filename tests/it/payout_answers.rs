//! Decisions and answers change the row that they are about, and only where it still stands.

use chrono::{TimeDelta, Utc};
use mirakl_stripe::domain::ids::PayoutId;
use mirakl_stripe::domain::money::{Currency, Money};
use mirakl_stripe::domain::payout::PayoutStatus;
use mirakl_stripe::store::StoreError;
use mirakl_stripe::store::payouts::{
    self, MadePayout, NewPayoutRow, Ready, RefusedPayout, SeenPayout, TO_BE_PAID,
};
use sqlx::PgConnection;

use crate::payout_queries::{put, row};
use crate::support::Database;

fn decision(invoice: &str, code: &str) -> NewPayoutRow {
    NewPayoutRow {
        mirakl_invoice_id: invoice.into(),
        shop_id: None,
        invoice_created_at: None,
        status: PayoutStatus::PayoutOnHold,
        status_reason: Some(code.to_owned()),
        reason_code: Some(code.to_owned()),
        amount: Some(250),
        currency: Currency::parse("EUR").ok(),
        account: Some("acct_9".into()),
        looks: 0,
        next_look_at: Some(Utc::now() + TimeDelta::minutes(5)),
        difference: None,
    }
}

fn seen(id: i64) -> SeenPayout<'static> {
    SeenPayout {
        id,
        stripe_status: "paid",
        arrival: None,
        follow_at: None,
        difference: None,
    }
}

/// Status, reason, amount, shop, looks of every payout, by invoice.
async fn standing(conn: &mut PgConnection) -> Vec<String> {
    let rows = sqlx::query_scalar(
        "select concat_ws(' ', mirakl_invoice_id, substr(status::text, 8), reason_code, amount, shop_id, attempt, looks)
         from payouts order by mirakl_invoice_id",
    );
    rows.fetch_all(conn).await.unwrap()
}

#[tokio::test]
async fn a_decision_never_touches_what_was_sent_made_or_ended() {
    let db = Database::migrated().await;
    let conn = &mut db.connect().await;
    let later = "next_look_at = now() + interval '1 hour'; looks = 3";
    let rows = [
        ("1", "ON_HOLD", later),
        ("2", "FAILED", later),
        ("3", "FAILED", "looks = 3"),
        ("4", "PENDING", ""),
        ("5", "PENDING", "sent_at = now()"),
        ("6", "CREATED", ""),
        ("7", "ABORTED", ""),
        ("8", "IGNORED", ""),
    ];
    for (invoice, status, rest) in rows {
        put(conn, invoice, 2000, status, rest).await;
    }
    let decided = |code| -> Vec<NewPayoutRow> {
        let all = rows.iter().map(|(invoice, ..)| decision(invoice, code));
        all.chain([decision("9", code)]).collect()
    };
    payouts::record(conn, &decided(TO_BE_PAID), Utc::now())
        .await
        .unwrap();
    let untouched = [
        "3 FAILED x 100 2000 1 3",
        "5 PENDING x 100 2000 1 0",
        "6 CREATED x 100 2000 1 0",
        "7 ABORTED x 100 2000 1 0",
    ];
    let mut expected = vec![
        // These stand where they stood until they are paid.
        "1 ON_HOLD x 250 2000 1 3",
        "2 FAILED x 250 2000 1 3",
        "4 ON_HOLD to_be_paid 250 2000 1 0",
        "8 ON_HOLD to_be_paid 250 2000 1 0",
        "9 ON_HOLD to_be_paid 250 1 0",
    ];
    expected.extend(untouched);
    expected.sort_unstable();
    assert_eq!(standing(conn).await, expected);
    payouts::record(conn, &decided("no_account"), Utc::now())
        .await
        .unwrap();
    let mut expected: Vec<String> = ["1", "2", "4", "8"]
        .iter()
        .map(|invoice| format!("{invoice} ON_HOLD no_account 250 2000 1 0"))
        .collect();
    expected.push("9 ON_HOLD no_account 250 1 0".to_owned());
    expected.extend(untouched.map(str::to_owned));
    expected.sort_unstable();
    assert_eq!(standing(conn).await, expected);
}

async fn id_of(conn: &mut PgConnection, invoice: &str) -> i64 {
    sqlx::query_scalar("select id from payouts where mirakl_invoice_id = $1")
        .bind(invoice)
        .fetch_one(conn)
        .await
        .unwrap()
}

fn made(id: i64, payout: &PayoutId) -> MadePayout<'_> {
    let now = Utc::now();
    MadePayout {
        id,
        payout_id: payout,
        amount: Money::from_minor(100, Currency::parse("EUR").unwrap()),
        stripe_status: "pending",
        arrival: None,
        stripe_created_at: now,
        follow_at: Some(now),
        request_id: None,
        difference: None,
    }
}

fn refused(id: i64, reason: &str) -> RefusedPayout<'_> {
    RefusedPayout {
        id,
        reason,
        code: "code",
        request_id: None,
        next_look_at: Some(Utc::now()),
    }
}

#[tokio::test]
async fn an_answer_settles_the_row_that_waits_for_it_and_no_other() {
    let db = Database::migrated().await;
    let conn = &mut db.connect().await;
    let now = Utc::now();
    put(conn, "1", 2000, "PENDING", "sent_at = now()").await;
    put(
        conn,
        "2",
        2000,
        "PENDING",
        "sent_at = now(); failed_payout_ids = '{po_old}'",
    )
    .await;
    let stands_else = ["ON_HOLD", "FAILED", "ABORTED", "IGNORED"];
    for status in stands_else {
        put(conn, status, 2000, status, "").await;
    }
    let (new, old) = ("po_new".into(), "po_old".into());
    for other in stands_else {
        let id = id_of(conn, other).await;
        for result in [
            payouts::made(conn, &made(id, &new), now).await.err(),
            payouts::refused(conn, &refused(id, "no"), now).await.err(),
            payouts::mark_sent(conn, id, now).await.err(),
            payouts::ended(conn, id, ("x", "x"), "failed", None, now)
                .await
                .err(),
            payouts::seen(conn, &seen(id), now).await.err(),
        ] {
            assert!(
                matches!(result, Some(StoreError::Changed { .. })),
                "{other}: {result:?}"
            );
        }
    }
    let (first, second) = (id_of(conn, "1").await, id_of(conn, "2").await);
    // A replayed answer is the payout that failed, not a new one.
    assert!(!payouts::made(conn, &made(second, &old), now).await.unwrap());
    assert!(payouts::made(conn, &made(first, &new), now).await.unwrap());
    assert!(
        payouts::refused(conn, &refused(second, "no"), now)
            .await
            .unwrap()
    );
    let rows = standing(conn).await;
    assert_eq!(
        rows[..2],
        ["1 CREATED 100 2000 1 0", "2 FAILED code 100 2000 2 1"]
    );
    // It comes back: the next try has a new key, and the payout stays known.
    let why = ("came back", "account_closed");
    payouts::ended(conn, first, why, "failed", Some(now), now)
        .await
        .unwrap();
    let rows = standing(conn).await;
    assert_eq!(
        rows[..2],
        [
            "1 FAILED account_closed 100 2000 2 0",
            "2 FAILED code 100 2000 2 1"
        ]
    );
    let failed = sqlx::query_scalar(
        "select failed_payout_ids from payouts where mirakl_invoice_id in ('1', '2') order by 1",
    );
    let failed: Vec<Vec<String>> = failed.fetch_all(&mut *conn).await.unwrap();
    assert_eq!(failed, [vec!["po_new"], vec!["po_old"]]);
}

#[tokio::test]
async fn the_same_refusal_again_is_no_news_of_one_payout_whatever_another_was_refused_for() {
    let db = Database::migrated().await;
    let conn = &mut db.connect().await;
    let now = Utc::now();
    put(conn, "1", 2000, "ON_HOLD", "").await;
    put(conn, "2", 2000, "ON_HOLD", "").await;
    for (invoice, reason, news) in [
        ("1", "no", true),
        ("1", "no", false),
        ("2", "other", true),
        ("1", "no", false),
        ("1", "other", true),
        ("2", "other", false),
        ("1", "other", false),
        ("1", "no", true),
    ] {
        let id = id_of(conn, invoice).await;
        let row = row(invoice, 2000, now);
        let attempt = payouts::pend(conn, &Ready { id, ..row }, "b", 1, now).await;
        assert!(attempt.unwrap().is_some());
        payouts::mark_sent(conn, id, now).await.unwrap();
        let told = payouts::refused(conn, &refused(id, reason), now).await;
        assert_eq!(told.unwrap(), news, "{invoice} {reason}");
    }
    let rows = standing(conn).await;
    assert_eq!(
        rows,
        ["1 FAILED code 100 2000 7 2", "2 FAILED code 100 2000 3 2"]
    );
}
