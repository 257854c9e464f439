//! One page of invoices: decided by fresh facts, and recorded in one transaction.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::Pass;
use crate::app::App;
use crate::domain::account::Seller;
use crate::domain::ids::{AccountId, InvoiceId, ShopId};
use crate::domain::payout::{
    AbortReason, Decision, Decisions, Facts, HoldReason, Invoice, Movement, PayoutStatus, decide,
};
use crate::domain::retry;
use crate::domain::transfer::{TransferStatus, TransferType};
use crate::jobs::Result;
use crate::jobs::accounts::Accounts;
use crate::mirakl::{ReadInvoice, UnreadInvoice};
use crate::store::checkpoints::{self, Checkpoint, Stream};
use crate::store::identity;
use crate::store::payouts::{self, KnownPayout, NewPayoutRow, TO_BE_PAID};
use crate::store::transfers::{self, KnownRow, NewDecision, TransferKey};
use crate::store::{StoreError, accounts};
use crate::stripe::NewTransfer;

/// What was read of some invoices.
pub(super) struct Seen {
    pub read: Vec<ReadInvoice>,
    /// Asked for by id, and not shown.
    pub gone: Vec<InvoiceId>,
}

/// An invoice with what was decided about it.
pub(super) struct Decided {
    pub id: InvoiceId,
    pub shop_id: Option<ShopId>,
    pub created_at: Option<DateTime<Utc>>,
    pub decisions: Decisions,
    /// Movements that the invoice no longer asks for, and that have not left.
    pub ended: Vec<TransferType>,
}

/// A page, decided.
pub(super) struct DecidedPage {
    pub decided: Vec<Decided>,
    pub known: HashMap<InvoiceId, KnownPayout>,
    pub transfers: HashMap<TransferKey, KnownRow>,
    /// Payouts that were made, each with what no longer agrees with its invoice.
    pub changed: Vec<(i64, InvoiceId, String)>,
    /// Elements that are no invoices and name none.
    pub unidentified: Vec<String>,
}

/// Decides a page and records it.
pub(super) async fn process(
    pass: &mut Pass<'_>,
    seen: Seen,
    checkpoint: Option<Checkpoint>,
) -> Result<()> {
    let number = u64::try_from(seen.read.len() + seen.gone.len()).unwrap_or(0);
    let app = pass.app;
    let asked = pass.options.shop.is_some();
    let start = pass.beginning.start;
    let page = decide_page(app, pass.accounts.get_mut(), start, asked, seen).await?;
    record(pass, &page, checkpoint).await?;
    for decided in page.decided {
        if matches!(decided.decisions.payout, Decision::Pay(_)) {
            pass.to_pay.insert(decided.id.clone());
        }
        pass.decided.insert(decided.id);
    }
    pass.bar.inc(number);
    Ok(())
}

/// Decides every invoice of a page that may be decided.
pub(super) async fn decide_page(
    app: &App,
    accounts: &mut Accounts,
    start: DateTime<Utc>,
    asked: bool,
    seen: Seen,
) -> Result<DecidedPage> {
    let (invoices, unread, unidentified) = sort(seen.read);
    let ids = invoices.keys().chain(&seen.gone).chain(unread.keys());
    let ids: Vec<&str> = ids.map(InvoiceId::as_str).collect();
    let shops: Vec<ShopId> = invoices.values().map(|invoice| invoice.shop_id).collect();
    let (known, transfers, sellers) = {
        let mut conn = app.db.acquire().await?;
        (
            payouts::known(&mut conn, &ids).await?,
            transfers::known(&mut conn, &TransferType::OF_INVOICES, &ids).await?,
            accounts::of_shops(&mut conn, &shops).await?,
        )
    };
    let sellers = receiving(app, accounts, &invoices, sellers).await?;
    let now = app.clock.now();
    let mut page = DecidedPage {
        decided: Vec::new(),
        known,
        transfers,
        changed: Vec::new(),
        unidentified,
    };
    for invoice in invoices.into_values() {
        page.compare(&invoice);
        let facts = Facts {
            invoice: &invoice,
            seller: sellers.get(&invoice.shop_id),
            start,
            settled: &page.settled(&invoice.id),
        };
        let decisions = decide(facts);
        page.add(
            invoice.id,
            Some(invoice.shop_id),
            Some(invoice.created_at),
            decisions,
            now,
            asked,
        );
    }
    for (id, unread) in unread {
        let hold = held(HoldReason::Unreadable(unread.cause));
        page.add(id, unread.shop_id, unread.created_at, hold, now, asked);
    }
    for id in seen.gone {
        page.add(id, None, None, held(HoldReason::Gone), now, asked);
    }
    Ok(page)
}

