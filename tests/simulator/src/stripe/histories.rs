//! Lists of what happened to payments and transfers: refunds, reversals, payouts and events.

use super::State;
use super::auth::Caller;
use super::backend::ok;
use super::book::Book;
use super::errors::Refusal;
use super::events::{Kinds, StoredEvent};
use super::form::Form;
use super::payout_book::{STATUSES, StoredPayout};
use super::reads::allow;
use super::refund_book::StoredRefund;
use super::reversals::StoredReversal;
use super::shelf::{Range, Span};
use super::views::List;
use crate::api::Answer;

impl State {
    /// Answers a GET of a refund, a reversal, a payout, an event or a list of them.
    pub(super) fn get_history(
        &self,
        book: &Book,
        form: &Form,
        caller: &Caller,
        path: &[&str],
    ) -> Result<Answer, Refusal> {
        let now = self.shared.clock.now().timestamp();
        let acting = caller.account.as_deref();
        let missing = |object, id| self.not_found(object, id, caller);
        match *path {
            ["refunds"] => list_refunds(book, form, acting),
            ["refunds", id] => {
                form.allow(&["expand"])?;
                let refund = book.refunds.get(id).filter(|_| acting.is_none());
                Ok(ok(&refund.ok_or_else(|| missing("refund", id))?.show()))
            }
            ["payouts"] => list_payouts(book, form, acting),
            ["payouts", id] => {
                form.allow(&["expand"])?;
                let payout = book.payout_of(id, acting);
                Ok(ok(&payout
                    .ok_or_else(|| missing("payout", id))?
                    .show(book.live)))
            }
            ["events"] => list_events(book, form, acting, now),
            ["events", id] => {
                form.allow(&["expand"])?;
                let event = book.events.get(id);
                let event = event.filter(|event| event.is_visible(acting, now));
                let event = event.ok_or_else(|| missing("event", id))?;
                Ok(ok(&event.show(book.live)))
            }
            ["transfers", id, "reversals", ref rest @ ..] => {
                let stored = book.transfers.get(id);
                let stored = stored.filter(|stored| stored.owner.as_deref() == acting);
                let stored = stored.ok_or_else(|| missing("transfer", id))?;
                let Some(reversal) = rest.first() else {
                    form.allow(&["limit", "starting_after", "ending_before", "expand"])?;
                    let range = Range::read(form)?;
                    let reversals = &stored.reversals;
                    let (page, more) = reversals.page(&range, "transfer_reversal", |_| true)?;
                    let data = page.into_iter().map(StoredReversal::show).collect();
                    let url = format!("/v1/transfers/{id}/reversals");
                    return Ok(ok(&List::new(data, more, &url)));
                };
                form.allow(&["expand"])?;
                let found = stored.reversals.get(reversal);
                let found = found.ok_or_else(|| missing("transfer_reversal", reversal))?;
                Ok(ok(&found.show()))
            }
            _ => Err(Refusal::new("Unrecognized request URL.").status(404)),
        }
    }
}

fn list_refunds(book: &Book, form: &Form, acting: Option<&str>) -> Result<Answer, Refusal> {
    allow(form, &["charge", "payment_intent"])?;
    let range = Range::read(form)?;
    let charge = form.text("charge")?;
    let intent = form.text("payment_intent")?;
    let (page, more) = book.refunds.page(&range, "refund", |refund| {
        acting.is_none()
            && charge.is_none_or(|charge| charge == refund.charge)
            && (intent.is_none() || intent == refund.intent.as_deref())
    })?;
    let data = page.into_iter().map(StoredRefund::show).collect();
    Ok(ok(&List::new(data, more, "/v1/refunds")))
}

fn list_payouts(book: &Book, form: &Form, acting: Option<&str>) -> Result<Answer, Refusal> {
    allow(form, &["arrival_date", "destination", "status"])?;
    let range = Range::read(form)?;
    let arrival = Span::read(form, "arrival_date")?;
    let status = form.one_of("status", &STATUSES)?;
    let destination = form.text("destination")?;
    let account = acting.unwrap_or(&book.platform.id);
    let (page, more) = book.payouts.page(&range, "payout", |payout| {
        payout.account == account
            && arrival.holds(payout.arrival())
            && status.is_none_or(|status| status == payout.status)
            && destination.is_none_or(|to| to == payout.terms.destination)
    })?;
    let show = |payout: &StoredPayout| payout.show(book.live);
    let data = page.into_iter().map(show).collect();
    Ok(ok(&List::new(data, more, "/v1/payouts")))
}

fn list_events(
    book: &Book,
    form: &Form,
    acting: Option<&str>,
    now: i64,
) -> Result<Answer, Refusal> {
    allow(form, &["delivery_success", "type", "types"])?;
    let range = Range::read(form)?;
    let kinds = Kinds::read(form)?;
    // Nobody is sent events, so that none failed to arrive.
    let none = form.boolean("delivery_success")? == Some(false);
    let (page, more) = book.events.page(&range, "event", |event| {
        !none && event.is_visible(acting, now) && kinds.hold(event.kind)
    })?;
    let show = |event: &StoredEvent| event.show(book.live);
    let data = page.into_iter().map(show).collect();
    Ok(ok(&List::new(data, more, "/v1/events")))
}
