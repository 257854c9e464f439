//! Records a page of decisions in one transaction.

use anyhow::anyhow;
use chrono::{DateTime, Utc};

use super::Pass;
use super::page::{Decided, DecidedPage, Fate};
use crate::domain::ids::AccountId;
use crate::domain::money::Money;
use crate::domain::payout::{Decision, PayoutStatus};
use crate::domain::retry;
use crate::domain::transfer::{TransferStatus, TransferType};
use crate::jobs::Result;
use crate::store::checkpoints::{self, Checkpoint, Stream};
use crate::store::payouts::{self, KnownPayout, NewPayoutRow, TO_BE_PAID};
use crate::store::transfers::{self, KnownRow, NO_LONGER_ASKED, NewDecision};
use crate::store::{StoreError, identity};
use crate::stripe::NewTransfer;

/// Writes a page's decisions and, with the last page of a sweep, the checkpoint: all or nothing.
pub(super) async fn page(
    pass: &Pass<'_>,
    page: &DecidedPage,
    checkpoint: Option<Checkpoint>,
) -> Result<()> {
    let app = pass.app;
    let now = app.clock.now();
    for cause in &page.unidentified {
        tracing::error!(
            cause,
            "Mirakl sent an invoice without an id; the checkpoint stays where it is"
        );
        pass.run.count_failed();
    }
    let mut tx = app.db.begin().await?;
    let identity = identity::get(&mut tx).await?;
    let identity = identity.ok_or_else(|| anyhow!("the store does not know whose it is"))?;
    let writer = Writer {
        host: app.mirakl.host(),
        platform: AccountId(identity.stripe_account_id),
        now,
    };
    let (mut movements, mut rows) = (Vec::new(), Vec::new());
    for decided in &page.decided {
        for (kind, fate) in &decided.movements {
            let known = page.transfers.get(&(*kind, decided.id.to_string()));
            movements.push(writer.movement(decided, *kind, fate, known)?);
        }
        let known = page.known.get(&decided.id);
        if let Some(row) = payout_row(decided, known, now) {
            count(pass, &row, known);
            rows.push(row);
        }
    }
    transfers::record(&mut tx, &movements, now).await?;
    payouts::record(&mut tx, &rows, now).await?;
    for (id, invoice, difference) in &page.changed {
        tracing::warn!(%invoice, difference, "an invoice has changed after it was paid out");
        pass.run.count(|counts| counts.news += 1);
        payouts::flag(&mut tx, *id, difference, now).await?;
    }
    if let Some(checkpoint) = checkpoint {
        // As of its beginning: the next day's sweep comes a day after it, however long it took.
        checkpoints::advance(&mut tx, Stream::Invoices, checkpoint, pass.run.started_at).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok(())
}

/// What all movements of a page have in common.
struct Writer {
    host: String,
    platform: AccountId,
    now: DateTime<Utc>,
}

impl Writer {
    fn movement(
        &self,
        decided: &Decided,
        kind: TransferType,
        fate: &Fate,
        known: Option<&KnownRow>,
    ) -> Result<NewDecision> {
        let mut row = NewDecision {
            kind,
            mirakl_id: decided.id.to_string(),
            shop_id: decided.shop_id,
            commercial_order_id: None,
            status: TransferStatus::TransferPending,
            status_reason: None,
            reason_code: None,
            amount: None,
            currency: None,
            amount_explained: None,
            destination: None,
            payment_id: None,
            source_charge: None,
            payer: None,
            request_body: None,
            looks: known.map_or(0, |known| known.known.looks),
            next_look_at: None,
        };
        match fate {
            Fate::Send(movement) => {
                let decisions = &decided.decisions;
                let (Some(seller), Some(shop_id)) = (&decisions.account, decided.shop_id) else {
                    return Err(anyhow!("invoice {} names no seller", decided.id).into());
                };
                let (payer, destination) = match kind.is_charge() {
                    true => (Some(seller), &self.platform),
                    false => (None, seller),
                };
                let body = NewTransfer {
                    amount: movement.amount,
                    destination,
                    source: None,
                    kind,
                    mirakl_id: decided.id.as_str(),
                    mirakl_host: &self.host,
                    shop_id,
                };
                row.request_body = Some(body.encode());
                row.amount = Some(movement.amount.minor());
                row.currency = Some(movement.amount.currency());
                row.destination = Some(destination.clone());
                row.payer = payer.cloned();
            }
            Fate::Wait(reason) => {
                row.status = TransferStatus::TransferOnHold;
                row.status_reason = Some(reason.to_string());
                row.reason_code = Some(reason.code());
                let same = known.filter(|row| {
                    row.known.status == TransferStatus::TransferOnHold
                        && row.known.reason_code.as_deref() == Some(reason.code())
                });
                let same = same.map(|row| (row.known.looks, row.known.next_look_at));
                (row.looks, row.next_look_at) = retry::next_look(same, self.now);
            }
            Fate::Leave(reason) => {
                row.status = TransferStatus::TransferIgnored;
                row.status_reason = Some(reason.to_string());
                row.reason_code = Some(reason.code());
            }
            Fate::End => {
                row.status = TransferStatus::TransferAborted;
                row.status_reason = Some("the invoice no longer asks for this".to_owned());
                row.reason_code = Some(NO_LONGER_ASKED);
            }
        }
        Ok(row)
    }
}

/// What was decided about a payout as a row; none when there is nothing to write.
fn payout_row(
    decided: &Decided,
    known: Option<&KnownPayout>,
    now: DateTime<Utc>,
) -> Option<NewPayoutRow> {
    let decisions = &decided.decisions;
    let mut row = NewPayoutRow {
        mirakl_invoice_id: decided.id.clone(),
        shop_id: decided.shop_id,
        invoice_created_at: decided.created_at,
        status: PayoutStatus::PayoutOnHold,
        status_reason: None,
        reason_code: None,
        amount: decisions.amount.map(Money::minor),
        currency: decisions.amount.map(Money::currency),
        account: decisions.account.clone(),
        looks: 0,
        next_look_at: None,
        difference: decisions.difference.clone(),
    };
    match &decisions.payout {
        Decision::Nothing => return None,
        Decision::Pay(_) => {
            row.status_reason = Some("to be paid out".to_owned());
            row.reason_code = Some(TO_BE_PAID.to_owned());
            row.next_look_at = Some(now);
        }
        Decision::Hold(reason) => {
            row.status_reason = Some(reason.to_string());
            row.reason_code = Some(reason.code().to_owned());
            let same = known.filter(|row| {
                row.known.status == PayoutStatus::PayoutOnHold
                    && row.known.reason_code.as_deref() == Some(reason.code())
            });
            let same = same.map(|row| (row.known.looks, row.known.next_look_at));
            (row.looks, row.next_look_at) = retry::next_look(same, now);
        }
        Decision::Abort(reason) => {
            row.status = PayoutStatus::PayoutAborted;
            row.status_reason = Some(reason.to_string());
            row.reason_code = Some(reason.code().to_owned());
        }
        Decision::Ignore(reason) => {
            row.status = PayoutStatus::PayoutIgnored;
            row.status_reason = Some(reason.to_string());
            row.reason_code = Some(reason.code().to_owned());
        }
    }
    Some(row)
}

fn count(pass: &Pass<'_>, row: &NewPayoutRow, known: Option<&KnownPayout>) {
    let same = known.is_some_and(|known| {
        known.known.status == row.status && known.known.reason_code == row.reason_code
    });
    pass.run.count(|counts| {
        match row.status {
            PayoutStatus::PayoutOnHold if row.reason_code.as_deref() == Some(TO_BE_PAID) => return,
            PayoutStatus::PayoutOnHold => counts.waiting += 1,
            // Each sweep sees them again: only what is new is told.
            PayoutStatus::PayoutAborted => counts.aborted += u64::from(!same),
            PayoutStatus::PayoutIgnored => counts.ignored += u64::from(!same),
            PayoutStatus::PayoutPending
            | PayoutStatus::PayoutCreated
            | PayoutStatus::PayoutFailed => {}
        }
        counts.news += u64::from(!same);
    });
}
