//! An account asked for.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::accounts::StoredAccount;
use super::book::Book;
use super::checks;
use super::errors::Refusal;
use super::form::{Form, whole};

const KNOWN: [&str; 18] = [
    "type",
    "country",
    "email",
    "business_type",
    "business_profile[name]",
    "business_profile[url]",
    "business_profile[mcc]",
    "business_profile[product_description]",
    "business_profile[support_email]",
    "business_profile[support_phone]",
    "business_profile[support_url]",
    "capabilities[transfers][requested]",
    "capabilities[card_payments][requested]",
    "settings[payouts][debit_negative_balances]",
    "settings[payouts][schedule][interval]",
    "settings[payouts][schedule][delay_days]",
    "settings[payouts][statement_descriptor]",
    "metadata",
];
const LONGEST_NAME: usize = 100;
const LONGEST_DESCRIPTOR: usize = 22;
/// What a new account lacks.
const DUE: [&str; 3] = [
    "business_profile.url",
    "external_account",
    "tos_acceptance.date",
];

/// An account asked for.
#[derive(Clone, Debug)]
pub(super) struct AccountWish {
    account: StoredAccount,
}

impl AccountWish {
    /// Reads and validates the parameters.
    pub(super) fn read(form: &Form) -> Result<Self, Refusal> {
        form.allow_nested(&KNOWN)?;
        form.expand(&[])?;
        let kinds = ["express", "custom", "standard"];
        let kind = form.one_of("type", &kinds)?.unwrap_or("standard");
        let name = "settings[payouts][schedule][interval]";
        let intervals = ["manual", "daily", "weekly", "monthly"];
        let interval = form.one_of(name, &intervals)?.unwrap_or("daily");
        let mut account = StoredAccount::new(kind, interval);
        if let Some(country) = form.text("country")? {
            check_country(country)?;
            country.clone_into(&mut account.country);
            currency(country).clone_into(&mut account.currency);
        }
        if let Some(email) = form.text("email")? {
            checks::email(email, "email")?;
            account.email = Some(email.to_owned());
        }
        let types = ["company", "individual", "non_profit", "government_entity"];
        let business_type = form.one_of("business_type", &types)?;
        account.business_type = business_type.map(str::to_owned);
        account.profile = profile(form)?;
        account.capabilities = capabilities(form)?;
        account.metadata = form.metadata()?;
        account.debit_negative_balances = form
            .boolean("settings[payouts][debit_negative_balances]")?
            .unwrap_or(kind != "custom");
        account.delay_days = delay_days(form)?;
        account.statement_descriptor = descriptor(form)?;
        account.charges_enabled = false;
        account.payouts_enabled = false;
        account.details_submitted = false;
        account.set_due(&DUE);
        account.disabled_reason = Some("requirements.past_due".to_owned());
        Ok(Self { account })
    }
}

impl Book {
    /// Makes an account.
    pub(super) fn create_account(
        &mut self,
        wish: &AccountWish,
        key: Option<&str>,
        now: DateTime<Utc>,
    ) -> Value {
        let mut account = wish.account.clone();
        account.id = self.ids.make("acct", 16);
        account.created = now.timestamp();
        account.idempotency_key = key.map(str::to_owned);
        let shown = account.show();
        self.accounts.put(account);
        shown
    }
}

fn check_country(country: &str) -> Result<(), Refusal> {
    if country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase()) {
        return Ok(());
    }
    let message = format!("Country '{country}' is unknown. Try using a 2-character code.");
    Err(Refusal::new(message).param("country"))
}

fn currency(country: &str) -> &'static str {
    match country {
        "CH" => "chf",
        "GB" => "gbp",
        "JP" => "jpy",
        "US" => "usd",
        _ => "eur",
    }
}

fn profile(form: &Form) -> Result<BTreeMap<String, String>, Refusal> {
    let mut profile = BTreeMap::new();
    for param in KNOWN
        .iter()
        .filter(|name| name.starts_with("business_profile"))
    {
        let Some(text) = form.text(param)? else {
            continue;
        };
        let name = param
            .trim_start_matches("business_profile[")
            .trim_end_matches(']');
        match name {
            "name" => checks::line(text, LONGEST_NAME, param)?,
            "url" | "support_url" => checks::web_site(text, param)?,
            "support_email" => checks::email(text, param)?,
            "support_phone" => checks::phone(text, param)?,
            "mcc" => checks::digits(text, 4, param)?,
            _ => {}
        }
        profile.insert(name.to_owned(), text.to_owned());
    }
    Ok(profile)
}

/// The capabilities requested, all of them inactive.
fn capabilities(form: &Form) -> Result<BTreeMap<String, String>, Refusal> {
    let mut capabilities = BTreeMap::new();
    for name in ["transfers", "card_payments"] {
        let requested = form.boolean(&format!("capabilities[{name}][requested]"))?;
        if requested == Some(true) {
            capabilities.insert(name.to_owned(), "inactive".to_owned());
        }
    }
    Ok(capabilities)
}

fn delay_days(form: &Form) -> Result<i64, Refusal> {
    let name = "settings[payouts][schedule][delay_days]";
    match form.text(name)? {
        None | Some("minimum") => Ok(2),
        Some(days) => whole(days, name),
    }
}

fn descriptor(form: &Form) -> Result<Option<String>, Refusal> {
    let name = "settings[payouts][statement_descriptor]";
    let Some(text) = form.text(name)? else {
        return Ok(None);
    };
    checks::line(text, LONGEST_DESCRIPTOR, name)?;
    Ok(Some(text.to_owned()))
}
