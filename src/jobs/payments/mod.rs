//! The payments of a page of orders: from the store, and only what is missing from Stripe.

mod span;

use std::collections::{HashMap, HashSet};

use anyhow::anyhow;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, stream};

use self::span::{Coverage, Span};
use super::Result;
use crate::app::App;
use crate::domain::ids::{CommercialOrderId, PaymentRef};
use crate::domain::payment::{Payment, PaymentFacts, PaymentStatus, of_basket};
use crate::domain::transfer::Payable;
use crate::store::payments::{self, Observed};
use crate::stripe::{ChargesQuery, StripeError};

/// A captured payment that was seen longer ago than this is read again before money moves by it.
const FRESH: TimeDelta = TimeDelta::hours(1);
/// A payment is made between the order's beginning and its debit, give or take this.
const SLACK: TimeDelta = TimeDelta::days(1);
/// A basket without a transaction number can only be found by listing: so many pages a look.
const PAGES_FOR_BASKETS: usize = 20;

/// Reads payments for one run, and remembers which part of Stripe's list it has read.
#[derive(Debug)]
pub(super) struct Payments {
    /// Whether what Stripe says is stored; a dry run does not.
    store: bool,
    coverage: Coverage,
    seen: Vec<Observed>,
}

/// What an order says of its payment.
#[derive(Debug, Clone, Copy)]
pub(super) struct PaymentOf<'a> {
    pub transaction_number: Option<&'a str>,
    pub commercial_id: &'a CommercialOrderId,
    pub created_at: DateTime<Utc>,
    pub debited_at: Option<DateTime<Utc>>,
}

impl<'a> From<&'a Payable> for PaymentOf<'a> {
    fn from(order: &'a Payable) -> Self {
        Self {
            transaction_number: order.transaction_number.as_deref(),
            commercial_id: &order.commercial_id,
            created_at: order.created_at,
            debited_at: order.debited_at,
        }
    }
}

/// What one order names its payment by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Name {
    Reference(PaymentRef),
    Basket(String),
}

impl Name {
    fn of(order: &PaymentOf<'_>) -> Self {
        match order.transaction_number.and_then(PaymentRef::parse) {
            Some(reference) => Self::Reference(reference),
            None => Self::Basket(order.commercial_id.to_string()),
        }
    }

    fn fits(&self, payment: &Payment) -> bool {
        match self {
            Self::Reference(PaymentRef::Intent(id)) => payment.intent.as_ref() == Some(id),
            Self::Reference(PaymentRef::Charge(id)) => payment.charge.as_ref() == Some(id),
            Self::Basket(id) => payment
                .commercial_id
                .as_ref()
                .is_some_and(|basket| basket.as_str() == id),
        }
    }
}

/// What is known of the payments that one page of orders names.
struct Lookup {
    names: Vec<Name>,
    /// What Stripe said lately; of one payment the last one counts.
    known: Vec<Payment>,
    /// What Stripe must be asked for.
    unknown: HashSet<Name>,
    /// Stored payments of wanted baskets that must be read again.
    stale: Vec<(Name, Payment)>,
    /// Single answers that hold no payment.
    answers: HashMap<Name, PaymentFacts>,
    /// Why Stripe's list could not be read.
    list_error: Option<String>,
}

impl Payments {
    pub fn new(store: bool) -> Self {
        Self {
            store,
            coverage: Coverage::default(),
            seen: Vec::new(),
        }
    }

