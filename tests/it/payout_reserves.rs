//! What of a seller's balance is kept for refunds, and what the store takes down of a payout's way.

use chrono::{TimeDelta, Utc};
use mirakl_stripe::domain::money::{Currency, Money};
use mirakl_stripe::domain::payout::PayoutStatus;
use mirakl_stripe::store::StoreError;
use mirakl_stripe::store::payouts::{self, MadePayout, NewPayoutRow, RefusedPayout, TO_BE_PAID};
use sqlx::PgConnection;

use crate::payout_queries::{execute, put};
use crate::support::Database;

async fn transfer(conn: &mut PgConnection, kind: &str, order: &str, account: &str) {
    let sql = format!(
        "insert into transfers (type, mirakl_id, status, amount, currency, destination, source_charge, request_body,
             transfer_id, stripe_created_at, created_at, updated_at)
         values ('{kind}', '{order}', 'TRANSFER_CREATED', 9000, 'EUR', '{account}', 'ch_1', 'b', 'tr_{kind}_{order}',
             now(), now(), now())"
    );
    execute(conn, &sql).await;
}

/// A refund of 10.00 of which the seller bears `part`.
async fn refund(
    conn: &mut PgConnection,
    kind: &str,
    id: &str,
    order: &str,
    status: &str,
    part: &str,
) {
    let created = status == "CREATED";
    let (step, made) = if created {
        ("REVERSE", format!("'re_{id}', now(), now()"))
    } else {
        ("REFUND", "null, null, null".to_owned())
    };
    let next = if status == "ON_HOLD" { "now()" } else { "null" };
    let sql = format!(
        "insert into refunds (type, mirakl_id, order_id, step, status, status_reason, reason_code, amount, currency,
             seller_part, charge_id, request_body, next_look_at, stripe_refund_id, stripe_created_at, confirmed_at,
             created_at, updated_at)
         values ('{kind}_REFUND', '{id}', '{order}', '{step}', 'REFUND_{status}', 'x', 'x', 1000, 'EUR', {part}, 'ch_1',
             'b', {next}, {made}, now(), now())"
    );
    execute(conn, &sql).await;
}

async fn reversal(
    conn: &mut PgConnection,
    refund: &str,
    kind: &str,
    order: &str,
    amount: i64,
    rest: &str,
) {
    let (columns, values) = match rest {
        "made" => (
            ", reversal_id, stripe_created_at",
            format!(", 'trr_{refund}', now()"),
        ),
        "sent" => (", request_body, sent_at", ", 'b', now()".to_owned()),
        _ => ("", String::new()),
    };
    let sql = format!(
        "insert into reversals (refund_id, transfer_type, transfer_id, currency, wanted, amount, created_at, updated_at{columns})
         select id, '{kind}', 'tr_{kind}_{order}', 'EUR', 900, {amount}, now(), now(){values} from refunds where mirakl_id = '{refund}'"
    );
    assert_eq!(execute(conn, &sql).await, 1);
}

async fn reserved(conn: &mut PgConnection, account: &str, currency: &str) -> i64 {
    let currency = Currency::parse(currency).unwrap();
    let reserved = payouts::reserved(conn, &account.into(), currency).await;
    reserved.unwrap()
}

#[tokio::test]
async fn what_refunds_will_still_take_back_is_kept_for_them() {
    let db = Database::migrated().await;
    let conn = &mut db.connect().await;
    let (product, tax) = ("PRODUCT_ORDER", "PRODUCT_ORDER_TAX");
    transfer(conn, product, "A", "acct_1").await;
    transfer(conn, tax, "A", "acct_tax").await;
    transfer(conn, product, "B", "acct_2").await;
    transfer(conn, "SERVICE_ORDER", "B", "acct_1").await;
    assert_eq!(reserved(conn, "acct_1", "EUR").await, 0);
    // Not decided yet: the seller's part, of each order to its own seller.
    refund(conn, "PRODUCT", "1", "A", "PENDING", "900").await;
    refund(conn, "PRODUCT", "2", "A", "ON_HOLD", "30").await;
    refund(conn, "PRODUCT", "3", "B", "FAILED", "7").await;
    refund(conn, "SERVICE", "4", "B", "PENDING", "5000").await;
    // Nothing comes back of these.
    refund(conn, "PRODUCT", "5", "A", "ABORTED", "100000").await;
    refund(conn, "PRODUCT", "6", "A", "IGNORED", "100000").await;
    refund(conn, "PRODUCT", "7", "A", "PENDING", "-100000").await;
    refund(conn, "PRODUCT", "8", "A", "PENDING", "null").await;
    refund(conn, "PRODUCT", "9", "unknown", "PENDING", "100000").await;
    refund(conn, "SERVICE", "10", "A", "PENDING", "100000").await;
    assert_eq!(reserved(conn, "acct_1", "EUR").await, 900 + 30 + 5000);
    assert_eq!(reserved(conn, "acct_2", "EUR").await, 7);
    assert_eq!(reserved(conn, "acct_1", "USD").await, 0);
    assert_eq!(reserved(conn, "acct_9", "EUR").await, 0);
    // Decided: what the reversals will take, and not the seller's part again.
    reversal(conn, "1", product, "A", 700, "open").await;
    reversal(conn, "1", tax, "A", 200, "open").await;
    reversal(conn, "3", product, "B", 6, "sent").await;
    assert_eq!(reserved(conn, "acct_1", "EUR").await, 700 + 30 + 5000);
    assert_eq!(reserved(conn, "acct_tax", "EUR").await, 200);
    assert_eq!(reserved(conn, "acct_2", "EUR").await, 6);
    // Made: nothing more. Ended by a person: only what may have left.
    refund(conn, "PRODUCT", "11", "A", "CREATED", "900").await;
    reversal(conn, "11", product, "A", 900, "made").await;
    refund(conn, "PRODUCT", "12", "A", "ABORTED", "900").await;
    reversal(conn, "12", product, "A", 900, "open").await;
    refund(conn, "PRODUCT", "13", "A", "ABORTED", "1").await;
    reversal(conn, "13", product, "A", 1, "sent").await;
    assert_eq!(reserved(conn, "acct_1", "EUR").await, 700 + 30 + 5000 + 1);
}

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

