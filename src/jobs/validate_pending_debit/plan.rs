//! `--dry-run`: gathers and decides like a run, and writes nothing.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::baskets::Baskets;
use super::confirm::decide;
use super::{baskets, gather, payments, policy};
use crate::app::App;
use crate::domain::basket::{CaptureDecision, ConfirmDecision, capture, confirm};
use crate::domain::ids::CommercialOrderId;
use crate::domain::money::{Currency, Money};
use crate::domain::payment::PaymentStatus;
use crate::domain::service::{DebitState, ServiceState};
use crate::jobs::Result;
use crate::mirakl::MOST_IDS;

/// What a run would do about one debit or one payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedDebit {
    /// The basket.
    pub commercial_order_id: CommercialOrderId,
    /// The order, for what is told to Mirakl.
    pub mirakl_id: Option<String>,
    /// `confirm`, `refuse`, `capture`, `cancel` or `hold`.
    pub action: &'static str,
    /// Minor units.
    pub amount: Option<i64>,
    /// Of the amount.
    pub currency: Option<Currency>,
    /// The payment.
    pub transaction_id: Option<String>,
    /// The arithmetic, or the reason.
    pub reason: String,
}

/// Everything a run would do now.
pub(super) async fn plan(app: &App, now: DateTime<Utc>) -> Result<Vec<PlannedDebit>> {
    let listed = payments::list(app, now, false).await?;
    let asked = gather::asked(app, now).await?;
    let mut planned = Vec::new();
    let mut chunks = gather::chunks(app, &asked).await?;
    let known: Vec<CommercialOrderId> = chunks.iter().flatten().cloned().collect();
    let mut news: Vec<CommercialOrderId> = listed
        .iter()
        .filter(|payment| payment.status == PaymentStatus::ToCapture)
        .filter_map(|payment| payment.commercial_id.clone())
        .filter(|basket| !known.contains(basket))
        .collect();
    news.sort();
    news.dedup();
    chunks.extend(news.chunks(MOST_IDS).map(<[_]>::to_vec));
    for ids in chunks {
        let mut baskets = baskets::read(app, &ids, &asked, Some(&listed), now).await?;
        confirmations(app, &baskets, &asked, now, &mut planned);
        captures(app, &mut baskets, &asked, now, &mut planned);
    }
    Ok(planned)
}

fn confirmations(
    app: &App,
    baskets: &Baskets,
    asked: &gather::Asked,
    now: DateTime<Utc>,
    planned: &mut Vec<PlannedDebit>,
) {
    let mut told = |id: &CommercialOrderId, name: String, amount, currency: &str, decision| {
        let currency = Currency::parse(currency).ok();
        let amount = currency.and_then(|currency| Money::from_major(amount, currency).ok());
        let (action, transaction_id, reason) = match decision {
            ConfirmDecision::Confirm { transaction, .. } => (
                "confirm",
                Some(transaction),
                "covered by the payment".to_owned(),
            ),
            ConfirmDecision::Refuse => (
                "refuse",
                None,
                "every payment of the basket has ended".to_owned(),
            ),
            ConfirmDecision::Hold(reason) => ("hold", None, reason.to_string()),
        };
        planned.push(PlannedDebit {
            commercial_order_id: id.clone(),
            mirakl_id: Some(name),
            action,
            amount: amount.map(Money::minor),
            currency: amount.map(Money::currency),
            transaction_id,
            reason,
        });
    };
    for debit in &asked.debits {
        if let Some(basket) = baskets.get(&debit.commercial_id) {
            let decision = decide(basket, debit, policy(app), now);
            let id = &debit.commercial_id;
            told(id, debit.name(), debit.amount, &debit.currency, decision);
        }
    }
    if !app.settings.payments.confirm_services {
        return;
    }
    for (id, basket) in baskets {
        for order in &basket.services {
            let accepted = matches!(order.state, ServiceState::Accepted(_));
            let debits = basket.debits_of(&order.id);
            for debit in debits.filter(|d| accepted && d.state == DebitState::Waiting) {
                let decision = confirm(basket, policy(app), now);
                let name = debit.order_id.to_string();
                told(id, name, debit.amount, &debit.currency, decision);
            }
        }
    }
}

/// What would be captured after the confirmations of the same run.
fn captures(
    app: &App,
    baskets: &mut Baskets,
    asked: &gather::Asked,
    now: DateTime<Utc>,
    planned: &mut Vec<PlannedDebit>,
) {
    let policy = policy(app);
    for debit in &asked.debits {
        let Some(basket) = baskets.get_mut(&debit.commercial_id) else {
            continue;
        };
        if matches!(
            confirm(basket, policy, now),
            ConfirmDecision::Confirm { .. }
        ) {
            let mut orders = basket.orders.iter_mut();
            let order = orders.find(|o| o.id == debit.order_id && !o.pays_on_shipment);
            if let Some(order) = order {
                order.debited_at = order.debited_at.or(Some(now));
            }
        }
    }
    for (id, basket) in baskets.iter() {
        for known in &basket.payments {
            let payment = &known.payment;
            if payment.status != PaymentStatus::ToCapture || payment.pending {
                continue;
            }
            let (action, amount, reason) = match capture(basket, payment, policy) {
                CaptureDecision::Capture { amount, explained } => {
                    ("capture", Some(amount), explained)
                }
                CaptureDecision::Cancel { explained } => ("cancel", None, explained),
                CaptureDecision::Hold(reason) => ("hold", None, reason.to_string()),
            };
            planned.push(PlannedDebit {
                commercial_order_id: id.clone(),
                mirakl_id: None,
                action,
                amount: amount.map(Money::minor),
                currency: amount.map(Money::currency),
                transaction_id: payment.reference().map(|r| r.to_string()),
                reason,
            });
        }
    }
}
