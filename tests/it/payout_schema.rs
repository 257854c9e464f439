//! The database refuses payouts that cannot be, and forgets nothing that Stripe made.

use sqlx::{AssertSqlSafe, PgConnection};

use crate::support::Database;

async fn is_taken(conn: &mut PgConnection, sql: &str, possible: bool) {
    let result = sqlx::query(AssertSqlSafe(sql)).execute(conn).await;
    match result {
        Ok(done) => {
            assert!(possible, "{sql}");
            assert!(done.rows_affected() > 0, "{sql}: no row");
        }
        Err(error) => {
            assert!(!possible, "{sql}: {error}");
            let words = ["violates", "never erased", "would forget", "would go back"];
            let error = error.to_string();
            assert!(
                words.iter().any(|word| error.contains(word)),
                "{sql}: {error}"
            );
        }
    }
}

const PENDING: &str = "status, amount, currency, account, request_body";
const CREATED: &str =
    "status, amount, currency, account, stripe_payout_id, stripe_status, stripe_created_at";

fn insert(n: usize, columns: &str, values: &str) -> String {
    format!(
        "insert into payouts (mirakl_invoice_id, shop_id, created_at, updated_at, {columns})
         values ('{n}', 2000, now(), now(), {values})"
    )
}

#[tokio::test]
#[allow(clippy::too_many_lines)] // a table
async fn impossible_payouts_are_refused_by_the_database() {
    let db = Database::migrated().await;
    let mut conn = db.connect().await;
    let pending = |values: &str| (PENDING.to_owned(), format!("'PAYOUT_PENDING', {values}"));
    let created = |values: &str| (CREATED.to_owned(), format!("'PAYOUT_CREATED', {values}"));
    let with = |(columns, values): (String, String), column: &str, value: &str| {
        (format!("{columns}, {column}"), format!("{values}, {value}"))
    };
    let of = |columns: &str, values: &str| (columns.to_owned(), values.to_owned());
    let whole = "100, 'EUR', 'acct_1', 'x'";
    let made = "100, 'EUR', 'acct_1', 'po_1', 'pending', now()";
    let another = "100, 'EUR', 'acct_1', 'po_2', 'pending', now()";
    let why = "status_reason, reason_code";
    let held = || {
        of(
            &format!("status, {why}, next_look_at"),
            "'PAYOUT_ON_HOLD', 'x', 'x', now()",
        )
    };
    let failed = || of(&format!("status, {why}"), "'PAYOUT_FAILED', 'x', 'x'");
    let aborted = || of(&format!("status, {why}"), "'PAYOUT_ABORTED', 'x', 'x'");
    let ignored = || of(&format!("status, {why}"), "'PAYOUT_IGNORED', 'x', 'x'");
    for (n, ((columns, values), possible)) in [
        // Each status with what it needs.
        (held(), true),
        (failed(), true),
        (with(failed(), "next_look_at", "now()"), true),
        (aborted(), true),
        (ignored(), true),
        (pending(whole), true),
        (with(pending(whole), "sent_at", "now()"), true),
        (created(made), true),
        (
            with(created(another), "follow_at, sent_at", "now(), now()"),
            true,
        ),
        // The same payout for two invoices.
        (created(made), false),
        // Pending without a part of what is sent.
        (of("status", "'PAYOUT_PENDING'"), false),
        (pending("null, null, 'acct_1', 'x'"), false),
        (pending("100, null, 'acct_1', 'x'"), false),
        (pending("null, 'EUR', 'acct_1', 'x'"), false),
        (pending("100, 'EUR', null, 'x'"), false),
        (pending("100, 'EUR', 'acct_1', null"), false),
        // Amounts, currencies and ids that are none.
        (pending("0, 'EUR', 'acct_1', 'x'"), false),
        (pending("-1, 'EUR', 'acct_1', 'x'"), false),
        (pending("100, 'eur', 'acct_1', 'x'"), false),
        (pending("100, 'EUR', 'acc', 'x'"), false),
        (with(held(), "missing", "1"), false),
        (
            with(held(), "missing, amount, currency", "0, 100, 'EUR'"),
            false,
        ),
        (
            with(held(), "missing, amount, currency", "-1, 100, 'EUR'"),
            false,
        ),
        (
            with(held(), "missing, amount, currency", "1, 100, 'EUR'"),
            true,
        ),
        (with(held(), "attempt", "0"), false),
        (with(held(), "looks", "-1"), false),
        // Made, without a part of what Stripe said.
        (
            created("100, 'EUR', 'acct_1', null, 'pending', now()"),
            false,
        ),
        (created("100, 'EUR', 'acct_1', 'po_3', null, now()"), false),
        (
            created("100, 'EUR', 'acct_1', 'po_3', 'pending', null"),
            false,
        ),
        (created("100, 'EUR', null, 'po_3', 'pending', now()"), false),
        (
            created("null, null, 'acct_1', 'po_3', 'pending', now()"),
            false,
        ),
        (
            created("100, 'EUR', 'acct_1', 'tr_3', 'pending', now()"),
            false,
        ),
        // Only what was made has a payout, and is followed.
        (with(pending(whole), "stripe_payout_id", "'po_4'"), false),
        (with(held(), "stripe_payout_id", "'po_4'"), false),
        (with(failed(), "stripe_payout_id", "'po_4'"), false),
        (with(pending(whole), "follow_at", "now()"), false),
        (with(failed(), "follow_at", "now()"), false),
        (with(failed(), "failed_payout_ids", "'{po_4}'"), true),
        // Waiting and ended rows say why, waiting ones until when.
        (of("status", "'PAYOUT_ON_HOLD'"), false),
        (
            of(
                "status, status_reason, next_look_at",
                "'PAYOUT_ON_HOLD', 'x', now()",
            ),
            false,
        ),
        (
            of(
                "status, reason_code, next_look_at",
                "'PAYOUT_ON_HOLD', 'x', now()",
            ),
            false,
        ),
        (
            of(&format!("status, {why}"), "'PAYOUT_ON_HOLD', 'x', 'x'"),
            false,
        ),
        (of("status", "'PAYOUT_FAILED'"), false),
        (of("status, status_reason", "'PAYOUT_FAILED', 'x'"), false),
        (of("status, reason_code", "'PAYOUT_ABORTED', 'x'"), false),
        (of("status", "'PAYOUT_ABORTED'"), false),
        (of("status", "'PAYOUT_IGNORED'"), false),
        // No look at what is sent, made, ended or not ours.
        (with(pending(whole), "next_look_at", "now()"), false),
        (
            with(
                created("100, 'EUR', 'acct_1', 'po_5', 'paid', now()"),
                "next_look_at",
                "now()",
            ),
            false,
        ),
        (with(aborted(), "next_look_at", "now()"), false),
        (with(ignored(), "next_look_at", "now()"), false),
        // What left is settled or in doubt, never decided again.
        (with(held(), "sent_at", "now()"), false),
        (with(failed(), "sent_at", "now()"), false),
        (with(aborted(), "sent_at", "now()"), false),
        (with(ignored(), "sent_at", "now()"), false),
        (of("status", "'SOMETHING'"), false),
    ]
    .into_iter()
    .enumerate()
    {
        let sql = insert(n, &columns, &values);
        let result = sqlx::query(AssertSqlSafe(sql.clone()))
            .execute(&mut conn)
            .await;
        assert_eq!(result.is_ok(), possible, "{sql}: {result:?}");
    }
    let twice = insert(
        0,
        "status, status_reason, reason_code",
        "'PAYOUT_IGNORED', 'x', 'x'",
    );
    is_taken(&mut conn, &twice, false).await;
    let nameless = twice.replace("'0'", "''");
    is_taken(&mut conn, &nameless, false).await;
}