#[tokio::test]
async fn an_answer_settles_the_row_that_waited_for_it_and_no_other() {
    let db = Database::migrated().await;
    let conn = &mut db.connect().await;
    for (invoice, status, rest) in [
        ("1", "PENDING", "sent_at = now()"),
        (
            "2",
            "PENDING",
            "sent_at = now(); failed_payout_ids = '{po_old}'",
        ),
        ("3", "ON_HOLD", ""),
        ("4", "ABORTED", ""),
    ] {
        put(conn, invoice, 2000, status, rest).await;
    }
    let now = Utc::now();
    let amount = Money::from_minor(100, Currency::parse("EUR").unwrap());
    let (new, old) = ("po_new".into(), "po_old".into());
    let made = |id, payout| MadePayout {
        id,
        payout_id: payout,
        amount,
        stripe_status: "pending",
        arrival: None,
        stripe_created_at: now,
        follow_at: Some(now),
        request_id: None,
        difference: None,
    };
    let refused = |id, reason| RefusedPayout {
        id,
        reason,
        code: "code",
        request_id: None,
        next_look_at: now,
    };
    for other in ["3", "4"] {
        let id = id_of(conn, other).await;
        let result = payouts::made(conn, &made(id, &new), now).await;
        assert!(
            matches!(result, Err(StoreError::Changed { .. })),
            "{result:?}"
        );
        let result = payouts::refused(conn, &refused(id, "no"), now).await;
        assert!(
            matches!(result, Err(StoreError::Changed { .. })),
            "{result:?}"
        );
        let result = payouts::mark_sent(conn, id, now).await;
        assert!(
            matches!(result, Err(StoreError::Changed { .. })),
            "{result:?}"
        );
        let result = payouts::ended(conn, id, ("x", "x"), "failed", None, now).await;
        assert!(
            matches!(result, Err(StoreError::Changed { .. })),
            "{result:?}"
        );
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
    let standing_now = standing(conn).await;
    assert_eq!(
        standing_now[..2],
        ["1 CREATED 100 2000 1 0", "2 FAILED code 100 2000 2 1"]
    );
    // The same refusal again is no news, another one is.
    for (reason, news) in [
        ("no", false),
        ("other", true),
        ("other", false),
        ("no", true),
    ] {
        payouts::pend(conn, second, "b", 1, now).await.unwrap();
        payouts::mark_sent(conn, second, now).await.unwrap();
        let told = payouts::refused(conn, &refused(second, reason), now).await;
        assert_eq!(told.unwrap(), news, "{reason}");
    }
    // It comes back: the next try has a new key, and the payout stays known.
    payouts::ended(
        conn,
        first,
        ("came back", "account_closed"),
        "failed",
        Some(now),
        now,
    )
    .await
    .unwrap();
    let standing_now = standing(conn).await;
    assert_eq!(
        standing_now[..2],
        [
            "1 FAILED account_closed 100 2000 2 0",
            "2 FAILED code 100 2000 6 2"
        ]
    );
    let failed: Vec<Vec<String>> =
        sqlx::query_scalar("select failed_payout_ids from payouts order by mirakl_invoice_id")
            .fetch_all(&mut *conn)
            .await
            .unwrap();
    assert_eq!(failed[..3], [vec!["po_new"], vec!["po_old"], vec![]]);
}
