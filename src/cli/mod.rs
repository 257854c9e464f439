//! The commands and flags. Their help is the operator's manual.
#![allow(clippy::doc_markdown)] // the comments are shown on a terminal, where backticks are noise

mod jobs;
mod resolve;

pub use jobs::{
    JobFlags, NotifyFailedOperation, ProcessPayout, ProcessRefund, ProcessTransfer, SummaryFormat,
    SyncOnboarding, ValidatePendingDebit,
};
pub use resolve::{
    Resolve, ResolveDecision, ResolvePayout, ResolvePayoutDecision, ResolveRefund,
    ResolveRefundDecision, ResolveSubject, ResolveTransfer,
};

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tracing::Level;

use crate::output::Format;

/// Connects a marketplace run on Mirakl with Stripe Connect. Each job is one command that cron
/// starts; it does what is due and exits.
///
/// Exit codes: 0 ran and nothing failed (or another run of the job is at work, or the job is
/// switched off); 1 could not run (database, network, key, schema); 2 wrong usage or settings;
/// 3 ran, some items failed and will be tried again.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, disable_help_subcommand = true)]
pub struct Cli {
    /// Settings in TOML, with the names of the environment in lower case [default:
    /// config/connector.toml if it exists]
    #[arg(long, global = true, value_name = "PATH")]
    pub config: Option<PathBuf>,

    /// Variables as NAME=value lines; the real environment wins over them [default: .env if it
    /// exists]
    #[arg(long, global = true, value_name = "PATH")]
    pub env_file: Option<PathBuf>,

    /// What is logged on standard error [default: info on a terminal, else warn]
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<LogLevel>,

    /// Say nothing but errors
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Only what stops a run.
    Error,
    /// And what an operator should know.
    Warn,
    /// And what happened.
    Info,
    /// And every call, without its content.
    Debug,
    /// And what the libraries say.
    Trace,
}

impl From<LogLevel> for Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Job: give every shop its Stripe account, and carry over what changes there (every minute)
    ///
    /// New shops get an Express account and an onboarding link in their back office, exactly one;
    /// the link is renewed while the seller is under way. What changes at Stripe reaches the store,
    /// the KYC status on Mirakl and your server. ENABLE_SELLER_ONBOARDING=false switches accounts and
    /// links off; known accounts are still refreshed.
    #[command(alias = "connector:sync:onboarding")]
    SyncOnboarding(SyncOnboarding),

    /// Job: confirm accepted orders on Mirakl, and capture their payments (every 5 minutes)
    ///
    /// The checkout writes the commercial order id into the payment's metadata; this job finds the
    /// payment, tells Mirakl which orders it covers, and captures once for each basket what the
    /// sellers accepted. No webhook is needed.
    #[command(alias = "connector:validate:pending-debit")]
    ValidatePendingDebit(ValidatePendingDebit),

    /// Job: transfer the seller's part of each debited order (every 5 minutes)
    ///
    /// Each order is paid exactly once. Orders that cannot be paid yet wait with a reason that
    /// `list transfers` shows, and are looked at again by later runs. Switched off until
    /// ENABLE_PRODUCT_PAYMENT_SPLIT or ENABLE_SERVICE_PAYMENT_SPLIT is true. With
    /// ENABLE_PAYMENT_TAX_SPLIT the taxes go to STRIPE_TAX_ACCOUNT, out of the same charge.
    #[command(alias = "connector:dispatch:process-transfer")]
    ProcessTransfer(ProcessTransfer),

    /// Job: refund customers, confirm that on Mirakl, and take back the sellers' parts (every 5
    /// minutes)
    ///
    /// Takes every refund that waits on Mirakl. Each step is done once and resumed where it stopped.
    /// Switched off until ENABLE_PRODUCT_PAYMENT_REFUND or ENABLE_SERVICE_PAYMENT_REFUND is true.
    #[command(alias = "connector:dispatch:process-refund")]
    ProcessRefund(ProcessRefund),

    /// Job: settle each new invoice, then pay the seller's bank (daily)
    ///
    /// Credits go to the seller, subscription and manual invoices to the operator, then what the invoice
    /// leaves is paid out, each once and to the cent. Mirakl's list is read at most once a day; what
    /// waits is read again by its id, so this may run more often.
    #[command(alias = "connector:dispatch:process-payout")]
    ProcessPayout(ProcessPayout),

    /// Job: mail everything that failed, and what needs a person or waits too long (daily)
    ///
    /// Transfers, refunds and payouts that failed are in every mail, with a file of all of them. What
    /// stays as it is until somebody looks (differences, shortfalls, notifications given up) is mailed
    /// in full once. Nothing to say: no mail. Each run sends: run it once a day. Switched off while
    /// MAILER_DSN is empty; the tables are printed all the same.
    #[command(alias = "connector:notify:failed-operation")]
    NotifyFailedOperation(NotifyFailedOperation),

    /// Show what is stored, newest first
    List(List),

    /// Map a Stripe account that was made elsewhere to a shop
    ///
    /// Checked at Stripe: the account exists on this platform, can receive transfers, and its
    /// payouts are manual. What waits for the shop is due at once.
    LinkAccount(LinkAccount),

    /// Make a fresh onboarding link for a shop: printed, and written to its back office
    ///
    /// A link works once and for about five minutes. Whoever holds it is taken for the seller: give
    /// it to nobody else.
    OnboardingLink(OnboardingLink),

    /// Carry out what a person decided about a row that waits or was refused
    Resolve(Resolve),

    /// Create the database schema, or upgrade it to this version
    Migrate,
}

