//! The database refuses rows that cannot be, and jobs refuse a schema that is not theirs.

use sqlx::{AssertSqlSafe, Connection as _};

use crate::support::{Database, World};

#[tokio::test]
async fn impossible_rows_are_refused_by_the_database() {
    let db = Database::migrated().await;
    let mut conn = db.connect().await;
    let insert = |columns: &str, values: &str| {
        format!(
            "insert into transfers (type, mirakl_id, created_at, updated_at, {columns})
             values ('PRODUCT_ORDER', gen_random_uuid(), now(), now(), {values})"
        )
    };
    let whole = "amount, currency, destination, source_charge, request_body";
    let values = "100, 'EUR', 'acct_1', 'ch_1', 'x'";
    for (columns, values, possible) in [
        (
            format!("status, {whole}"),
            format!("'TRANSFER_PENDING', {values}"),
            true,
        ),
        (
            "status, amount".into(),
            "'TRANSFER_PENDING', 100".into(),
            false,
        ),
        (
            format!("status, {whole}"),
            format!("'TRANSFER_PENDING', {}", values.replace("100", "0")),
            false,
        ),
        (
            format!("status, {whole}"),
            format!("'TRANSFER_PENDING', {}", values.replace("EUR", "eur")),
            false,
        ),
        (
            format!("status, {whole}"),
            format!("'TRANSFER_PENDING', {}", values.replace("acct_1", "acc")),
            false,
        ),
        (
            format!("status, {whole}, transfer_id"),
            format!("'TRANSFER_PENDING', {values}, 'tr_1'"),
            false,
        ),
        (
            format!("status, {whole}"),
            format!("'TRANSFER_CREATED', {values}"),
            false,
        ),
        (
            format!("status, {whole}, transfer_id, stripe_created_at"),
            format!("'TRANSFER_CREATED', {values}, 'tr_1', now()"),
            true,
        ),
        (
            format!("status, {whole}, transfer_id, stripe_created_at"),
            format!("'TRANSFER_CREATED', {values}, 'tr_1', now()"),
            false, // the same transfer for two rows
        ),
        ("status".into(), "'TRANSFER_ON_HOLD'".into(), false),
        (
            "status, status_reason, reason_code, next_look_at".into(),
            "'TRANSFER_ON_HOLD', 'x', 'x', now()".into(),
            true,
        ),
        (
            "status, status_reason, reason_code, next_look_at, sent_at".into(),
            "'TRANSFER_ON_HOLD', 'x', 'x', now(), now()".into(),
            false,
        ),
        (
            "status, status_reason, reason_code".into(),
            "'TRANSFER_FAILED', 'x', 'x'".into(),
            true,
        ),
        ("status".into(), "'TRANSFER_FAILED'".into(), false),
        ("status".into(), "'TRANSFER_ABORTED'".into(), false),
        (
            "status, status_reason, reason_code, next_look_at".into(),
            "'TRANSFER_ABORTED', 'x', 'x', now()".into(),
            false,
        ),
        ("status".into(), "'SOMETHING'".into(), false),
    ] {
        let sql = insert(&columns, &values);
        let result = sqlx::query(AssertSqlSafe(sql.clone()))
            .execute(&mut conn)
            .await;
        assert_eq!(result.is_ok(), possible, "{sql}: {result:?}");
    }
    for sql in [
        "update transfers set transfer_id = 'tr_2' where transfer_id = 'tr_1'",
        "update transfers set transfer_id = null, status = 'TRANSFER_PENDING' where transfer_id = 'tr_1'",
        "update transfers set attempt = attempt - 1",
        "insert into identity values (true, 'h', 'acct_1', true, repeat('0', 64), now(), now()),
                                     (false, 'h', 'acct_1', true, repeat('0', 64), now(), now())",
        "insert into transfers (type, mirakl_id, status, status_reason, reason_code, created_at, updated_at)
         select type, mirakl_id, 'TRANSFER_IGNORED', 'x', 'x', now(), now() from transfers limit 1",
    ] {
        let result = sqlx::query(AssertSqlSafe(sql)).execute(&mut conn).await;
        assert!(result.is_err(), "{sql}");
    }
}

