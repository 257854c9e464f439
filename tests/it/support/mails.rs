//! A marketplace whose operator gets mails, and things that go wrong in it.

use serde_json::Value;
use simulator::{Effect, Fault};
use sqlx::AssertSqlSafe;

use super::smtp::{Smtp, Tls};
use super::{Finished, World};

pub const TO: &str = "ops@example.com";

impl World {
    /// [`World::new`], with a mail server.
    pub async fn with_mails() -> (Self, Smtp) {
        let mut world = Self::new().await;
        let smtp = Smtp::speaking(Tls::None).await;
        world.set("MAILER_DSN", &smtp.dsn());
        world.set("TECHNICAL_ALERT_EMAIL", TO);
        world.set("TECHNICAL_ALERT_EMAIL_FROM", "connector@example.com");
        (world, smtp)
    }

    /// Runs `notify-failed-operation`.
    pub async fn notify(&self) -> Finished {
        self.run(&["notify-failed-operation"]).await
    }

    /// Runs it for its JSON.
    pub async fn notify_json(&self) -> Value {
        let arguments = ["notify-failed-operation", "--output", "json"];
        self.run(&arguments).await.json()
    }

    /// Stripe refuses an endpoint from now on.
    pub fn refuses(&self, endpoint: &str, code: &str, message: &str) {
        let refusal = Effect::Refusal {
            status: 400,
            code: Some(code.to_owned()),
            param: None,
            message: message.to_owned(),
        };
        self.sim.faults().clear();
        self.sim
            .faults()
            .add(Fault::on(endpoint).always().then(refusal));
    }

    /// Changes rows as no job does.
    pub async fn sql(&self, sql: &str) {
        let mut conn = self.db.connect().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut conn)
            .await
            .unwrap();
    }

    /// Transfers that failed, `number` of them: each a cent larger and a minute younger than the one
    /// before, for one of two reasons.
    pub async fn failed_transfers(&self, number: usize) {
        self.sql(&format!(
            "insert into transfers (type, mirakl_id, shop_id, status, status_reason, reason_code, amount,
                                    currency, next_look_at, attempt, created_at, updated_at)
             select 'PRODUCT_ORDER', 'C' || n || '-A', 2000, 'TRANSFER_FAILED',
                    'Stripe refused: reason ' || n,
                    case when n % 2 = 0 then 'balance_insufficient' else 'account_closed' end,
                    100 + n, 'EUR', now() + interval '1 hour', 2,
                    now() - interval '6 days' + n * interval '1 minute',
                    now() - interval '6 days' + n * interval '1 minute'
             from generate_series(1, {number}) n"
        ))
        .await;
    }

    /// One transfer that failed, with texts from outside.
    pub async fn failed_with(&self, id: &str, reason: &str) {
        let quoted = |text: &str| text.replace('\'', "''");
        self.sql(&format!(
            "insert into transfers (type, mirakl_id, shop_id, status, status_reason, reason_code, amount,
                                    currency, attempt, created_at, updated_at)
             values ('PRODUCT_ORDER', '{}', 2000, 'TRANSFER_FAILED', '{}', 'odd', 900, 'EUR', 2, now(), now())",
            quoted(id),
            quoted(reason)
        ))
        .await;
    }

    /// A transfer that was made, and that no longer agrees.
    pub async fn flagged(&self, difference: &str) {
        self.sql(&format!(
            "insert into transfers (type, mirakl_id, shop_id, status, amount, currency, destination,
                                    transfer_id, stripe_created_at, difference, created_at, updated_at)
             values ('PRODUCT_ORDER', 'D1-A', 2000, 'TRANSFER_CREATED', 900, 'EUR', 'acct_shop2000',
                     'tr_d1', now(), '{difference}', now(), now())
             on conflict (type, mirakl_id) do update set difference = excluded.difference"
        ))
        .await;
    }
}
