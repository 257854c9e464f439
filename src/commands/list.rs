//! `list`: what the store holds, newest first.

use sqlx::{ConnectOptions as _, Connection as _};

use crate::domain::ids::ShopId;
use crate::domain::onboarding::AccountStatus;
use crate::domain::payment::PaymentStatus;
use crate::domain::payout::PayoutStatus;
use crate::domain::refund::RefundStatus;
use crate::domain::transfer::TransferStatus;
use crate::jobs::JobError;
use crate::outcome::Outcome;
use crate::output::{self, Format};
use crate::settings::DatabaseSettings;
use crate::store::notifications::NotificationStatus;
use crate::store::payouts::PayoutFilter;
use crate::store::refunds::RefundFilter;
use crate::store::transfers::TransferFilter;
use crate::store::{
    Connection, accounts, notifications, payments, payouts, refunds, runs, schema, transfers,
};

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Transfers to sellers.
    Transfers,
    /// Which account a shop has.
    Accounts,
    /// Refunds to customers.
    Refunds,
    /// Payouts to sellers' banks.
    Payouts,
    /// Customers' payments.
    Payments,
    /// What the operator's server was told.
    Notifications,
    /// Runs of the jobs.
    Runs,
}

/// Which rows, how many and how.
#[derive(Debug, Clone)]
pub struct Query {
    /// What is listed.
    pub subject: Subject,
    /// Only in this status.
    pub status: Option<String>,
    /// Only of this shop.
    pub shop: Option<ShopId>,
    /// Only of this id.
    pub id: Option<String>,
    /// At most so many.
    pub limit: i64,
    /// A table or JSON.
    pub format: Format,
}

/// Prints the rows.
pub async fn run(database: &DatabaseSettings, query: &Query) -> Result<(), JobError> {
    let mut conn = database.options.connect().await?;
    schema::check(&mut conn).await?;
    let printed = print(&mut conn, query).await;
    conn.close().await?;
    printed
}

async fn print(conn: &mut Connection, query: &Query) -> Result<(), JobError> {
    let id = query.id.as_deref();
    let limit = query.limit;
    match query.subject {
        Subject::Transfers => {
            let filter = TransferFilter {
                status: status(query, transfer_status)?,
                shop: query.shop,
                id,
            };
            output::transfers(&transfers::list(conn, &filter, limit).await?, query.format);
        }
        Subject::Refunds => {
            let filter = RefundFilter {
                status: status(query, refund_status)?,
                shop: query.shop,
                id,
            };
            output::refunds(&refunds::list(conn, &filter, limit).await?, query.format);
        }
        Subject::Payouts => {
            let filter = PayoutFilter {
                status: status(query, payout_status)?,
                shop: query.shop,
                id,
            };
            output::payouts(&payouts::list(conn, &filter, limit).await?, query.format);
        }
        Subject::Accounts => {
            let status = status(query, account_status)?;
            output::accounts(
                &accounts::list(conn, status, query.shop, id, limit).await?,
                query.format,
            );
        }
        Subject::Payments => {
            refuse(
                query.shop.is_some(),
                "payments have no --shop: a basket may hold several",
            )?;
            let status = status(query, payment_status)?;
            output::payments(
                &payments::list(conn, status, id, limit).await?,
                query.format,
            );
        }
        Subject::Notifications => {
            let status = status(query, notification_status)?;
            output::notifications(
                &notifications::list(conn, status, query.shop, id, limit).await?,
                query.format,
            );
        }
        Subject::Runs => {
            refuse(query.shop.is_some(), "runs have no --shop")?;
            let number = match id {
                None => None,
                Some(id) => Some(
                    id.parse()
                        .map_err(|_| JobError::Usage(format!("--id {id}: runs are numbered")))?,
                ),
            };
            let outcome = status(query, run_outcome)?;
            output::runs(
                &runs::list(conn, number, outcome, limit).await?,
                query.format,
            );
        }
    }
    Ok(())
}

fn refuse(wrong: bool, why: &str) -> Result<(), JobError> {
    if wrong {
        return Err(JobError::Usage(why.to_owned()));
    }
    Ok(())
}

fn status<T>(
    query: &Query,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, JobError> {
    let status = query.status.as_deref();
    status
        .map(parse)
        .transpose()
        .map_err(|words| JobError::Usage(format!("--status is none of these: {words}")))
}

fn transfer_status(word: &str) -> Result<TransferStatus, String> {
    one_of(
        TransferStatus::ALL,
        TransferStatus::as_str,
        "TRANSFER_",
        word,
    )
}

fn refund_status(word: &str) -> Result<RefundStatus, String> {
    one_of(RefundStatus::ALL, RefundStatus::as_str, "REFUND_", word)
}

fn payout_status(word: &str) -> Result<PayoutStatus, String> {
    one_of(PayoutStatus::ALL, PayoutStatus::as_str, "PAYOUT_", word)
}

fn account_status(word: &str) -> Result<AccountStatus, String> {
    one_of(AccountStatus::ALL, AccountStatus::as_str, "ACCOUNT_", word)
}

fn notification_status(word: &str) -> Result<NotificationStatus, String> {
    one_of(
        NotificationStatus::ALL,
        NotificationStatus::as_str,
        "",
        word,
    )
}

fn payment_status(word: &str) -> Result<PaymentStatus, String> {
    one_of(PaymentStatus::ALL, PaymentStatus::as_str, "", word)
}

/// With or without the prefix, in either case.
fn one_of<T: Copy, const N: usize>(
    all: [T; N],
    name: fn(T) -> &'static str,
    prefix: &str,
    word: &str,
) -> Result<T, String> {
    let word = word.to_ascii_uppercase().replace('-', "_");
    let found = all.into_iter().find(|status| {
        let whole = name(*status);
        whole == word || whole.strip_prefix(prefix) == Some(&word)
    });
    found.ok_or_else(|| all.map(name).join(", "))
}

fn run_outcome(word: &str) -> Result<Outcome, String> {
    match word.to_ascii_lowercase().as_str() {
        "ok" => Ok(Outcome::Ok),
        "partial" => Ok(Outcome::Partial),
        "failed" => Ok(Outcome::Failed),
        "crashed" => Ok(Outcome::Crashed),
        _ => Err("ok, partial, failed, crashed".to_owned()),
    }
}
