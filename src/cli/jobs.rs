//! The flags of the jobs.

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};

use crate::settings::parse_date;

/// Flags of `sync-onboarding`.
#[derive(Debug, Args)]
pub struct SyncOnboarding {
    /// What every job can be told.
    #[command(flatten)]
    pub job: JobFlags,

    /// Look only at this shop (repeatable); the checkpoint stays where it is
    #[arg(long = "shop", value_name = "SHOP")]
    pub shops: Vec<i64>,
}

/// Flags of `validate-pending-debit`.
#[derive(Debug, Args)]
pub struct ValidatePendingDebit {
    /// What every job can be told.
    #[command(flatten)]
    pub job: JobFlags,
}

/// Flags of `process-transfer`.
#[derive(Debug, Args)]
pub struct ProcessTransfer {
    /// What every job can be told.
    #[command(flatten)]
    pub job: JobFlags,

    /// Look only at this order (repeatable); the checkpoint stays where it is
    #[arg(long = "order", value_name = "ID")]
    pub orders: Vec<String>,

    /// Read orders updated since this day or time. On a first run without START_DATE, orders
    /// debited earlier are not paid by this program
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    pub since: Option<DateTime<Utc>>,
}

/// Flags of `process-refund`.
#[derive(Debug, Args)]
pub struct ProcessRefund {
    /// What every job can be told.
    #[command(flatten)]
    pub job: JobFlags,

    /// Look only at this refund of Mirakl (repeatable)
    #[arg(long = "refund", value_name = "ID")]
    pub refunds: Vec<String>,
}

/// Flags of `process-payout`.
#[derive(Debug, Args)]
pub struct ProcessPayout {
    /// What every job can be told.
    #[command(flatten)]
    pub job: JobFlags,

    /// Look only at this shop, and now; the checkpoint stays where it is
    #[arg(long, value_name = "SHOP")]
    pub shop: Option<i64>,

    /// The same as --shop
    #[arg(value_name = "SHOP", id = "shop_argument", conflicts_with = "shop")]
    pub shop_argument: Option<i64>,

    /// Read invoices made since this day or time, and now. On a first run without START_DATE, invoices
    /// made earlier are not paid by this program
    #[arg(long, value_name = "DATE", value_parser = parse_date)]
    pub since: Option<DateTime<Utc>>,
}

/// Flags of `notify-failed-operation`.
#[derive(Debug, Args)]
pub struct NotifyFailedOperation {
    /// What every job can be told.
    #[command(flatten)]
    pub job: JobFlags,

    /// Send a sample mail, and to your server a sample notification (account.updated of shop 0 and
    /// account acct_sample, signed if there is a secret); say what became of each
    #[arg(long, conflicts_with = "dry_run")]
    pub test: bool,
}

/// Flags that every job has.
#[derive(Debug, Args)]
pub struct JobFlags {
    /// Show what would be done, with exact amounts; write nothing and send nothing
    #[arg(long)]
    pub dry_run: bool,

    /// How the summary is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub output: SummaryFormat,
}

/// How a job's summary is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SummaryFormat {
    /// One line, when something happened or on a terminal.
    Text,
    /// Always one object.
    Json,
}
