//! Accounts: `GET /v1/account`, `GET|POST /v1/accounts` and `GET /v1/accounts/{id}`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::wire::{Metadata, null_is_false, unix};
use super::{Class, List, Refusal, Stripe, StripeError};
use crate::domain::ids::{AccountId, ShopId};
use crate::domain::key::IdempotencyKey;
use crate::domain::onboarding::{KycStatus, MadeFor, Prefill, Standing};
use crate::hex::hex;

const PATH: &str = "/v1/accounts";

/// A connected account, as far as this program decides by it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // each is one of Stripe's own flags
pub struct ConnectedAccount {
    /// Its id.
    pub id: AccountId,
    /// Can take payments.
    pub charges_enabled: bool,
    /// Can be paid out.
    pub payouts_enabled: bool,
    /// The seller has finished the form.
    pub details_submitted: bool,
    /// Can receive transfers.
    pub transfers_active: bool,
    /// The seller uses the Express dashboard.
    pub express: bool,
    /// Stripe asks the seller for something, or is checking something.
    pub open_items: bool,
    /// Why Stripe has disabled something.
    pub disabled_reason: Option<String>,
    /// What it amounts to for Mirakl.
    pub kyc: KycStatus,
    /// SHA-256, in hexadecimal, of everything whose change is told: flags, capabilities and
    /// requirements.
    pub fingerprint: String,
    /// `manual`, or how often Stripe pays out by itself.
    pub payout_interval: Option<String>,
    /// For which shop it was made; `None` if neither this program nor the old connector made it.
    pub made_for: Option<MadeFor>,
    /// When it was made; `None` where Stripe did not say.
    pub created_at: Option<DateTime<Utc>>,
}

impl ConnectedAccount {
    /// It is paid out only when somebody asks for it.
    pub fn manual_payouts(&self) -> bool {
        self.payout_interval.as_deref() == Some("manual")
    }
}

/// An account to be made: what its request says, before it is encoded and stored.
#[derive(Debug, Clone)]
pub struct NewAccount<'a> {
    /// The shop it is for.
    pub shop_id: ShopId,
    /// The marketplace.
    pub mirakl_host: &'a str,
    /// What is filled in before the seller sees the form.
    pub prefill: Option<&'a Prefill>,
}

impl NewAccount<'_> {
    /// The request's body: an Express account that is paid out only when this program asks for it.
    pub fn encode(&self) -> String {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("type", "express")
            .append_pair("capabilities[transfers][requested]", "true")
            .append_pair("settings[payouts][schedule][interval]", "manual")
            .append_pair("settings[payouts][debit_negative_balances]", "false");
        if let Some(prefill) = self.prefill {
            body.append_pair("business_type", prefill.business_type);
            for (name, value) in [
                ("business_profile[name]", &prefill.name),
                ("business_profile[url]", &prefill.url),
                ("business_profile[support_email]", &prefill.support_email),
                ("business_profile[support_phone]", &prefill.support_phone),
            ] {
                if let Some(value) = value {
                    body.append_pair(name, value);
                }
            }
        }
        append_mark(&mut body, self.shop_id, self.mirakl_host);
        body.finish()
    }

    /// Whether Stripe named one of the fields that were filled in advance.
    pub fn is_prefill(param: &str) -> bool {
        param.starts_with("business_")
    }
}

/// For which shop an account is, as its metadata says it.
fn append_mark(
    body: &mut form_urlencoded::Serializer<'_, String>,
    shop: ShopId,
    mirakl_host: &str,
) {
    let shop = shop.to_string();
    body.append_pair("metadata[miraklId]", &shop)
        .append_pair("metadata[miraklType]", "SHOP")
        .append_pair("metadata[miraklHost]", mirakl_host)
        .append_pair("metadata[miraklShopId]", &shop)
        .append_pair("metadata[pluginName]", "mirakl-stripe");
}

/// Which accounts are listed, newest first.
#[derive(Debug, Clone, Default)]
pub struct AccountsQuery {
    /// The oldest, inclusive.
    pub from: Option<DateTime<Utc>>,
    /// Continue after this account.
    pub starting_after: Option<String>,
}

#[derive(Deserialize)]
struct WireAccount {
    id: AccountId,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "null_is_false")]
    charges_enabled: bool,
    #[serde(default, deserialize_with = "null_is_false")]
    payouts_enabled: bool,
    #[serde(default, deserialize_with = "null_is_false")]
    details_submitted: bool,
    #[serde(default)]
    capabilities: Option<BTreeMap<String, String>>,
    #[serde(default)]
    requirements: Option<WireRequirements>,
    #[serde(default)]
    settings: Option<WireSettings>,
    #[serde(default)]
    controller: Option<WireController>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    created: Option<WireTime>,
}

