//! What of a seller's balance is kept for refunds, and which movements of an invoice are open.

use chrono::{TimeDelta, Utc};
use mirakl_stripe::domain::ids::ShopId;
use mirakl_stripe::domain::money::Currency;
use mirakl_stripe::store::payouts::{Obstacles, Wanted};
use mirakl_stripe::store::{payouts, transfers};
use sqlx::PgConnection;

use crate::payout_queries::execute;
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

async fn obstacles(
    conn: &mut PgConnection,
    invoice: &str,
    account: &str,
    currency: &str,
) -> Obstacles {
    let wanted = Wanted {
        invoice: &invoice.into(),
        invoice_created_at: Utc::now(),
        shop_id: ShopId(2000),
        account: &account.into(),
        currency: Currency::parse(currency).unwrap(),
    };
    payouts::obstacles(conn, &wanted).await.unwrap()
}

async fn reserved(conn: &mut PgConnection, account: &str, currency: &str) -> i64 {
    obstacles(conn, "1", account, currency).await.reserved
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
    // What the seller bears is not known yet: all of it.
    assert_eq!(
        reserved(conn, "acct_1", "EUR").await,
        900 + 30 + 5000 + 1000
    );
    assert_eq!(reserved(conn, "acct_2", "EUR").await, 7);
    // Its taxes come back from where they went; and no more comes back than was transferred.
    execute(conn, "update refunds set taxes = 10 where mirakl_id = '2'").await;
    execute(
        conn,
        "update refunds set seller_part = 9001 where mirakl_id = '8'",
    )
    .await;
    let open = 900 + 20 + 5000 + 9000;
    assert_eq!(reserved(conn, "acct_1", "EUR").await, open);
    assert_eq!(reserved(conn, "acct_1", "USD").await, 0);
    assert_eq!(reserved(conn, "acct_9", "EUR").await, 0);
    // Decided: what the reversals will take, and not the seller's part again.
    reversal(conn, "1", product, "A", 700, "open").await;
    reversal(conn, "1", tax, "A", 200, "open").await;
    reversal(conn, "3", product, "B", 6, "sent").await;
    assert_eq!(reserved(conn, "acct_1", "EUR").await, open - 900 + 700);
    assert_eq!(reserved(conn, "acct_tax", "EUR").await, 200);
    assert_eq!(reserved(conn, "acct_2", "EUR").await, 6);
    // Made: nothing more. Ended by a person: only what may have left.
    refund(conn, "PRODUCT", "11", "A", "CREATED", "900").await;
    reversal(conn, "11", product, "A", 900, "made").await;
    refund(conn, "PRODUCT", "12", "A", "ABORTED", "900").await;
    reversal(conn, "12", product, "A", 900, "open").await;
    refund(conn, "PRODUCT", "13", "A", "ABORTED", "1").await;
    reversal(conn, "13", product, "A", 1, "sent").await;
    assert_eq!(reserved(conn, "acct_1", "EUR").await, open - 900 + 700 + 1);
}

#[tokio::test]
async fn movements_of_an_invoice_that_are_open_or_to_be_sent() {
    let db = Database::migrated().await;
    let conn = &mut db.connect().await;
    let put = async |conn: &mut PgConnection, kind: &str, id: &str, status: &str, shop: i64| {
        let (payer, destination) = match kind {
            "EXTRA_CREDITS" | "PRODUCT_ORDER" => ("null".to_owned(), format!("'acct_{shop}'")),
            _ => (format!("'acct_{shop}'"), "'acct_p'".to_owned()),
        };
        let made = match status {
            "CREATED" => format!("'tr_{kind}{id}'"),
            _ => "null".to_owned(),
        };
        let next = if status == "ON_HOLD" { "now()" } else { "null" };
        let sql = format!(
            "insert into transfers (type, mirakl_id, shop_id, status, status_reason, reason_code, amount, currency, payer,
                 destination, source_charge, request_body, transfer_id, stripe_created_at, next_look_at, created_at, updated_at)
             values ('{kind}', '{id}', {shop}, 'TRANSFER_{status}', 'x', 'x', 100, 'EUR', {payer}, {destination}, 'ch_1', 'b',
                 {made}, now(), {next}, now(), now())"
        );
        execute(conn, &sql).await;
    };
    for (kind, id, status, shop) in [
        ("SUBSCRIPTION", "1", "PENDING", 2000),
        ("EXTRA_CREDITS", "1", "CREATED", 2000),
        ("EXTRA_INVOICES", "1", "FAILED", 2000),
        ("EXTRA_CREDITS", "2", "PENDING", 2001),
        ("EXTRA_INVOICES", "2", "ABORTED", 2001),
        ("SUBSCRIPTION", "2", "ON_HOLD", 2001),
        ("EXTRA_CREDITS", "3", "PENDING", 2000),
        ("PRODUCT_ORDER", "1", "PENDING", 2000),
    ] {
        put(conn, kind, id, status, shop).await;
    }
    for (invoice, expected) in [
        (
            "1",
            &[
                "SUBSCRIPTION TRANSFER_PENDING",
                "EXTRA_INVOICES TRANSFER_FAILED",
            ][..],
        ),
        (
            "2",
            &[
                "EXTRA_CREDITS TRANSFER_PENDING",
                "SUBSCRIPTION TRANSFER_ON_HOLD",
            ],
        ),
        ("9", &[]),
    ] {
        let found = obstacles(conn, invoice, "acct_2000", "EUR").await;
        let open = found.open.iter();
        let open: Vec<String> = open
            .map(|open| format!("{} {}", open.kind.as_str(), open.status.as_str()))
            .collect();
        assert_eq!(open, expected, "{invoice}");
    }
    let fresh = Utc::now() - TimeDelta::minutes(10);
    let pending = async |conn: &mut PgConnection, shop: Option<i64>, seller: Option<&str>| {
        let seller = seller.map(Into::into);
        let found =
            transfers::pending_movements(conn, fresh, shop.map(ShopId), seller.as_ref()).await;
        let found = found.unwrap();
        let found: Vec<String> = found
            .iter()
            .map(|row| format!("{}{} {}", row.kind.as_str(), row.invoice, row.seller()))
            .collect();
        found
    };
    let credits_2 = "EXTRA_CREDITS2 acct_2001";
    let credits_3 = "EXTRA_CREDITS3 acct_2000";
    let subscription = "SUBSCRIPTION1 acct_2000";
    assert_eq!(
        pending(conn, None, None).await,
        [credits_2, credits_3, subscription]
    );
    assert_eq!(
        pending(conn, Some(2000), None).await,
        [credits_3, subscription]
    );
    assert_eq!(pending(conn, None, Some("acct_2001")).await, [credits_2]);
    // The platform's account is nobody's.
    assert_eq!(pending(conn, None, Some("acct_p")).await, [""; 0]);
    // Decided long ago, and never sent: decided anew.
    execute(
        conn,
        "update transfers set updated_at = now() - interval '1 hour' where mirakl_id = '3'",
    )
    .await;
    execute(conn, "update transfers set updated_at = now() - interval '1 hour', sent_at = now() where mirakl_id = '2' and type = 'EXTRA_CREDITS'").await;
    assert_eq!(pending(conn, None, None).await, [credits_2, subscription]);
}