/// Only credits need an account that can receive: Stripe is asked again for no other.
async fn receiving(
    app: &App,
    accounts: &mut Accounts,
    invoices: &BTreeMap<InvoiceId, Invoice>,
    mut sellers: HashMap<ShopId, Seller>,
) -> Result<HashMap<ShopId, Seller>> {
    let with_credits: HashSet<ShopId> = invoices
        .values()
        .filter(|invoice| !invoice.credits.is_zero())
        .map(|invoice| invoice.shop_id)
        .collect();
    let receiving = sellers.extract_if(|shop, _| with_credits.contains(shop));
    let receiving = accounts.refresh(app, receiving.collect()).await?;
    sellers.extend(receiving);
    Ok(sellers)
}

fn held(reason: HoldReason) -> Decisions {
    Decisions {
        movements: Vec::new(),
        payout: Decision::Hold(reason),
        account: None,
        amount: None,
        difference: None,
    }
}

type Sorted = (
    BTreeMap<InvoiceId, Invoice>,
    BTreeMap<InvoiceId, UnreadInvoice>,
    Vec<String>,
);

/// Each invoice once. One that is shown twice differently, or could not be read once, is not decided.
fn sort(read: Vec<ReadInvoice>) -> Sorted {
    let mut invoices: BTreeMap<InvoiceId, Invoice> = BTreeMap::new();
    let mut unread: BTreeMap<InvoiceId, UnreadInvoice> = BTreeMap::new();
    let mut nameless = Vec::new();
    for item in read {
        match item {
            Ok(invoice) => match invoices.get(&invoice.id) {
                Some(other) if *other != invoice => {
                    let twice = UnreadInvoice {
                        id: Some(invoice.id.clone()),
                        shop_id: None,
                        created_at: Some(invoice.created_at),
                        cause: "it is shown twice, and differently".to_owned(),
                    };
                    unread.insert(invoice.id, twice);
                }
                Some(_) => {}
                None => {
                    invoices.insert(invoice.id.clone(), invoice);
                }
            },
            Err(element) => match element.id.clone() {
                Some(id) => {
                    unread.insert(id, element);
                }
                None => nameless.push(element.cause),
            },
        }
    }
    invoices.retain(|id, _| !unread.contains_key(id));
    (invoices, unread, nameless)
}

impl DecidedPage {
    /// Movements that left or were made: they are not decided again.
    fn settled(&self, invoice: &InvoiceId) -> Vec<Movement> {
        let movements = TransferType::OF_INVOICES.into_iter().filter_map(|kind| {
            let row = self.transfers.get(&(kind, invoice.to_string()))?;
            let made = match row.known.status {
                TransferStatus::TransferCreated => true,
                TransferStatus::TransferPending => row.known.sent_at.is_some(),
                TransferStatus::TransferOnHold
                | TransferStatus::TransferFailed
                | TransferStatus::TransferAborted
                | TransferStatus::TransferIgnored => false,
            };
            let amount = row.amount?;
            made.then_some(Movement { kind, amount })
        });
        movements.collect()
    }

    /// A payout that was made stays; what its invoice now says otherwise is flagged.
    fn compare(&mut self, invoice: &Invoice) {
        let Some(row) = self.known.get(&invoice.id) else {
            return;
        };
        let made = match row.known.status {
            PayoutStatus::PayoutCreated => true,
            PayoutStatus::PayoutPending => row.known.sent_at.is_some(),
            PayoutStatus::PayoutOnHold
            | PayoutStatus::PayoutFailed
            | PayoutStatus::PayoutAborted
            | PayoutStatus::PayoutIgnored => false,
        };
        let (Some(amount), Some(code), true) = (row.amount, row.currency.as_deref(), made) else {
            return;
        };
        let Ok(currency) = crate::domain::money::Currency::parse(code) else {
            return;
        };
        let paid = crate::domain::money::Money::from_minor(amount, currency);
        if paid.to_major() != invoice.transferred || code != invoice.currency {
            let difference = format!(
                "paid out were {paid}, the invoice now shows {} {}",
                invoice.transferred, invoice.currency
            );
            if row.difference.as_deref() != Some(difference.as_str()) {
                self.changed.push((row.id, invoice.id.clone(), difference));
            }
        }
    }