/// Flags of `list`.
#[derive(Debug, Args)]
pub struct List {
    /// What to show
    pub subject: ListSubject,

    /// Only rows in this status, or with this outcome (runs)
    #[arg(long, value_name = "STATUS")]
    pub status: Option<String>,

    /// Only rows of this shop
    #[arg(long, value_name = "SHOP")]
    pub shop: Option<i64>,

    /// Only rows of this id: internal, of Mirakl or of Stripe. A transfer, a refund, a payout or an account then
    /// shows its history
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,

    /// At most so many rows
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
    pub limit: i64,

    /// A table for people, or JSON
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub output: Format,
}

/// What `list` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListSubject {
    /// What is owed to sellers, and what came of it
    Transfers,
    /// Which Stripe account each shop has, or why it has none yet
    Accounts,
    /// What customers get back, with its three steps
    Refunds,
    /// What goes to sellers' banks, and what came of it
    Payouts,
    /// Customers' payments as last seen at Stripe
    Payments,
    /// What your server was told, and what it has not taken yet
    Notifications,
    /// What each run of a job did
    Runs,
}

/// Flags of `link-account`.
#[derive(Debug, Args)]
pub struct LinkAccount {
    /// The Mirakl shop
    #[arg(long, value_name = "SHOP")]
    pub shop: i64,

    /// The Stripe account, acct_…
    #[arg(long, value_name = "ACCOUNT")]
    pub account: String,
}

/// Flags of `onboarding-link`.
#[derive(Debug, Args)]
pub struct OnboardingLink {
    /// The Mirakl shop
    #[arg(long, value_name = "SHOP")]
    pub shop: i64,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_old_command_names_work_and_are_not_shown() {
        let of = |name| Cli::try_parse_from(["mirakl-stripe", name]).expect("the old name");
        let transfer = of("connector:dispatch:process-transfer");
        assert!(matches!(transfer.command, Command::ProcessTransfer(_)));
        let debit = of("connector:validate:pending-debit");
        assert!(matches!(debit.command, Command::ValidatePendingDebit(_)));
        let refund = of("connector:dispatch:process-refund");
        assert!(matches!(refund.command, Command::ProcessRefund(_)));
        let payout = of("connector:dispatch:process-payout");
        assert!(matches!(payout.command, Command::ProcessPayout(_)));
        let notify = of("connector:notify:failed-operation");
        assert!(matches!(notify.command, Command::NotifyFailedOperation(_)));
        let onboarding = of("connector:sync:onboarding");
        assert!(matches!(onboarding.command, Command::SyncOnboarding(_)));
        let help = Cli::command().render_long_help().to_string();
        assert!(!help.contains("connector:"), "{help}");
    }
}
