//! The flags of `resolve`.

use clap::{Args, Subcommand};

/// Flags of `resolve`.
#[derive(Debug, Args)]
pub struct Resolve {
    /// What to resolve
    #[command(subcommand)]
    pub subject: ResolveSubject,
}

/// What `resolve` decides about.
#[derive(Debug, Subcommand)]
pub enum ResolveSubject {
    /// A transfer in TRANSFER_ON_HOLD or TRANSFER_FAILED
    Transfer(ResolveTransfer),
    /// A refund in REFUND_ON_HOLD or REFUND_FAILED
    Refund(ResolveRefund),
    /// A payout in PAYOUT_ON_HOLD or PAYOUT_FAILED
    Payout(ResolvePayout),
}

/// Flags of `resolve refund`.
#[derive(Debug, Args)]
pub struct ResolveRefund {
    /// The internal id that `list refunds` shows
    pub id: i64,

    /// The decision.
    #[command(flatten)]
    pub decision: ResolveRefundDecision,
}

/// One of three decisions.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ResolveRefundDecision {
    /// Go on with its step at the next run. A refund that Stripe could not carry out is made anew; what
    /// others refunded of the same charge is accepted
    #[arg(long)]
    pub retry: bool,

    /// It was made at Stripe: this refund (re_…), or, where only the reversal is missing, this
    /// reversal (trr_…)
    #[arg(long, value_name = "ID")]
    pub stripe_id: Option<String>,

    /// End it where it is, for this reason
    #[arg(long, value_name = "REASON")]
    pub abandon: Option<String>,
}

/// Flags of `resolve payout`.
#[derive(Debug, Args)]
pub struct ResolvePayout {
    /// The internal id that `list payouts` shows
    pub id: i64,

    /// The decision.
    #[command(flatten)]
    pub decision: ResolvePayoutDecision,
}

/// One of three decisions.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ResolvePayoutDecision {
    /// Decide it anew at the next run; the reason that `list` shows now does not stop it again
    #[arg(long)]
    pub retry: bool,

    /// It was made at Stripe: this payout, po_…
    #[arg(long, value_name = "ID")]
    pub stripe_id: Option<String>,

    /// End it without a payout, for this reason
    #[arg(long, value_name = "REASON")]
    pub abandon: Option<String>,
}

/// Flags of `resolve transfer`.
#[derive(Debug, Args)]
pub struct ResolveTransfer {
    /// The internal id that `list transfers` shows
    pub id: i64,

    /// The decision.
    #[command(flatten)]
    pub decision: ResolveDecision,
}

/// One of three decisions.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ResolveDecision {
    /// Decide it anew at the next run
    #[arg(long)]
    pub retry: bool,

    /// It was made at Stripe: this transfer, tr_…
    #[arg(long, value_name = "ID")]
    pub stripe_id: Option<String>,

    /// End it without a transfer, for this reason
    #[arg(long, value_name = "REASON")]
    pub abandon: Option<String>,
}
