//! Ids of Mirakl and Stripe as types of their own, so that one is never taken for another.

use std::fmt;

/// Declares a text id: an opaque string with the traits that maps, logs and the store need.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, sqlx::Type, serde::Serialize, serde::Deserialize)]
        #[sqlx(transparent)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }
    };
}

text_id!(
    /// A logistic order at Mirakl: one shop's part of a basket.
    OrderId
);
text_id!(
    /// A commercial order at Mirakl: the customer's basket, paid by one payment.
    CommercialOrderId
);
text_id!(
    /// A debit of a service order at Mirakl.
    DebitId
);
text_id!(
    /// A customer of the marketplace.
    CustomerId
);
text_id!(
    /// A Stripe account, `acct_…`.
    AccountId
);
text_id!(
    /// A Stripe charge, `ch_…` or `py_…`.
    ChargeId
);
text_id!(
    /// A Stripe payment intent, `pi_…`.
    PaymentIntentId
);
text_id!(
    /// A Stripe transfer, `tr_…`.
    TransferId
);
text_id!(
    /// A refund at Mirakl, of a product's line or of a service order.
    RefundId
);
text_id!(
    /// A refund at Stripe, `re_…` or `pyr_…`.
    StripeRefundId
);
text_id!(
    /// A reversal of a Stripe transfer, `trr_…`.
    ReversalId
);

text_id!(
    /// An accounting document at Mirakl.
    InvoiceId
);
text_id!(
    /// A payout at Stripe, `po_…`.
    PayoutId
);

/// A Mirakl shop.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    sqlx::Type,
    serde::Serialize,
    serde::Deserialize,
)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct ShopId(pub i64);

impl fmt::Display for ShopId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether `id` is `prefix` and then letters, digits and underscores: safe in a path.
pub fn is_stripe_id(id: &str, prefix: &str) -> bool {
    id.strip_prefix(prefix).is_some_and(|rest| {
        !rest.is_empty()
            && id.len() <= 255
            && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

/// How an order names its payment: the transaction number that Mirakl holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PaymentRef {
    /// `pi_…`
    Intent(PaymentIntentId),
    /// `ch_…` or `py_…`
    Charge(ChargeId),
}

impl PaymentRef {
    /// Reads a transaction number; `None` when it is no Stripe id.
    pub fn parse(number: &str) -> Option<Self> {
        let number = number.trim();
        if is_stripe_id(number, "pi_") {
            Some(Self::Intent(number.into()))
        } else if is_stripe_id(number, "ch_") || is_stripe_id(number, "py_") {
            Some(Self::Charge(number.into()))
        } else {
            None
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Intent(id) => id.as_str(),
            Self::Charge(id) => id.as_str(),
        }
    }
}

impl fmt::Display for PaymentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_number_is_an_intent_a_charge_or_no_stripe_id() {
        assert_eq!(
            PaymentRef::parse("pi_3Abc"),
            Some(PaymentRef::Intent("pi_3Abc".into()))
        );
        assert_eq!(
            PaymentRef::parse(" ch_3Abc "),
            Some(PaymentRef::Charge("ch_3Abc".into()))
        );
        assert_eq!(
            PaymentRef::parse("py_3_A"),
            Some(PaymentRef::Charge("py_3_A".into()))
        );
        for other in [
            "", "pi_", "PAY-1", "ch_../x", "pi_a b", "pi_a?x=1", "tr_1", "pi_é",
        ] {
            assert_eq!(PaymentRef::parse(other), None, "{other}");
        }
    }
}