#[tokio::test]
async fn a_payout_that_stripe_made_is_never_forgotten() {
    let db = Database::migrated().await;
    let mut conn = db.connect().await;
    for n in [1, 2] {
        let values = format!("'PAYOUT_CREATED', 100, 'EUR', 'acct_1', 'po_{n}', 'pending', now()");
        let sql = insert(n, &format!("{CREATED}, attempt"), &format!("{values}, 2"));
        is_taken(&mut conn, &sql, true).await;
    }
    let failed = "status = 'PAYOUT_FAILED', status_reason = 'x', reason_code = 'x'";
    for (change, of, possible) in [
        ("stripe_payout_id = 'po_9'".to_owned(), 1, false),
        (format!("stripe_payout_id = null, {failed}"), 1, false),
        // It must be this one that is kept as failed.
        (
            format!("stripe_payout_id = null, failed_payout_ids = '{{po_2}}', {failed}"),
            1,
            false,
        ),
        ("attempt = 1".to_owned(), 1, false),
        (
            "attempt = 2, stripe_status = 'in_transit'".to_owned(),
            1,
            true,
        ),
        (
            format!(
                "stripe_payout_id = null, failed_payout_ids = '{{po_1}}', attempt = 3, {failed}"
            ),
            1,
            true,
        ),
        ("failed_payout_ids = '{}'".to_owned(), 1, false),
        ("failed_payout_ids = '{po_8}'".to_owned(), 1, false),
        ("attempt = 2".to_owned(), 1, false),
        (
            "status = 'PAYOUT_CREATED', stripe_payout_id = 'po_3', failed_payout_ids = '{po_1}'"
                .to_owned(),
            1,
            true,
        ),
        // The other row is as it was.
        ("stripe_status = 'paid'".to_owned(), 2, true),
        ("stripe_payout_id = 'po_3'".to_owned(), 2, false),
    ] {
        let sql = format!("update payouts set {change} where mirakl_invoice_id = '{of}'");
        is_taken(&mut conn, &sql, possible).await;
    }
}

