//! A decision about a shop as a row.

use chrono::{DateTime, Utc};

use super::page::Decided;
use crate::app::App;
use crate::domain::ids::AccountId;
use crate::domain::onboarding::{AccountStatus, Decision, HoldReason, Known, Prefill};
use crate::domain::retry;
use crate::store::onboardings::NewDecision;
use crate::stripe::NewAccount;

/// A decision as a row.
pub(super) fn row(
    app: &App,
    decided: &Decided,
    known: Option<&Known>,
    now: DateTime<Utc>,
) -> NewDecision {
    let ids = decided.candidates.iter().map(|account| account.id.clone());
    let mut candidates: Vec<AccountId> = ids.collect();
    let mut row = NewDecision {
        shop_id: decided.shop,
        status: AccountStatus::AccountOnHold,
        status_reason: None,
        reason_code: None,
        candidates: Vec::new(),
        request_body: None,
        looks: 0,
        next_look_at: None,
    };
    match &decided.decision {
        Decision::Create | Decision::Adopt(_) => {
            row.status = AccountStatus::AccountPending;
            row.request_body = Some(body(app, decided));
            row.looks = refusals(known);
        }
        Decision::Hold(reason) => {
            row.status_reason = Some(reason.to_string());
            row.reason_code = Some(reason.code());
            (row.looks, row.next_look_at) = next_look(known, reason.code(), now);
            // What could not be read again is still remembered.
            if let (
                HoldReason::AccountUnread(_) | HoldReason::Unreadable(_) | HoldReason::Gone,
                Some(known),
            ) = (reason, known)
            {
                let more = known
                    .candidates
                    .iter()
                    .filter(|id| !candidates.contains(id));
                let more: Vec<AccountId> = more.cloned().collect();
                candidates.extend(more);
            }
        }
        Decision::Ignore(reason) => {
            row.status = AccountStatus::AccountIgnored;
            row.status_reason = Some(reason.to_string());
            row.reason_code = Some(reason.code());
        }
    }
    row.candidates = candidates;
    row
}

/// The request for a shop's account.
fn body(app: &App, decided: &Decided) -> String {
    let profile = decided.profile.as_ref();
    let profile = profile.filter(|_| app.settings.onboarding.prefill);
    let prefill = profile.map(Prefill::from);
    NewAccount {
        shop_id: decided.shop,
        mirakl_host: &app.mirakl.host(),
        prefill: prefill.as_ref(),
    }
    .encode()
}

/// Refusals in a row so far: a try after them keeps the count for its own delay.
fn refusals(known: Option<&Known>) -> u32 {
    known
        .filter(|known| match known.status {
            AccountStatus::AccountFailed | AccountStatus::AccountPending => true,
            AccountStatus::AccountOnHold
            | AccountStatus::AccountCreated
            | AccountStatus::AccountIgnored => false,
        })
        .map_or(0, |known| known.looks)
}

/// When a held shop is looked at again: later and later as long as the reason stays the same.
fn next_look(
    known: Option<&Known>,
    code: &str,
    now: DateTime<Utc>,
) -> (u32, Option<DateTime<Utc>>) {
    let same = known.filter(|known| {
        known.status == AccountStatus::AccountOnHold && known.reason_code.as_deref() == Some(code)
    });
    retry::next_look(same.map(|known| (known.looks, known.next_look_at)), now)
}