    /// The payment of each of these orders, in their order.
    pub async fn of(&mut self, app: &App, orders: &[PaymentOf<'_>]) -> Result<Vec<PaymentFacts>> {
        if orders.is_empty() {
            return Ok(Vec::new());
        }
        let names = orders.iter().map(Name::of).collect();
        let mut lookup = self.look_up(app, names).await?;
        if lookup.is_worth_listing(0) {
            let around = span_around(orders, app.clock.now());
            self.list(app, around, &mut lookup).await?;
        }
        self.read_singly(app, &mut lookup).await?;
        let facts = lookup.names.iter().zip(orders);
        Ok(facts
            .map(|(name, order)| lookup.fact(name, order))
            .collect())
    }

    /// What the store, or a dry run's memory, holds of these payments.
    async fn look_up(&self, app: &App, names: Vec<Name>) -> Result<Lookup> {
        let stored = {
            let (references, baskets) = split(&names);
            let mut conn = app.db.acquire().await?;
            payments::find(&mut conn, &references, &baskets).await?
        };
        let now = app.clock.now();
        let (fresh, old): (Vec<Observed>, Vec<Observed>) =
            stored.into_iter().partition(|seen| is_fresh(seen, now));
        let remembered = self.seen.iter().cloned();
        let known: Vec<Payment> = fresh
            .into_iter()
            .chain(remembered)
            .map(|seen| seen.payment)
            .filter(|payment| names.iter().any(|name| name.fits(payment)))
            .collect();
        let is_known = |payment: &Payment| {
            let reference = payment.reference();
            known.iter().any(|known| known.reference() == reference)
        };
        let old = old.into_iter().map(|seen| seen.payment);
        let old: Vec<Payment> = old.filter(|payment| !is_known(payment)).collect();

        let mut unknown = HashSet::new();
        let mut stale = Vec::new();
        for name in &names {
            let of_basket = old
                .iter()
                .filter(|payment| matches!(name, Name::Basket(_)) && name.fits(payment));
            for payment in of_basket {
                unknown.extend(payment.reference().map(Name::Reference));
                stale.push((name.clone(), payment.clone()));
            }
            let heard_of = known.iter().any(|payment| name.fits(payment))
                || stale.iter().any(|(basket, _)| basket == name);
            if !heard_of {
                unknown.insert(name.clone());
            }
        }
        Ok(Lookup {
            names,
            known,
            unknown,
            stale,
            answers: HashMap::new(),
            list_error: None,
        })
    }

    /// Reads Stripe's list of charges in this span, newest first, as long as a page is cheaper than
    /// asking for the missing ones singly.
    async fn list(&mut self, app: &App, around: Span, lookup: &mut Lookup) -> Result<()> {
        let mut pages = 0;
        for gap in self.coverage.gaps(around) {
            let mut query = ChargesQuery {
                from: gap.from,
                until: gap.until,
                starting_after: None,
            };
            let mut read = None;
            while lookup.is_worth_listing(pages) {
                let page = match app.stripe.charges(&query).await {
                    Ok(page) => page,
                    Err(error @ StripeError::Stop(_)) => return Err(anyhow!(error).into()),
                    // The list saves calls: what it does not tell is asked for singly.
                    Err(error @ (StripeError::Unknown(_) | StripeError::Refused(_))) => {
                        lookup.list_error = Some(error.to_string());
                        return Ok(());
                    }
                };
                pages += 1;
                read = Some(page.data.last().map(|last| last.created_at));
                let payments = page.data.into_iter().filter_map(|listed| listed.payment);
                let ours = payments.filter(|p| p.commercial_id.is_some() || lookup.wants(p));
                let ours: Vec<Payment> = ours.collect();
                self.keep(app, &ours).await?;
                lookup.learn(ours);
                query.starting_after = page.next;
                if query.starting_after.is_none() {
                    read = Some(None);
                    break;
                }
            }
            if let Some(reached) = read {
                self.coverage.add(gap, reached);
            }
        }
        Ok(())
    }

    async fn read_singly(&mut self, app: &App, lookup: &mut Lookup) -> Result<()> {
        let references = lookup.unknown.iter().filter_map(|name| match name {
            Name::Reference(reference) => Some(reference.clone()),
            Name::Basket(_) => None,
        });
        let reads = references.map(|reference| async move {
            let answer = app.stripe.payment(&reference).await;
            (reference, answer)
        });
        // The client's own limit decides how many of them leave at once.
        let reads: Vec<_> = stream::iter(reads).buffer_unordered(64).collect().await;
        let mut found = Vec::new();
        for (reference, answer) in reads {
            let fact = match answer {
                Ok(Some(payment)) => {
                    found.push(payment);
                    continue;
                }
                Ok(None) => PaymentFacts::UnknownToStripe(reference.clone()),
                Err(error @ StripeError::Stop(_)) => return Err(anyhow!(error).into()),
                Err(error @ (StripeError::Unknown(_) | StripeError::Refused(_))) => {
                    PaymentFacts::Unread(error.to_string())
                }
            };
            lookup.answers.insert(Name::Reference(reference), fact);
        }
        self.keep(app, &found).await?;
        lookup.learn(found);
        Ok(())
    }

    async fn keep(&mut self, app: &App, found: &[Payment]) -> Result<()> {
        let now = app.clock.now();
        if self.store {
            let mut conn = app.db.acquire().await?;
            payments::observe(&mut conn, found, now).await?;
        } else {
            self.seen
                .extend(found.iter().cloned().map(|payment| Observed {
                    payment,
                    observed_at: now,
                    status_since: now,
                }));
        }
        Ok(())
    }
}

impl Lookup {
    fn wants(&self, payment: &Payment) -> bool {
        let mut names = self.names.iter().chain(&self.unknown);
        names.any(|name| name.fits(payment))
    }

