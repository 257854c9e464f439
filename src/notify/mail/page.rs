//! What stands around every mail.

/// Where a mail comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The host of the marketplace.
    pub marketplace: String,
    /// Stripe's live mode.
    pub livemode: bool,
}

impl Origin {
    /// In the subject and at the end.
    pub fn name(&self) -> String {
        match self.livemode {
            true => self.marketplace.clone(),
            false => format!("{} (Stripe test mode)", self.marketplace),
        }
    }
}
