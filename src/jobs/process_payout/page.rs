//! One page of invoices, decided by fresh facts.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::{Pass, record};
use crate::app::App;
use crate::domain::account::Seller;
use crate::domain::ids::{InvoiceId, ShopId};
use crate::domain::payout::{
    AbortReason, Decision, Decisions, Facts, HoldReason, IgnoreReason, Invoice, Movement, decide,
};
use crate::domain::transfer::{Known, TransferStatus, TransferType};
use crate::jobs::Result;
use crate::jobs::accounts::Accounts;
use crate::mirakl::{ReadInvoice, UnreadInvoice};
use crate::store::accounts;
use crate::store::checkpoints::Checkpoint;
use crate::store::payouts::{self, ABANDONED, KnownPayout};
use crate::store::transfers::{self, KnownRow, NAMED, NO_LONGER_ASKED, TransferKey};

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
    /// What becomes of its movements, as far as they may be decided.
    pub movements: Vec<(TransferType, Fate)>,
}

/// What becomes of a movement.
pub(super) enum Fate {
    /// It is sent.
    Send(Movement),
    /// It waits, as its invoice does.
    Wait(HoldReason),
    /// It is not ours to move, as its invoice is not.
    Leave(IgnoreReason),
    /// The invoice no longer asks for it, and it has not left.
    End,
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
    let page = decide_page(app, &mut pass.accounts, start, asked, seen).await?;
    record::page(pass, &page, checkpoint).await?;
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
        let facts = Facts {
            invoice: &invoice,
            seller: sellers.get(&invoice.shop_id),
            start,
            settled: &page.settled(&invoice.id),
            accepted: page.accepted(&invoice.id),
            came_back: page.known.get(&invoice.id).is_some_and(|row| row.came_back),
        };
        let decisions = decide(facts);
        page.compare(&invoice, &decisions);
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
                // Whoever named a transfer knows its amount.
                TransferStatus::TransferCreated => row.known.reason_code.as_deref() != Some(NAMED),
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

    fn accepted(&self, invoice: &InvoiceId) -> Option<&str> {
        self.known.get(invoice)?.accepted.as_deref()
    }

    /// A payout that was made stays; what its invoice now says otherwise is flagged.
    fn compare(&mut self, invoice: &Invoice, decisions: &Decisions) {
        let Some(row) = self.known.get(&invoice.id) else {
            return;
        };
        let (Some(paid), true) = (row.amount, row.known.has_left()) else {
            return;
        };
        let currency = paid.currency();
        let is_same = paid.to_major() == invoice.transferred && currency.code() == invoice.currency;
        let mut differences = Vec::new();
        if !is_same {
            differences.push(format!(
                "paid out were {paid}, the invoice now shows {} {}",
                invoice.transferred, invoice.currency
            ));
        }
        for movement in &decisions.movements {
            let key = (movement.kind, invoice.id.to_string());
            if !self.transfers.contains_key(&key) {
                let kind = movement.kind.notified_type();
                let amount = movement.amount;
                differences.push(format!(
                    "the invoice asks for {kind} of {amount}, which was not moved before its payout"
                ));
            }
        }
        let difference = differences.join("; ");
        if !difference.is_empty() && row.difference.as_deref() != Some(difference.as_str()) {
            self.changed.push((row.id, invoice.id.clone(), difference));
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
        // Whoever ended an invoice, or paid it, ended what was not begun for it.
        let is_over = known.is_some_and(|row| {
            row.known.has_left() || row.known.reason_code.as_deref() == Some(ABANDONED)
        });
        let movements = TransferType::OF_INVOICES.into_iter().filter_map(|kind| {
            let row = self.transfers.get(&(kind, id.to_string()));
            let fate = fate(kind, &decisions, row.is_some())?;
            let may = match row {
                None => !is_over,
                Some(row) => fate.may_befall(&row.known, now, asked),
            };
            may.then_some((kind, fate))
        });
        let movements = movements.collect();
        if known.is_some_and(|row| !row.known.may_decide(now, asked)) {
            decisions.payout = Decision::Nothing;
        } else if known.is_some() && decisions.payout == Decision::Nothing {
            // It waited, and now comes to nothing.
            decisions.payout = Decision::Abort(AbortReason::NothingToPay);
        }
        self.decided.push(Decided {
            id,
            shop_id,
            created_at,
            decisions,
            movements,
        });
    }
}

impl Fate {
    /// Whether this may become of a row that stands so.
    fn may_befall(&self, row: &Known, now: DateTime<Utc>, asked: bool) -> bool {
        match self {
            Self::Send(_) => {
                // The invoice asks for it again.
                row.reason_code.as_deref() == Some(NO_LONGER_ASKED) || row.may_decide(now, asked)
            }
            // What has not left does not leave, whatever its delay.
            Self::Wait(_) | Self::Leave(_) | Self::End => {
                row.may_decide(now, true)
                    || (row.status == TransferStatus::TransferPending && row.sent_at.is_none())
            }
        }
    }
}

/// What becomes of a movement whose invoice was decided so; none where there is nothing to do.
fn fate(kind: TransferType, decisions: &Decisions, is_known: bool) -> Option<Fate> {
    let asked_for = decisions.movements.iter().find(|asked| asked.kind == kind);
    match (asked_for, &decisions.payout, &decisions.account) {
        (Some(movement), _, _) => Some(Fate::Send(movement.clone())),
        (None, _, _) if !is_known => None,
        (None, Decision::Hold(reason), None) => Some(Fate::Wait(reason.clone())),
        (None, Decision::Ignore(reason), None) => Some(Fate::Leave(reason.clone())),
        (
            None,
            Decision::Pay(_)
            | Decision::Hold(_)
            | Decision::Abort(_)
            | Decision::Ignore(_)
            | Decision::Nothing,
            _,
        ) => Some(Fate::End),
    }
}
