//! A transfer asked for: its parameters, and what they name.

use std::collections::BTreeMap;

use super::auth::Caller;
use super::book::Book;
use super::checks;
use super::errors::Refusal;
use super::form::Form;

/// A transfer asked for.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) destination: String,
    pub(super) source: Option<String>,
    pub(super) group: Option<String>,
    pub(super) source_type: String,
    pub(super) description: Option<String>,
    pub(super) metadata: BTreeMap<String, String>,
}

impl Wish {
    /// Reads and validates the parameters, without regard to what exists.
    pub(super) fn read(form: &Form) -> Result<Self, Refusal> {
        form.allow(&[
            "amount",
            "currency",
            "description",
            "destination",
            "expand",
            "metadata",
            "source_transaction",
            "source_type",
            "transfer_group",
        ])?;
        form.expand(&[])?;
        let amount = form.required_integer("amount", 1, 999_999_999_999)?;
        let currency = form.required("currency")?;
        checks::currency(currency, "currency")?;
        let source_type = form.text("source_type")?.unwrap_or("card");
        if !matches!(source_type, "card" | "bank_account" | "fpx") {
            let message = format!("Invalid source_type: {source_type}");
            return Err(Refusal::new(message).param("source_type"));
        }
        let text = |name| form.text(name).map(|text| text.map(str::to_owned));
        Ok(Self {
            amount,
            currency: currency.to_owned(),
            destination: form.required("destination")?.to_owned(),
            source: text("source_transaction")?,
            group: text("transfer_group")?,
            source_type: source_type.to_owned(),
            description: text("description")?,
            metadata: form.metadata()?,
        })
    }
}

impl Book {
    /// Whether destination and source exist for this caller; `hint` words what is missing.
    pub(super) fn check_wish(
        &self,
        wish: &Wish,
        caller: &Caller,
        hint: impl Fn(&str) -> &'static str,
    ) -> Result<(), Refusal> {
        let destination = &wish.destination;
        let known = match &caller.account {
            // A connected account sees its platform and nobody else.
            Some(_) => *destination == self.platform.id,
            None if *destination == self.platform.id => {
                let message = "You cannot create a transfer to your own account.";
                return Err(Refusal::new(message).param("destination"));
            }
            None => self.accounts.get(destination).is_some(),
        };
        if !known {
            let missing = Refusal::missing("destination", destination, hint(destination));
            return Err(missing.param("destination"));
        }
        if let Some(source) = &wish.source
            && (caller.account.is_some() || self.charges.get(source).is_none())
        {
            let missing = Refusal::missing("charge", source, hint(source));
            return Err(missing.param("source_transaction"));
        }
        Ok(())
    }
}
