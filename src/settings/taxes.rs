//! Whether the taxes of orders go to an account of their own.

use super::reader::Reader;
use crate::domain::ids::{AccountId, is_stripe_id};

/// Where the taxes of orders go.
#[derive(Debug)]
pub struct TaxSettings {
    /// Taxes are split off the sellers' parts; never without an account.
    pub split: bool,
    /// The account; it may be set without the split, for orders that were split before.
    pub account: Option<AccountId>,
}

pub(super) fn read(reader: &mut Reader<'_>) -> TaxSettings {
    const NAME: &str = "STRIPE_TAX_ACCOUNT";
    const REMEDY: &str = "the connected account that taxes are transferred to, acct_…";
    let split = reader.flag("ENABLE_PAYMENT_TAX_SPLIT", false);
    let account = match reader.text(NAME) {
        None => {
            if split {
                reader.mistake(&format!(
                    "{NAME} is missing, and ENABLE_PAYMENT_TAX_SPLIT is true: set it to {REMEDY}"
                ));
            }
            None
        }
        Some(id) if is_stripe_id(&id, "acct_") => Some(AccountId(id)),
        Some(id) => {
            reader.mistake(&format!("{NAME} is {id:?}: set it to {REMEDY}"));
            None
        }
    };
    TaxSettings { split, account }
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::*;

    /// What is read, and how many mistakes.
    fn read_of(values: &[(&str, &str)]) -> (bool, Option<String>, usize) {
        let source = Source::of(values.iter());
        let mut reader = Reader::new(&source);
        let taxes = read(&mut reader);
        let account = taxes.account.map(|account| account.to_string());
        (taxes.split, account, reader.into_mistakes().0.len())
    }

    #[test]
    fn an_account_for_taxes_may_be_set_without_the_split_and_the_split_not_without_it() {
        let on = ("ENABLE_PAYMENT_TAX_SPLIT", "true");
        let account = ("STRIPE_TAX_ACCOUNT", "acct_tax");
        let wrong = ("STRIPE_TAX_ACCOUNT", "tax@shop.example");
        let named = Some("acct_tax".to_owned());
        for (values, expected) in [
            (&[][..], (false, None, 0)),
            (&[account], (false, named.clone(), 0)),
            (&[on, account], (true, named, 0)),
            (&[on], (true, None, 1)),
            (&[wrong], (false, None, 1)),
            (&[on, wrong], (true, None, 1)),
        ] {
            assert_eq!(read_of(values), expected, "{values:?}");
        }
    }
}
