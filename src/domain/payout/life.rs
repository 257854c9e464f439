//! What becomes of a payout after it was made.

/// Stripe's word for where a payout is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Life {
    /// On its way, or in a state that is not known here.
    UnderWay(String),
    /// At the bank.
    Paid,
    /// Came back, and why.
    Failed(String),
    /// Cancelled by a person.
    Canceled,
}

impl Life {
    /// Reads `status` and `failure_code`.
    pub fn read(status: &str, failure_code: Option<String>) -> Self {
        match status {
            "paid" => Self::Paid,
            "failed" => Self::Failed(failure_code.unwrap_or_else(|| "no code".to_owned())),
            "canceled" => Self::Canceled,
            other => Self::UnderWay(other.to_owned()),
        }
    }

    /// Stripe's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::UnderWay(word) => word,
            Self::Paid => "paid",
            Self::Failed(_) => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// The money is the seller's at Stripe again.
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Failed(_) | Self::Canceled => true,
            Self::UnderWay(_) | Self::Paid => false,
        }
    }
}