#[tokio::test]
#[allow(clippy::too_many_lines)] // a table
async fn impossible_refunds_are_refused_by_the_database() {
    let db = Database::migrated().await;
    let mut conn = db.connect().await;
    let insert = |n: usize, columns: &str, values: &str| {
        format!(
            "insert into refunds (type, mirakl_id, order_id, created_at, updated_at, {columns})
             values ('PRODUCT_REFUND', 'R{n}', 'C1-A', now(), now(), {values})"
        )
    };
    let whole = "amount, currency, charge_id";
    let made = format!("{whole}, stripe_refund_id, stripe_created_at");
    let values = |n: usize| format!("100, 'EUR', 'ch_1', 're_{n}', now()");
    for (n, (columns, values, possible)) in [
        (
            "step, status, amount, currency, charge_id, request_body",
            "'REFUND', 'REFUND_PENDING', 100, 'EUR', 'ch_1', 'b'".to_owned(),
            true,
        ),
        (
            "step, status, amount, currency, charge_id",
            "'REFUND', 'REFUND_PENDING', 100, 'EUR', 'ch_1'".to_owned(),
            false,
        ),
        (
            "step, status, amount",
            "'REFUND', 'REFUND_ABORTED', 100".to_owned(),
            false,
        ),
        (
            "step, status",
            "'REFUND', 'REFUND_ON_HOLD'".to_owned(),
            false,
        ),
        (
            "step, status",
            "'REFUND', 'REFUND_FAILED'".to_owned(),
            false,
        ),
        (
            "step, status",
            "'CONFIRM', 'REFUND_PENDING'".to_owned(),
            false,
        ),
        (
            &format!("step, status, {made}"),
            format!("'CONFIRM', 'REFUND_PENDING', {}", values(6)),
            true,
        ),
        (
            &format!("step, status, {made}"),
            format!("'REVERSE', 'REFUND_PENDING', {}", values(7)),
            false,
        ),
        (
            &format!("step, status, confirmed_at, {made}"),
            format!("'REVERSE', 'REFUND_PENDING', now(), {}", values(8)),
            true,
        ),
        (
            &format!("step, status, confirmed_at, {made}"),
            format!("'CONFIRM', 'REFUND_CREATED', now(), {}", values(9)),
            false,
        ),
        (
            &format!("step, status, confirmed_at, {made}"),
            format!("'REVERSE', 'REFUND_CREATED', now(), {}", values(10)),
            true,
        ),
        (
            &format!("step, status, confirmed_at, {made}"),
            format!("'REVERSE', 'REFUND_CREATED', now(), {}", values(10)),
            false,
        ),
        (
            &format!("step, status, next_look_at, {made}"),
            format!("'CONFIRM', 'REFUND_PENDING', now(), {}", values(12)),
            false,
        ),
        (
            "step, status, status_reason, reason_code, next_look_at, sent_at",
            "'REFUND', 'REFUND_ON_HOLD', 'x', 'x', now(), now()".to_owned(),
            false,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let sql = insert(n, columns, &values);
        let result = sqlx::query(AssertSqlSafe(sql.clone()))
            .execute(&mut conn)
            .await;
        assert_eq!(result.is_ok(), possible, "{sql}: {result:?}");
    }
    let reversal = "insert into reversals (refund_id, transfer_type, transfer_id, currency, wanted, amount, created_at, updated_at)
                    select id, 'PRODUCT_ORDER', 'tr_1', 'EUR', 90, 90, now(), now() from refunds where mirakl_id = 'R8'";
    sqlx::query(reversal).execute(&mut conn).await.unwrap();
    for sql in [
        // What Stripe made and what Mirakl took is never forgotten.
        "update refunds set stripe_refund_id = 're_x' where mirakl_id = 'R6'",
        "update refunds set stripe_refund_id = null, step = 'REFUND', sent_at = null where mirakl_id = 'R6'",
        "update refunds set confirmed_at = null, step = 'CONFIRM', status = 'REFUND_PENDING' where mirakl_id = 'R8'",
        "update refunds set attempt = attempt - 1 where mirakl_id = 'R8'",
        // Not done without its reversal.
        "update refunds set status = 'REFUND_CREATED' where mirakl_id = 'R8'",
        "update reversals set amount = -1",
        "update reversals set reversal_id = 'trr_1'",
        "insert into reversals (refund_id, transfer_type, transfer_id, currency, wanted, amount, created_at, updated_at)
         select refund_id, transfer_type, 'tr_2', 'EUR', 1, 1, now(), now() from reversals",
    ] {
        let result = sqlx::query(AssertSqlSafe(sql)).execute(&mut conn).await;
        assert!(result.is_err(), "{sql}");
    }
    sqlx::query("update reversals set reversal_id = 'trr_1', stripe_created_at = now()")
        .execute(&mut conn)
        .await
        .unwrap();
    sqlx::query("update refunds set status = 'REFUND_CREATED' where mirakl_id = 'R8'")
        .execute(&mut conn)
        .await
        .unwrap();
}

#[tokio::test]
async fn every_change_of_a_status_is_one_row_of_history() {
    let world = World::new().await;
    world.orders(2);
    world
        .sim
        .stripe()
        .set_capability("acct_shop2000", "transfers", "inactive");
    world.transfer().await.exits(3);
    let listed = world
        .run(&["list", "transfers", "--id", "C1-A", "--output", "json"])
        .await
        .json();
    let history = listed[0]["history"].as_array().unwrap();
    let steps: Vec<(&str, &str)> = history
        .iter()
        .map(|h| {
            (
                h["fromStatus"].as_str().unwrap_or("-"),
                h["toStatus"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        steps,
        [
            ("-", "TRANSFER_PENDING"),
            ("TRANSFER_PENDING", "TRANSFER_FAILED")
        ]
    );
    assert!(
        history[1]["stripeRequestId"]
            .as_str()
            .unwrap()
            .starts_with("req_")
    );
    assert_eq!(listed.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_job_on_a_missing_or_newer_schema_stops_with_1_and_says_so() {
    let mut world = World::new().await;
    let own = world.use_database(Database::empty().await);
    world
        .transfer()
        .await
        .exits(1)
        .says("run `mirakl-stripe migrate`");
    world
        .run(&["list", "transfers"])
        .await
        .exits(1)
        .says("run `mirakl-stripe migrate`");
    world.run(&["migrate"]).await.exits(0).says("applied");
    world
        .run(&["migrate"])
        .await
        .exits(0)
        .says("the schema is up to date\n");
    world.transfer().await.exits(0);
    world.use_database(own);
    let mut conn = world.db.connect().await;
    sqlx::query(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (9999, 'of the future', true, '', 0)",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    conn.close().await.unwrap();
    world
        .transfer()
        .await
        .exits(1)
        .says("newer than this program");
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_stops_the_job_with_1() {
    let mut world = World::new().await;
    world.set(
        "DATABASE_URL",
        "postgres://nobody:pw-of-nobody@127.0.0.1:1/none",
    );
    let run = world
        .transfer()
        .await
        .exits(1)
        .says("the database cannot be used");
    assert!(!format!("{run:?}").contains("pw-of-nobody"));
}

#[tokio::test]
async fn an_upgrade_to_services_and_taxes_lets_stripes_list_be_read_again() {
    let db = Database::empty().await;
    let mut conn = db.connect().await;
    let run = async |conn: &mut sqlx::PgConnection, sql: &'static str| {
        sqlx::raw_sql(sql).execute(conn).await.unwrap();
    };
    run(
        &mut conn,
        include_str!("../../migrations/0001_foundation.sql"),
    )
    .await;
    run(&mut conn, include_str!("../../migrations/0002_sellers.sql")).await;
    run(
        &mut conn,
        include_str!("../../migrations/0003_captures.sql"),
    )
    .await;
    run(
        &mut conn,
        "insert into adoptions values ('transfers', now(), now(), now()), ('accounts', now(), now(), now());
         insert into checkpoints values ('product_orders', now(), now(), now())",
    )
    .await;
    let services = include_str!("../../migrations/0004_services_and_taxes.sql");
    run(&mut conn, services).await;
    let left: Vec<String> = sqlx::query_scalar("select stream from adoptions")
        .fetch_all(&mut conn)
        .await
        .unwrap();
    assert_eq!(left, ["accounts"], "the list of transfers is read again");
    run(
        &mut conn,
        "insert into checkpoints values ('paid_services', now(), now(), now());
         insert into transfers (type, mirakl_id, status, status_reason, reason_code, created_at, updated_at)
         select kind, 'X', 'TRANSFER_IGNORED', 'x', 'x', now(), now()
         from unnest(enum_range(null::transfer_type)) as kind",
    )
    .await;
    let kinds: i64 = sqlx::query_scalar("select count(*) from transfers")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(kinds, 4);
}
