//! Transfers that the old connector made for invoices. It named the invoice, not which of its movements.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::domain::ids::{AccountId, InvoiceId, TransferId};
use crate::domain::money::{Currency, Money};
use crate::store::{Connection, Result, rows};

/// A transfer of the old connector for an invoice, as Stripe lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OldMovement {
    /// The transfer.
    pub transfer_id: TransferId,
    /// The invoice.
    pub mirakl_invoice_id: InvoiceId,
    /// The account that paid; none: the platform.
    pub payer: Option<AccountId>,
    /// The account that received it.
    pub destination: AccountId,
    /// Minor units.
    pub amount: i64,
    /// Of the amount.
    pub currency: Currency,
    /// When Stripe made it.
    pub stripe_created_at: DateTime<Utc>,
}

impl OldMovement {
    /// What it moved.
    pub fn money(&self) -> Money {
        Money::from_minor(self.amount, self.currency)
    }
}

/// Remembers what was listed.
pub async fn remember(conn: &mut Connection, listed: &[OldMovement]) -> Result<()> {
    if listed.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into old_movements (transfer_id, mirakl_invoice_id, payer, destination, amount,
                                    currency, stripe_created_at)
         select r.transfer_id, r.mirakl_invoice_id, r.payer, r.destination, r.amount, r.currency,
                r.stripe_created_at
         from jsonb_to_recordset($1::text::jsonb) as r(
             transfer_id text, mirakl_invoice_id text, payer text, destination text, amount bigint,
             currency text, stripe_created_at timestamptz)
         order by r.transfer_id
         on conflict (transfer_id) do nothing",
        rows(listed)?
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Those for an invoice between these two accounts (none: the platform pays) that no row holds as its
/// own transfer, oldest first.
pub async fn unclaimed(
    conn: &mut Connection,
    invoice: &InvoiceId,
    payer: Option<&AccountId>,
    destination: &AccountId,
) -> Result<Vec<OldMovement>> {
    let stored = sqlx::query!(
        r#"select transfer_id, payer, destination, amount, currency as "currency: String",
                  stripe_created_at
           from old_movements old
           where mirakl_invoice_id = $1 and payer is not distinct from $2 and destination = $3
             and not exists (select 1 from transfers t where t.transfer_id = old.transfer_id)
           order by stripe_created_at, transfer_id"#,
        invoice.as_str(),
        payer.map(AccountId::as_str),
        destination.as_str()
    )
    .fetch_all(conn)
    .await?;
    let unclaimed = stored.into_iter().filter_map(|row| {
        Some(OldMovement {
            transfer_id: TransferId(row.transfer_id),
            mirakl_invoice_id: invoice.clone(),
            payer: row.payer.map(AccountId),
            destination: AccountId(row.destination),
            amount: row.amount,
            currency: Currency::parse(&row.currency).ok()?,
            stripe_created_at: row.stripe_created_at,
        })
    });
    Ok(unclaimed.collect())
}