    /// Keeps a decision if its row may be decided.
    fn add(
        &mut self,
        id: InvoiceId,
        shop_id: Option<ShopId>,
        created_at: Option<DateTime<Utc>>,
        mut decisions: Decisions,
        now: DateTime<Utc>,
        asked: bool,
    ) {
        let known = self.known.get(&id);
        if known.is_some_and(|row| !row.known.may_decide(now, asked)) {
            decisions.payout = Decision::Nothing;
        } else if known.is_some() && decisions.payout == Decision::Nothing {
            // It waited, and now comes to nothing.
            decisions.payout = Decision::Abort(AbortReason::NothingToPay);
        }
        let whole = decisions.account.is_some();
        let ended = TransferType::OF_INVOICES.into_iter().filter(|kind| {
            let asked_for = decisions.movements.iter().any(|asked| asked.kind == *kind);
            let row = self.transfers.get(&(*kind, id.to_string()));
            whole && !asked_for && row.is_some_and(|row| row.known.may_decide(now, true))
        });
        let ended = ended.collect();
        decisions.movements.retain(|movement| {
            let row = self.transfers.get(&(movement.kind, id.to_string()));
            row.is_none_or(|row| row.known.may_decide(now, asked))
        });
        self.decided.push(Decided {
            id,
            shop_id,
            created_at,
            decisions,
            ended,
        });
    }
}

/// Writes a page's decisions and, with the last page of a sweep, the checkpoint: all or nothing.
async fn record(pass: &Pass<'_>, page: &DecidedPage, checkpoint: Option<Checkpoint>) -> Result<()> {
    let app = pass.app;
    let now = app.clock.now();
    for cause in &page.unidentified {
        tracing::error!(
            cause,
            "Mirakl sent an invoice without an id; the checkpoint stays where it is"
        );
        pass.run.count(|counts| {
            counts.failed += 1;
            counts.news += 1;
        });
    }
    let host = app.mirakl.host();
    let mut tx = app.db.begin().await?;
    let platform = identity::get(&mut tx).await?;
    let platform = platform.map(|identity| AccountId(identity.stripe_account_id));
    let (mut movements, mut rows) = (Vec::new(), Vec::new());
    for decided in &page.decided {
        for movement in &decided.decisions.movements {
            let known = page.transfers.get(&(movement.kind, decided.id.to_string()));
            let row = movement_row(decided, movement, known, platform.as_ref(), &host);
            movements.extend(row);
        }
        let ended = decided.ended.iter();
        movements.extend(ended.map(|kind| ended_row(decided, *kind)));
        if let Some(row) = payout_row(decided, page.known.get(&decided.id), now) {
            count(pass, &row, page.known.get(&decided.id));
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
        checkpoints::advance(&mut tx, Stream::Invoices, checkpoint, now).await?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok(())
}

/// A movement as a row that is to be sent.
fn movement_row(
    decided: &Decided,
    movement: &Movement,
    known: Option<&KnownRow>,
    platform: Option<&AccountId>,
    host: &str,
) -> Option<NewDecision> {
    let seller = decided.decisions.account.as_ref()?;
    let (payer, destination) = match movement.kind.is_charge() {
        true => (Some(seller.clone()), platform?),
        false => (None, seller),
    };
    let shop_id = decided.shop_id?;
    let body = NewTransfer {
        amount: movement.amount,
        destination,
        source: None,
        kind: movement.kind,
        mirakl_id: decided.id.as_str(),
        mirakl_host: host,
        shop_id,
    }
    .encode();
    Some(NewDecision {
        kind: movement.kind,
        mirakl_id: decided.id.to_string(),
        shop_id: Some(shop_id),
        commercial_order_id: None,
        status: TransferStatus::TransferPending,
        status_reason: None,
        reason_code: None,
        amount: Some(movement.amount.minor()),
        currency: Some(movement.amount.currency()),
        amount_explained: None,
        destination: Some(destination.clone()),
        payment_id: None,
        source_charge: None,
        payer,
        request_body: Some(body),
        looks: known.map_or(0, |known| known.known.looks),
        next_look_at: None,
    })
}

/// A movement that the invoice no longer asks for.
fn ended_row(decided: &Decided, kind: TransferType) -> NewDecision {
    NewDecision {
        kind,
        mirakl_id: decided.id.to_string(),
        shop_id: decided.shop_id,
        commercial_order_id: None,
        status: TransferStatus::TransferAborted,
        status_reason: Some("the invoice no longer asks for this".to_owned()),
        reason_code: Some("no_longer_asked"),
        amount: None,
        currency: None,
        amount_explained: None,
        destination: None,
        payment_id: None,
        source_charge: None,
        payer: None,
        request_body: None,
        looks: 0,
        next_look_at: None,
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
        amount: decisions.amount.map(|amount| amount.minor()),
        currency: decisions.amount.map(|amount| amount.currency()),
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
            PayoutStatus::PayoutAborted => counts.aborted += 1,
            PayoutStatus::PayoutIgnored => counts.ignored += 1,
            PayoutStatus::PayoutPending
            | PayoutStatus::PayoutCreated
            | PayoutStatus::PayoutFailed => {}
        }
        counts.news += u64::from(!same);
    });
}
