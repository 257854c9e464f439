//! What an account amounts to for Mirakl.

/// A shop's KYC status at Mirakl, as far as it may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type, serde::Serialize, serde::Deserialize)]
#[sqlx(type_name = "kyc_status", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum KycStatus {
    /// The seller has to submit something.
    PendingSubmission,
    /// Stripe is checking.
    PendingApproval,
    /// Stripe does not take this seller.
    Refused,
    /// The seller can be paid.
    Approved,
}

impl KycStatus {
    /// Mirakl's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PendingSubmission => "PENDING_SUBMISSION",
            Self::PendingApproval => "PENDING_APPROVAL",
            Self::Refused => "REFUSED",
            Self::Approved => "APPROVED",
        }
    }
}

/// What Stripe says of an account, as far as the KYC status follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // each is one of Stripe's own flags
pub struct Standing<'a> {
    /// The seller has something to submit.
    pub currently_due: bool,
    /// Stripe is checking something.
    pub pending_verification: bool,
    /// Why Stripe has disabled something.
    pub disabled_reason: Option<&'a str>,
    /// Can take payments.
    pub charges_enabled: bool,
    /// Can receive transfers.
    pub transfers_active: bool,
    /// Can be paid out.
    pub payouts_enabled: bool,
}

impl Standing<'_> {
    /// The KYC status; first match wins. An account with only the transfers capability counts as
    /// approved when it can receive and be paid out.
    pub fn kyc(self) -> KycStatus {
        let rejected = |reason: &str| reason.starts_with("rejected");
        if self.currently_due {
            KycStatus::PendingSubmission
        } else if self.pending_verification {
            KycStatus::PendingApproval
        } else if self.disabled_reason.is_some_and(rejected) {
            KycStatus::Refused
        } else if self.disabled_reason.is_some() {
            KycStatus::PendingApproval
        } else if self.payouts_enabled && (self.charges_enabled || self.transfers_active) {
            KycStatus::Approved
        } else {
            KycStatus::PendingApproval
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_match_wins() {
        let none = Standing {
            currently_due: false,
            pending_verification: false,
            disabled_reason: None,
            charges_enabled: false,
            transfers_active: false,
            payouts_enabled: false,
        };
        let good = Standing {
            payouts_enabled: true,
            transfers_active: true,
            ..none
        };
        let rejected = Some("rejected.fraud");
        for (what, standing, kyc) in [
            ("nothing known", none, KycStatus::PendingApproval),
            ("only transfers", good, KycStatus::Approved),
            (
                "only charges",
                Standing {
                    payouts_enabled: true,
                    charges_enabled: true,
                    ..none
                },
                KycStatus::Approved,
            ),
            (
                "payouts alone",
                Standing {
                    payouts_enabled: true,
                    ..none
                },
                KycStatus::PendingApproval,
            ),
            (
                "nothing due, payouts off",
                Standing {
                    transfers_active: true,
                    charges_enabled: true,
                    ..none
                },
                KycStatus::PendingApproval,
            ),
            (
                "something due",
                Standing {
                    currently_due: true,
                    pending_verification: true,
                    ..good
                },
                KycStatus::PendingSubmission,
            ),
            (
                "being checked",
                Standing {
                    pending_verification: true,
                    disabled_reason: rejected,
                    ..good
                },
                KycStatus::PendingApproval,
            ),
            (
                "rejected",
                Standing {
                    disabled_reason: rejected,
                    ..good
                },
                KycStatus::Refused,
            ),
            (
                "disabled otherwise",
                Standing {
                    disabled_reason: Some("under_review"),
                    ..good
                },
                KycStatus::PendingApproval,
            ),
        ] {
            assert_eq!(standing.kyc(), kyc, "{what}");
        }
    }
}