    fn learn(&mut self, found: Vec<Payment>) {
        for payment in found {
            if self.wants(&payment) {
                self.unknown.retain(|name| !name.fits(&payment));
                self.known.push(payment);
            }
        }
    }

    /// A page of the list costs one call, as one single read does; a basket cannot be read singly.
    fn is_worth_listing(&self, pages: usize) -> bool {
        let baskets = self
            .unknown
            .iter()
            .any(|name| matches!(name, Name::Basket(_)));
        if baskets {
            return pages < self.unknown.len().max(PAGES_FOR_BASKETS);
        }
        self.unknown.len() > 1 && pages < self.unknown.len()
    }

    fn fact(&self, name: &Name, order: &PaymentOf<'_>) -> PaymentFacts {
        let mut fitting = self.known.iter().filter(|payment| name.fits(payment));
        match name {
            Name::Reference(_) => match self.answers.get(name) {
                Some(answer) => answer.clone(),
                None => fitting
                    .next_back()
                    .cloned()
                    .map_or(PaymentFacts::Missing, PaymentFacts::One),
            },
            Name::Basket(_) => {
                if let Some(unread) = self.unread_of(name) {
                    return unread;
                }
                let mut payments: Vec<Payment> = Vec::new();
                for payment in fitting {
                    payments.retain(|earlier| earlier.reference() != payment.reference());
                    payments.push(payment.clone());
                }
                match (
                    of_basket(payments),
                    &self.list_error,
                    order.transaction_number,
                ) {
                    (PaymentFacts::Missing, Some(error), _) => PaymentFacts::Unread(error.clone()),
                    (PaymentFacts::Missing, None, Some(number)) => {
                        PaymentFacts::NotStripe(number.to_owned())
                    }
                    (facts, _, _) => facts,
                }
            }
        }
    }

    /// A stored payment of the basket that Stripe could not be asked about: it may have changed.
    fn unread_of(&self, basket: &Name) -> Option<PaymentFacts> {
        let stale = self.stale.iter().filter(|(of, _)| of == basket);
        let mut answers = stale.filter_map(|(_, payment)| {
            let name = Name::Reference(payment.reference()?);
            self.answers.get(&name)
        });
        answers
            .find(|answer| matches!(answer, PaymentFacts::Unread(_)))
            .cloned()
    }
}

fn split(names: &[Name]) -> (Vec<&str>, Vec<&str>) {
    let (mut references, mut baskets) = (Vec::new(), Vec::new());
    for name in names {
        match name {
            Name::Reference(reference) => references.push(reference.as_str()),
            Name::Basket(basket) => baskets.push(basket.as_str()),
        }
    }
    (references, baskets)
}

/// What is not captured may have changed since it was seen; what is captured changes rarely.
fn is_fresh(seen: &Observed, now: DateTime<Utc>) -> bool {
    seen.payment.status == PaymentStatus::Captured
        && seen.payment.settlement.is_some()
        && now - seen.observed_at < FRESH
}

fn span_around(orders: &[PaymentOf<'_>], now: DateTime<Utc>) -> Span {
    let oldest = orders.iter().map(|order| order.created_at).min();
    let newest = orders.iter().filter_map(|order| order.debited_at).max();
    Span {
        from: oldest.unwrap_or(now) - SLACK,
        until: newest.unwrap_or(now) + SLACK,
    }
}