#[tokio::test]
async fn every_change_of_a_payout_is_one_row_of_its_history() {
    let db = Database::migrated().await;
    let mut conn = db.connect().await;
    for n in [1, 2] {
        let columns = "status, status_reason, reason_code, next_look_at, amount, currency, account";
        let values = "'PAYOUT_ON_HOLD', 'waits', 'x', now(), 100, 'EUR', 'acct_1'";
        is_taken(&mut conn, &insert(n, columns, values), true).await;
    }
    for change in [
        // No news.
        "looks = looks + 1, next_look_at = now(), updated_at = now()",
        "difference = 'x'",
        "status_reason = 'waits for something else'",
        "status = 'PAYOUT_PENDING', status_reason = null, reason_code = null, next_look_at = null,
         request_body = 'x', looks = 0",
        "sent_at = now()",
        "status = 'PAYOUT_CREATED', stripe_payout_id = 'po_1', stripe_status = 'pending',
         stripe_created_at = now(), stripe_request_id = 'req_1'",
        "follow_at = now()",
        "stripe_status = 'paid', follow_at = null",
    ] {
        let sql = format!("update payouts set {change} where mirakl_invoice_id = '1'");
        is_taken(&mut conn, &sql, true).await;
    }
    let history: Vec<(Option<String>, String, Option<String>)> = sqlx::query_as(
        "select h.from_status, h.to_status, h.reason
         from history h join payouts p on p.id = h.subject_id
         where h.subject = 'payout' and p.mirakl_invoice_id = '1' order by h.id",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    let history: Vec<(&str, &str, &str)> = history
        .iter()
        .map(|(from, to, reason)| {
            let from = from.as_deref().unwrap_or("-");
            (from, to.as_str(), reason.as_deref().unwrap_or("-"))
        })
        .collect();
    let (waits, pending, created) = ("PAYOUT_ON_HOLD", "PAYOUT_PENDING", "PAYOUT_CREATED");
    assert_eq!(
        history,
        [
            ("-", waits, "waits"),
            (waits, waits, "waits for something else"),
            (waits, pending, "-"),
            (pending, created, "pending"),
            (created, created, "paid"),
        ]
    );
    let all: i64 = sqlx::query_scalar("select count(*) from history where subject = 'payout'")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(all, 6, "the other row has one of its own");
}

#[tokio::test]
async fn movements_of_invoices_are_pending_only_with_who_pays_whom() {
    let db = Database::migrated().await;
    let mut conn = db.connect().await;
    for (n, (kind, payer, destination, source, possible)) in [
        ("EXTRA_CREDITS", "null", "'acct_1'", "null", true),
        ("EXTRA_CREDITS", "null", "'acct_2'", "null", true),
        ("EXTRA_CREDITS", "'acct_1'", "'acct_2'", "null", false),
        ("EXTRA_CREDITS", "null", "null", "null", false),
        ("SUBSCRIPTION", "'acct_1'", "'acct_p'", "null", true),
        ("SUBSCRIPTION", "null", "'acct_p'", "null", false),
        ("SUBSCRIPTION", "'acct_p'", "'acct_p'", "null", false),
        ("SUBSCRIPTION", "'seller'", "'acct_p'", "null", false),
        ("EXTRA_INVOICES", "'acct_1'", "'acct_p'", "null", true),
        ("EXTRA_INVOICES", "null", "'acct_p'", "null", false),
        ("EXTRA_INVOICES", "'acct_p'", "'acct_p'", "null", false),
        // Orders still need their charge.
        ("PRODUCT_ORDER", "null", "'acct_1'", "null", false),
        ("SERVICE_ORDER_TAX", "null", "'acct_1'", "null", false),
        ("PRODUCT_ORDER", "null", "'acct_1'", "'ch_1'", true),
    ]
    .into_iter()
    .enumerate()
    {
        let sql = format!(
            "insert into transfers (type, mirakl_id, status, amount, currency, payer, destination,
                                    source_charge, request_body, created_at, updated_at)
             values ('{kind}', '{n}', 'TRANSFER_PENDING', 100, 'EUR', {payer}, {destination}, {source},
                     'x', now(), now())"
        );
        is_taken(&mut conn, &sql, possible).await;
    }
    let bodiless = "update transfers set request_body = null where mirakl_id = '0'";
    is_taken(&mut conn, bodiless, false).await;
}

#[tokio::test]
async fn spans_streams_and_notifications_of_payouts() {
    let db = Database::migrated().await;
    let mut conn = db.connect().await;
    let span = "insert into account_adoptions values";
    let told = |kind: &str| {
        format!(
            "insert into notifications (type, body, next_try_at, created_at, updated_at)
             values ('{kind}', '{{}}', now(), now(), now())"
        )
    };
    for (sql, possible) in [
        (format!("{span} ('acct_1', now(), now(), now())"), true),
        (format!("{span} ('acct_2', now(), now(), now())"), true),
        (format!("{span} ('acct_2', now(), now(), now())"), false),
        (format!("{span} ('shop', now(), now(), now())"), false),
        (
            format!("{span} ('acct_3', now(), now() - interval '1 second', now())"),
            false,
        ),
        (
            "insert into checkpoints values ('invoices', now(), now(), now())".to_owned(),
            true,
        ),
        (
            "insert into checkpoints values ('payouts', now(), now(), now())".to_owned(),
            false,
        ),
        (told("payout.failed"), true),
        (told("payout.paid"), false),
    ] {
        is_taken(&mut conn, &sql, possible).await;
    }
}
