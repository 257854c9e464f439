//! The payments of a page of orders: from the store, and only what is missing from Stripe.

use std::collections::{HashMap, HashSet};

use anyhow::anyhow;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, stream};

use super::Result;
use crate::app::App;
use crate::domain::ids::PaymentRef;
use crate::domain::order::ProductOrder;
use crate::domain::payment::{Payment, PaymentFacts, PaymentStatus, of_basket};
use crate::store::payments::{self, Observed};
use crate::stripe::{ChargesQuery, StripeError};

/// A captured payment that was seen longer ago than this is read again before money moves by it.
const FRESH: TimeDelta = TimeDelta::hours(1);
/// A payment is made between the order's beginning and its debit, give or take this.
const SLACK: TimeDelta = TimeDelta::days(1);

/// Reads payments for one run, and remembers which part of Stripe's list it has read.
#[derive(Debug)]
pub(super) struct Payments {
    /// Whether what Stripe says is stored; a dry run does not.
    store: bool,
    covered: Option<Span>,
    seen: Vec<Observed>,
}

/// A span of Stripe's creation times, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

/// What one order names its payment by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Name {
    Reference(PaymentRef),
    Basket(String),
}

impl Name {
    fn of(order: &ProductOrder) -> Self {
        let number = order.transaction_number.as_deref();
        match number.and_then(PaymentRef::parse) {
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
                .is_some_and(|c| c.as_str() == id),
        }
    }
}

impl Payments {
    pub fn new(store: bool) -> Self {
        Self {
            store,
            covered: None,
            seen: Vec::new(),
        }
    }

    /// The payment of each of these orders, in their order.
    pub async fn of(&mut self, app: &App, orders: &[&ProductOrder]) -> Result<Vec<PaymentFacts>> {
        if orders.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<Name> = orders.iter().map(|order| Name::of(order)).collect();
        let mut known = self.stored(app, &names).await?;
        let mut unknown = missing(&names, &known);
        if worth_listing(&unknown, 0) {
            let around = span_around(orders, app.clock.now());
            self.list(app, around, &mut unknown, &mut known).await?;
        }
        let mut answers = HashMap::new();
        self.read_singly(app, &unknown, &mut known, &mut answers)
            .await?;
        let facts = names.iter().zip(orders);
        Ok(facts
            .map(|(name, order)| match answers.remove(name) {
                Some(answer) => {
                    // Several orders of one basket share the answer.
                    answers.insert(name.clone(), answer.clone());
                    answer
                }
                None => fact(name, order, &known),
            })
            .collect())
    }

    async fn stored(&self, app: &App, names: &[Name]) -> Result<Vec<Payment>> {
        let (references, baskets) = split(names);
        let mut conn = app.db.acquire().await?;
        let stored = payments::find(&mut conn, &references, &baskets).await?;
        let now = app.clock.now();
        let fresh = stored.into_iter().filter(|seen| is_fresh(seen, now));
        let seen = self
            .seen
            .iter()
            .filter(|seen| names.iter().any(|n| n.fits(&seen.payment)));
        Ok(fresh
            .chain(seen.cloned())
            .map(|seen| seen.payment)
            .collect())
    }

    /// Reads Stripe's list of charges around these orders, newest first, as long as a page is
    /// cheaper than asking for the missing ones singly.
    async fn list(
        &mut self,
        app: &App,
        around: Span,
        unknown: &mut HashSet<Name>,
        known: &mut Vec<Payment>,
    ) -> Result<()> {
        let wanted = unknown.clone();
        let is_wanted = |payment: &Payment| wanted.iter().any(|name| name.fits(payment));
        let mut pages = 0;
        for gap in self.gaps(around) {
            let mut query = ChargesQuery {
                from: gap.from,
                until: gap.until,
                starting_after: None,
            };
            let mut reached = None;
            while worth_listing(unknown, pages) {
                let page = match app.stripe.charges(&query).await {
                    Ok(page) => page,
                    Err(StripeError::Stop(error)) => {
                        return Err(anyhow!(StripeError::Stop(error)).into());
                    }
                    // The list only saves calls: what it does not tell is asked singly.
                    Err(StripeError::Unknown(_) | StripeError::Refused(_)) => return Ok(()),
                };
                pages += 1;
                reached = page.data.last().map(|last| last.created_at);
                let found: Vec<Payment> = page
                    .data
                    .into_iter()
                    .filter_map(|listed| listed.payment)
                    .filter(|payment| payment.commercial_id.is_some() || is_wanted(payment))
                    .collect();
                self.keep(app, &found).await?;
                let found = found.into_iter().filter(is_wanted);
                known.extend(found);
                unknown.retain(|name| !known.iter().any(|payment| name.fits(payment)));
                query.starting_after = page.next;
                if query.starting_after.is_none() {
                    reached = Some(gap.from);
                    break;
                }
            }
            match reached {
                Some(from) if from == gap.from => self.cover(gap),
                // Charges of the last second may go on on the next page.
                Some(last) => self.cover(Span {
                    from: (last + TimeDelta::seconds(1)).min(gap.until),
                    until: gap.until,
                }),
                None => {}
            }
        }
        Ok(())
    }

