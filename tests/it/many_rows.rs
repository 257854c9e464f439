//! Jobs on a database that has been filled for months: what they read does not grow with it.
//!
//! Postgres counts for each table how often it was scanned from end to end and how many rows were
//! fetched by an index. Whatever query a job asks, now or later, is counted.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use simulator::{Effect, Fault};
use sqlx::PgConnection;

use crate::support::{Settled, World, eur};

/// The rows of a marketplace that has been served for long; `{rows}` is how many.
const FILL: &str = include_str!("../filled.sql");
const ROWS: i64 = 20_000;
/// What a run on the small marketplace of this test may read of a table, by any index.
const MOST_READ: i64 = ROWS / 2;
/// Once a day a job may look through whole tables.
const DAILY: &str = "notify-failed-operation";

/// What was read of each table since the beginning: scans from end to end, and rows.
type Read = BTreeMap<String, (i64, i64)>;

async fn read(conn: &mut PgConnection) -> Read {
    // What a connection did is counted when it ends.
    loop {
        let others: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'",
        )
        .fetch_one(&mut *conn)
        .await
        .unwrap();
        if others == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::integer")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    if version < 150_000 {
        // Older servers count by messages.
        tokio::time::sleep(Duration::from_millis(1200)).await;
    }
    let tables: Vec<(String, i64, i64)> = sqlx::query_as(
        "select s.relname::text, s.seq_scan, s.seq_tup_read + coalesce(s.idx_tup_fetch, 0)
         from pg_stat_user_tables s join pg_class c on c.oid = s.relid where c.reltuples > $1",
    )
    .bind(f32::from(10_000_u16))
    .fetch_all(conn)
    .await
    .unwrap();
    tables
        .into_iter()
        .map(|(table, scans, rows)| (table, (scans, rows)))
        .collect()
}

/// Runs a job; what it read too much of, in words.
async fn run(world: &World, job: &str, when: &str) -> Vec<String> {
    let conn = &mut world.db.connect().await;
    let before = read(conn).await;
    let run = world.run(&[job]).await;
    assert!(matches!(run.code, Some(0 | 3)), "{run:#?}");
    let after = read(conn).await;
    let grown = after.iter().map(|(table, (scans, rows))| {
        let (scans_before, rows_before) = before.get(table).copied().unwrap_or_default();
        (table, scans - scans_before, rows - rows_before)
    });
    grown
        .filter(|(_, scans, rows)| *scans > 0 || *rows > MOST_READ)
        .map(|(table, scans, rows)| {
            format!("{job}, {when}: {scans} scans of {table}, {rows} rows read")
        })
        .collect()
}

/// Something of everything: new, waiting, and refused by Stripe or Mirakl.
fn trade(world: &World, round: i64) {
    world.new_shops((1..=3).map(|n| 3000 + 10 * round + n));
    for n in 1..=5 {
        let basket = format!("B{round}{n}");
        let order = eur(&format!("{basket}-A"), 2000, "10.00", "1.00");
        let seed = simulator::PaymentSeed::new(1000, "eur");
        world.mirakl.put(order.waiting_debit());
        // One basket has no payment yet.
        if n > 1 {
            world.sim.stripe().pay(seed.basket(&basket).authorized());
        }
        let basket = format!("C{round}{n}");
        let order = format!("{basket}-A");
        world.paid(eur(&order, 2000, "10.00", "1.00"), &basket, 1000);
        world.asks(&order, &format!("{}", 100 * round + n), "5.00", "0.50");
        // A shop without an account waits, and so does the refund's other half.
        let basket = format!("D{round}{n}");
        world.paid(
            eur(&format!("{basket}-A"), 2099, "10.00", "1.00"),
            &basket,
            1000,
        );
        let settled = Settled {
            invoice: 10 * round + n,
            shop: 2000,
            credits: 300,
            subscription: 200,
            other_invoices: 100,
            payout: 1000,
        };
        world.mirakl.put_invoice(settled.seed());
    }
    for (endpoint, status) in [
        ("POST /v1/transfers", 400),
        ("POST /v1/payouts", 400),
        ("POST /v1/refunds", 400),
        ("POST /v1/transfers/{id}/reversals", 400),
        ("POST /v1/payment_intents/{id}/capture", 400),
        ("POST /v1/accounts", 500),
    ] {
        let refused = Fault::on(endpoint).nth(2).then(Effect::Status(status));
        world.sim.faults().add(refused);
    }
}

#[tokio::test]
async fn what_a_job_reads_does_not_grow_with_what_is_done() {
    let (mut world, _smtp) = World::with_mails().await;
    for (name, value) in [
        ("ENABLE_PRODUCT_PAYMENT_REFUND", "true"),
        ("ENABLE_SERVICE_PAYMENT_REFUND", "true"),
        ("ENABLE_SERVICE_PAYMENT_SPLIT", "true"),
        ("INVOICE_SWEEP_HOURS", "1"),
    ] {
        world.set(name, value);
    }
    let stripe = world.sim.stripe();
    stripe.add_funds("acct_shop2000", "eur", 100_000);
    stripe.add_funds(&stripe.platform_id(), "eur", 100_000);
    world.sql(&FILL.replace("{rows}", &ROWS.to_string())).await;
    // Of so few rows a scan looks cheap to a server that takes its disk for a slow one.
    let name = &world.db.name;
    world
        .sql(&format!("alter database {name} set random_page_cost = 1.1"))
        .await;
    // After an upgrade all shops are looked at once.
    world.sync().await.exits(0);
    let mut wrong = Vec::new();
    for (round, when) in [(0, "first"), (1, "an hour later"), (2, "after two days")] {
        trade(&world, round);
        // Twice: what was just done, sent or refused is read again.
        for when in [when.to_owned(), format!("{when}, again")] {
            for job in [
                "sync-onboarding",
                "validate-pending-debit",
                "process-transfer",
                "process-refund",
                "process-payout",
                DAILY,
            ] {
                let read = run(&world, job, &when).await;
                wrong.extend(read.into_iter().filter(|_| job != DAILY));
            }
        }
        world.pass(match round {
            0 => TimeDelta::hours(1),
            _ => TimeDelta::days(2),
        });
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
