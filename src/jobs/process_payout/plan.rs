//! `--dry-run`: gathers and decides like a run, and writes nothing.

use anyhow::Context as _;
use serde::Serialize;

use super::gather::{self, READING};
use super::page::{Decided, Seen, decide_page};
use super::{Beginning, Options};
use crate::app::App;
use crate::domain::ids::{AccountId, ShopId};
use crate::domain::money::Currency;
use crate::domain::payout::Decision;
use crate::jobs::Result;
use crate::jobs::accounts::Accounts;
use crate::mirakl::InvoicesQuery;

/// What a run would do about one invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedInvoice {
    /// The invoice; none for an element that names none.
    pub mirakl_invoice_id: Option<String>,
    /// The shop, where it is known.
    pub mirakl_shop_id: Option<ShopId>,
    /// `pay`, `hold`, `abort`, `ignore`, `none` or `unreadable`: what would become of the payout.
    pub action: &'static str,
    /// What the seller is to get, in minor units.
    pub amount: Option<i64>,
    /// Of all amounts.
    pub currency: Option<Currency>,
    /// The seller's account.
    pub stripe_account_id: Option<AccountId>,
    /// The transfers that would be made before.
    pub movements: Vec<PlannedMovement>,
    /// Minor units that the account disposes of now, where it was read.
    pub available: Option<i64>,
    /// The reason, or what a person should know.
    pub reason: Option<String>,
}

/// A transfer that would be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedMovement {
    /// As notified.
    pub r#type: &'static str,
    /// Minor units.
    pub amount: i64,
}

/// Everything that a run would do now.
pub(super) async fn plan(
    app: &App,
    options: &Options,
    beginning: Beginning,
) -> Result<Vec<PlannedInvoice>> {
    let mut accounts = Accounts::new(false);
    let mut planned: Vec<PlannedInvoice> = Vec::new();
    if let Some(from) = beginning.sweep_from {
        let query = InvoicesQuery::CreatedSince(from, options.shop);
        let mut page = Some(app.mirakl.invoices(&query).await.context(READING)?);
        while let Some(current) = page {
            let seen = Seen {
                read: current.items,
                gone: Vec::new(),
            };
            add(app, options, &mut accounts, beginning, seen, &mut planned).await?;
            page = match current.next {
                Some(next) => Some(app.mirakl.invoices_at(next).await.context(READING)?),
                None => None,
            };
        }
    }
    let mut after = String::new();
    loop {
        let ids = gather::due_after(app, &after, options.shop).await?;
        let Some(last) = ids.last() else {
            return Ok(planned);
        };
        last.as_str().clone_into(&mut after);
        let is_new = |id: &str| {
            !planned
                .iter()
                .any(|p| p.mirakl_invoice_id.as_deref() == Some(id))
        };
        let ids: Vec<_> = ids.into_iter().filter(|id| is_new(id.as_str())).collect();
        if !ids.is_empty() {
            let seen = gather::by_ids(app, &ids).await?;
            add(app, options, &mut accounts, beginning, seen, &mut planned).await?;
        }
    }
}

async fn add(
    app: &App,
    options: &Options,
    accounts: &mut Accounts,
    beginning: Beginning,
    seen: Seen,
    planned: &mut Vec<PlannedInvoice>,
) -> Result<()> {
    let asked = options.shop.is_some();
    let page = decide_page(app, accounts, beginning.start, asked, seen).await?;
    for decided in page.decided {
        let mut one = one(decided);
        if let (Some(account), Some(currency)) = (&one.stripe_account_id, one.currency) {
            let balance = app.stripe.balance(account).await;
            one.available = balance
                .ok()
                .map(|balance| balance.available(currency).unwrap_or(0));
        }
        if one.action != "none" || !one.movements.is_empty() {
            planned.push(one);
        }
    }
    for cause in page.unidentified {
        planned.push(PlannedInvoice {
            mirakl_invoice_id: None,
            mirakl_shop_id: None,
            action: "unreadable",
            amount: None,
            currency: None,
            stripe_account_id: None,
            movements: Vec::new(),
            available: None,
            reason: Some(cause),
        });
    }
    Ok(())
}

fn one(decided: Decided) -> PlannedInvoice {
    let decisions = decided.decisions;
    let (action, reason) = match &decisions.payout {
        Decision::Pay(_) => ("pay", None),
        Decision::Hold(reason) => ("hold", Some(reason.to_string())),
        Decision::Abort(reason) => ("abort", Some(reason.to_string())),
        Decision::Ignore(reason) => ("ignore", Some(reason.to_string())),
        Decision::Nothing => ("none", None),
    };
    let movements = decisions.movements.iter();
    let currency = decisions.amount.map(|amount| amount.currency());
    let moved = decisions.movements.first();
    PlannedInvoice {
        mirakl_invoice_id: Some(decided.id.0),
        mirakl_shop_id: decided.shop_id,
        action,
        amount: decisions.amount.map(|amount| amount.minor()),
        currency: currency.or(moved.map(|moved| moved.amount.currency())),
        stripe_account_id: decisions.account.clone(),
        available: None,
        reason: reason.or(decisions.difference),
        movements: movements
            .map(|movement| PlannedMovement {
                r#type: movement.kind.notified_type(),
                amount: movement.amount.minor(),
            })
            .collect(),
    }
}