    async fn read_singly(
        &mut self,
        app: &App,
        unknown: &HashSet<Name>,
        known: &mut Vec<Payment>,
        answers: &mut HashMap<Name, PaymentFacts>,
    ) -> Result<()> {
        let references = unknown.iter().filter_map(|name| match name {
            Name::Reference(reference) => Some(reference.clone()),
            Name::Basket(_) => None,
        });
        let reads = references.map(|reference| async move {
            let answer = app.stripe.payment(&reference).await;
            (reference, answer)
        });
        let reads: Vec<_> = stream::iter(reads).buffer_unordered(64).collect().await;
        let mut found = Vec::new();
        for (reference, answer) in reads {
            let fact = match answer {
                Ok(Some(payment)) => {
                    found.push(payment.clone());
                    PaymentFacts::One(payment)
                }
                Ok(None) => PaymentFacts::UnknownToStripe(reference.clone()),
                Err(StripeError::Stop(error)) => {
                    return Err(anyhow!(StripeError::Stop(error)).into());
                }
                Err(error @ (StripeError::Unknown(_) | StripeError::Refused(_))) => {
                    PaymentFacts::Unread(error.to_string())
                }
            };
            answers.insert(Name::Reference(reference), fact);
        }
        self.keep(app, &found).await?;
        known.extend(found);
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
                }));
        }
        Ok(())
    }

    /// The parts of `span` that this run has not read.
    fn gaps(&self, span: Span) -> Vec<Span> {
        let Some(covered) = self.covered else {
            return vec![span];
        };
        if span.until < covered.from || covered.until < span.from {
            return vec![span];
        }
        let second = TimeDelta::seconds(1);
        let newer = Span {
            from: covered.until + second,
            until: span.until,
        };
        let older = Span {
            from: span.from,
            until: covered.from - second,
        };
        let gaps = [newer, older].into_iter();
        gaps.filter(|gap| gap.from <= gap.until).collect()
    }

    /// Joins a span that was read with what was read before; if they do not touch, the new one
    /// replaces it.
    fn cover(&mut self, read: Span) {
        let second = TimeDelta::seconds(1);
        self.covered = Some(match self.covered {
            Some(old) if read.from <= old.until + second && old.from <= read.until + second => {
                Span {
                    from: old.from.min(read.from),
                    until: old.until.max(read.until),
                }
            }
            _ => read,
        });
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

fn missing(names: &[Name], known: &[Payment]) -> HashSet<Name> {
    let unknown = names
        .iter()
        .filter(|name| !known.iter().any(|payment| name.fits(payment)));
    unknown.cloned().collect()
}

/// A page of the list costs one call, as one single read does. Baskets can only be found by listing.
fn worth_listing(unknown: &HashSet<Name>, pages: usize) -> bool {
    let only_one = unknown.len() == 1 && unknown.iter().all(|n| matches!(n, Name::Reference(_)));
    pages < unknown.len() && !only_one
}

fn span_around(orders: &[&ProductOrder], now: DateTime<Utc>) -> Span {
    let oldest = orders.iter().map(|order| order.created_at).min();
    let newest = orders.iter().filter_map(|order| order.debited_at).max();
    Span {
        from: oldest.unwrap_or(now) - SLACK,
        until: newest.unwrap_or(now) + SLACK,
    }
}

fn fact(name: &Name, order: &ProductOrder, known: &[Payment]) -> PaymentFacts {
    let mut fitting = known.iter().filter(|payment| name.fits(payment));
    match (name, &order.transaction_number) {
        (Name::Reference(_), _) => {
            let newest = fitting.next_back().cloned();
            newest.map_or(PaymentFacts::Missing, PaymentFacts::One)
        }
        (Name::Basket(_), number) => {
            let mut payments: Vec<Payment> = Vec::new();
            for payment in fitting {
                payments.retain(|earlier| earlier.reference() != payment.reference());
                payments.push(payment.clone());
            }
            match (of_basket(payments), number) {
                (PaymentFacts::Missing, Some(number)) => PaymentFacts::NotStripe(number.clone()),
                (facts, _) => facts,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i64, until: i64) -> Span {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).expect("a date");
        Span {
            from: at(from),
            until: at(until),
        }
    }

    #[test]
    fn what_was_read_is_not_read_again() {
        let mut payments = Payments::new(true);
        assert_eq!(payments.gaps(span(10, 20)), [span(10, 20)]);
        payments.cover(span(10, 20));
        assert_eq!(payments.gaps(span(12, 18)), []);
        assert_eq!(payments.gaps(span(5, 25)), [span(21, 25), span(5, 9)]);
        assert_eq!(payments.gaps(span(15, 30)), [span(21, 30)]);
        payments.cover(span(21, 30));
        assert_eq!(payments.gaps(span(10, 30)), []);
        // A span far away is read whole, and replaces what does not touch it.
        assert_eq!(payments.gaps(span(100, 110)), [span(100, 110)]);
        payments.cover(span(100, 110));
        assert_eq!(payments.gaps(span(10, 30)), [span(10, 30)]);
    }
}
