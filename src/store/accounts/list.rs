//! `list accounts`.

use chrono::{DateTime, Utc};

use crate::domain::ids::ShopId;
use crate::domain::onboarding::AccountStatus;
use crate::store::history::{self, Change, Subject};
use crate::store::{Connection, Result};

/// One row of `list accounts`: a shop that has an account, or whose account waits or was refused.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_excessive_bools)] // each is one of Stripe's own flags
pub struct ListedAccount {
    /// The Mirakl shop.
    pub mirakl_shop_id: i64,
    /// Its account; null as long as it has none.
    pub stripe_account_id: Option<String>,
    /// Where the account stands.
    pub status: AccountStatus,
    /// Why it stands there, or why Mirakl refused what was to be written to the shop.
    pub status_reason: Option<String>,
    /// Can take payments.
    pub charges_enabled: bool,
    /// Can be paid out.
    pub payouts_enabled: bool,
    /// The seller has finished the form.
    pub details_submitted: bool,
    /// Can receive transfers.
    pub transfers_active: bool,
    /// Excluded by the operator.
    pub ignored: bool,
    /// As Mirakl shows it; null where that feature is off.
    pub kyc_status: Option<String>,
    /// Why Stripe has disabled something.
    pub disabled_reason: Option<String>,
    /// The number of the try; it rises with each refusal.
    pub attempt: i32,
    /// When the shop is looked at again, in UTC.
    pub next_look_at: Option<DateTime<Utc>>,
    /// When the link in the shop's field was made, in UTC.
    pub link_made_at: Option<DateTime<Utc>>,
    /// When Stripe was last asked, in UTC.
    pub observed_at: Option<DateTime<Utc>>,
    /// When the shop was first seen or mapped, in UTC.
    pub created_at: DateTime<Utc>,
    /// When it last changed, in UTC.
    pub updated_at: DateTime<Utc>,
    /// Every change, oldest first; only when one id was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Change>,
}

/// The newest accounts, of one shop or account if named; with an id, each with its history.
pub async fn list(
    conn: &mut Connection,
    status: Option<AccountStatus>,
    shop: Option<ShopId>,
    id: Option<&str>,
    limit: i64,
) -> Result<Vec<ListedAccount>> {
    let stored = sqlx::query!(
        r#"select o.id, o.shop_id, a.stripe_account_id as "stripe_account_id?", o.status,
                  coalesce(s.write_refused, o.status_reason) as status_reason,
                  coalesce(a.charges_enabled, false) as "charges_enabled!",
                  coalesce(a.payouts_enabled, false) as "payouts_enabled!",
                  coalesce(a.details_submitted, false) as "details_submitted!",
                  coalesce(a.transfers_active, false) as "transfers_active!",
                  coalesce(s.ignored, false) as "ignored!", s.kyc_shown as "kyc_shown?",
                  a.disabled_reason as "disabled_reason?", o.attempt,
                  coalesce(o.next_look_at, s.write_next_at) as next_look_at,
                  s.link_made_at as "link_made_at?", a.observed_at as "observed_at?", o.created_at,
                  greatest(o.updated_at, a.updated_at) as "updated_at!"
           from onboardings o
                left join accounts a using (shop_id) left join shops s using (shop_id)
           where ($1::account_status is null or o.status = $1)
             and ($2::bigint is null or o.shop_id = $2)
             and ($3::text is null or a.stripe_account_id = $3 or o.shop_id::text = $3
                  or $3 = any(o.candidates))
           order by o.id desc
           limit $4"#,
        status as Option<AccountStatus>,
        shop.map(|shop| shop.0),
        id,
        limit
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut listed = Vec::with_capacity(stored.len());
    for row in stored {
        let history = match id {
            Some(_) => history::of(conn, Subject::Account, row.id).await?,
            None => Vec::new(),
        };
        listed.push(ListedAccount {
            mirakl_shop_id: row.shop_id,
            stripe_account_id: row.stripe_account_id,
            status: row.status,
            status_reason: row.status_reason,
            charges_enabled: row.charges_enabled,
            payouts_enabled: row.payouts_enabled,
            details_submitted: row.details_submitted,
            transfers_active: row.transfers_active,
            ignored: row.ignored,
            kyc_status: row.kyc_shown,
            disabled_reason: row.disabled_reason,
            attempt: row.attempt,
            next_look_at: row.next_look_at,
            link_made_at: row.link_made_at,
            observed_at: row.observed_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            history,
        });
    }
    Ok(listed)
}