#[derive(Deserialize)]
struct WireTime(#[serde(deserialize_with = "unix")] DateTime<Utc>);

#[derive(Deserialize, Serialize, Default)]
struct WireRequirements {
    #[serde(default)]
    currently_due: Option<Vec<String>>,
    #[serde(default)]
    past_due: Option<Vec<String>>,
    #[serde(default)]
    eventually_due: Option<Vec<String>>,
    #[serde(default)]
    pending_verification: Option<Vec<String>>,
    #[serde(default)]
    disabled_reason: Option<String>,
    #[serde(default)]
    current_deadline: Option<i64>,
}

#[derive(Deserialize)]
struct WireSettings {
    #[serde(default)]
    payouts: Option<WirePayouts>,
}

#[derive(Deserialize)]
struct WirePayouts {
    #[serde(default)]
    schedule: Option<WireSchedule>,
}

#[derive(Deserialize)]
struct WireSchedule {
    #[serde(default)]
    interval: Option<String>,
}

#[derive(Deserialize)]
struct WireController {
    #[serde(default)]
    stripe_dashboard: Option<WireDashboard>,
}

#[derive(Deserialize)]
struct WireDashboard {
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

impl Stripe {
    /// The key's own account: the platform.
    pub async fn platform(&self) -> Result<AccountId, StripeError> {
        let account: WireAccount = self.get("/v1/account", "/v1/account", &[]).await?;
        Ok(account.id)
    }

    /// A connected account; `None` when this platform has no such account.
    pub async fn account(&self, id: &AccountId) -> Result<Option<ConnectedAccount>, StripeError> {
        let path = format!("{PATH}/{id}");
        let result: Result<WireAccount, _> = self.get("/v1/accounts/{id}", &path, &[]).await;
        match result {
            Ok(account) => Ok(Some(account.into())),
            Err(StripeError::Refused(Refusal {
                class: Class::Final,
                status: 403 | 404,
                ..
            })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A page of the platform's connected accounts.
    pub async fn accounts(
        &self,
        query: &AccountsQuery,
    ) -> Result<List<ConnectedAccount>, StripeError> {
        let after = query.starting_after.as_deref();
        self.page::<WireAccount, _>(PATH, &[], query.from, after, None, |account| {
            account.id.as_str()
        })
        .await
    }

    /// Makes an account by a body that is stored. Returns the request's id too.
    pub async fn create_account(
        &self,
        body: &str,
        key: &IdempotencyKey,
    ) -> Result<(ConnectedAccount, Option<String>), StripeError> {
        let (account, request_id) = self.post::<WireAccount>(PATH, body, key).await?;
        Ok((account.into(), request_id))
    }

    /// Writes for which shop an account is into its metadata: `POST /v1/accounts/{id}`. Returns the
    /// account as it is then.
    pub async fn mark_account(
        &self,
        id: &AccountId,
        shop: ShopId,
        mirakl_host: &str,
    ) -> Result<ConnectedAccount, StripeError> {
        let mut body = form_urlencoded::Serializer::new(String::new());
        append_mark(&mut body, shop, mirakl_host);
        let path = format!("{PATH}/{id}");
        let marked: WireAccount = self
            .mark("/v1/accounts/{id}", &path, &body.finish(), None)
            .await?;
        Ok(marked.into())
    }
}

impl WireAccount {
    /// The fingerprint of what is told when it changes; the order of a list says nothing.
    fn fingerprint(&mut self) -> String {
        if let Some(requirements) = &mut self.requirements {
            for list in [
                &mut requirements.currently_due,
                &mut requirements.past_due,
                &mut requirements.eventually_due,
                &mut requirements.pending_verification,
            ] {
                list.get_or_insert_default().sort_unstable();
            }
        }
        let told = (
            self.charges_enabled,
            self.payouts_enabled,
            self.details_submitted,
            self.capabilities.as_ref().filter(|c| !c.is_empty()),
            self.requirements.as_ref(),
        );
        // Texts, flags and numbers always encode.
        let told = serde_json::to_vec(&told).unwrap_or_default();
        hex(&Sha256::digest(&told))
    }

    fn is_express(&self) -> bool {
        let dashboard = self
            .controller
            .as_ref()
            .and_then(|controller| controller.stripe_dashboard.as_ref())
            .and_then(|dashboard| dashboard.kind.as_deref());
        self.kind.as_deref() == Some("express") || dashboard == Some("express")
    }
}

impl From<WireAccount> for ConnectedAccount {
    fn from(mut wire: WireAccount) -> Self {
        let fingerprint = wire.fingerprint();
        let express = wire.is_express();
        let requirements = wire.requirements.unwrap_or_default();
        let any = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
        let capabilities = wire.capabilities.unwrap_or_default();
        let transfers_active = capabilities.get("transfers").is_some_and(|s| s == "active");
        let standing = Standing {
            currently_due: any(&requirements.currently_due),
            pending_verification: any(&requirements.pending_verification),
            disabled_reason: requirements.disabled_reason.as_deref(),
            charges_enabled: wire.charges_enabled,
            transfers_active,
            payouts_enabled: wire.payouts_enabled,
        };
        let payouts = wire.settings.and_then(|settings| settings.payouts);
        let schedule = payouts.and_then(|payouts| payouts.schedule);
        let metadata = wire.metadata.unwrap_or_default();
        Self {
            kyc: standing.kyc(),
            open_items: standing.currently_due || standing.pending_verification,
            fingerprint,
            express,
            id: wire.id,
            charges_enabled: wire.charges_enabled,
            payouts_enabled: wire.payouts_enabled,
            details_submitted: wire.details_submitted,
            transfers_active,
            disabled_reason: requirements.disabled_reason,
            payout_interval: schedule.and_then(|schedule| schedule.interval),
            made_for: MadeFor::read(|name| metadata.get(name).map(String::as_str)),
            created_at: wire.created.map(|time| time.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = r#"{
        "id": "acct_1", "type": "express", "created": 1770000000,
        "charges_enabled": null, "payouts_enabled": true, "details_submitted": true,
        "capabilities": {"transfers": "active", "card_payments": "inactive"},
        "metadata": {"pluginName": "mirakl-stripe", "miraklHost": "m.example", "miraklShopId": "7"},
        "requirements": {"currently_due": ["b", "a"], "past_due": null, "disabled_reason": null},
        "settings": {"payouts": {"schedule": {"interval": "manual"}}}
    }"#;

    fn read(json: &str) -> ConnectedAccount {
        let wire: WireAccount = serde_json::from_str(json).expect("an account");
        wire.into()
    }

    #[test]
    fn an_account_is_read_with_what_it_was_made_for() {
        let account = read(ACCOUNT);
        assert!(account.transfers_active && account.express && account.open_items);
        assert!(account.manual_payouts() && !account.charges_enabled);
        assert_eq!(account.kyc, KycStatus::PendingSubmission);
        assert_eq!(account.made_for.expect("ours").shop_id, ShopId(7));
        let bare = read(r#"{"id": "acct_2"}"#);
        assert!(!bare.transfers_active && !bare.manual_payouts() && bare.made_for.is_none());
    }

    #[test]
    fn only_what_is_told_changes_the_fingerprint() {
        let before = read(ACCOUNT).fingerprint;
        for (what, from, to, changed) in [
            (
                "the order of a list",
                r#"["b", "a"]"#,
                r#"["a", "b"]"#,
                false,
            ),
            ("the schedule", "manual", "daily", false),
            (
                "null for an empty list",
                "\"past_due\": null",
                "\"past_due\": []",
                false,
            ),
            ("a requirement", r#"["b", "a"]"#, r#"["b"]"#, true),
            ("a capability", "inactive", "pending", true),
            (
                "payouts",
                "\"payouts_enabled\": true",
                "\"payouts_enabled\": false",
                true,
            ),
            (
                "a reason",
                "\"disabled_reason\": null",
                "\"disabled_reason\": \"listed\"",
                true,
            ),
        ] {
            let after = read(&ACCOUNT.replace(from, to)).fingerprint;
            assert_eq!(after != before, changed, "{what}");
        }
    }

    #[test]
    fn a_request_is_the_same_bytes_for_the_same_facts() {
        let prefill = Prefill {
            business_type: "company",
            name: Some("Ö & Co".to_owned()),
            url: None,
            support_email: Some("a@b.example".to_owned()),
            support_phone: None,
        };
        let new = NewAccount {
            shop_id: ShopId(2000),
            mirakl_host: "m.example",
            prefill: Some(&prefill),
        };
        let first = "type=express&capabilities%5Btransfers%5D%5Brequested%5D=true\
             &settings%5Bpayouts%5D%5Bschedule%5D%5Binterval%5D=manual\
             &settings%5Bpayouts%5D%5Bdebit_negative_balances%5D=false";
        let filled = "&business_type=company&business_profile%5Bname%5D=%C3%96+%26+Co\
             &business_profile%5Bsupport_email%5D=a%40b.example";
        let last = "&metadata%5BmiraklId%5D=2000&metadata%5BmiraklType%5D=SHOP\
             &metadata%5BmiraklHost%5D=m.example&metadata%5BmiraklShopId%5D=2000\
             &metadata%5BpluginName%5D=mirakl-stripe";
        assert_eq!(new.encode(), format!("{first}{filled}{last}"));
        let bare = NewAccount {
            prefill: None,
            ..new
        };
        assert_eq!(bare.encode(), format!("{first}{last}"));
    }
}
