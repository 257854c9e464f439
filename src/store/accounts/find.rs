//! Finding accounts: by shop, and those that are to be read again.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::domain::account::{Account, Seller};
use crate::domain::ids::{AccountId, ShopId};
use crate::store::{Connection, Result};

/// What is known of these shops; a shop that is neither excluded nor has an account is left out.
pub async fn of_shops(conn: &mut Connection, shops: &[ShopId]) -> Result<HashMap<ShopId, Seller>> {
    let ids: Vec<i64> = shops.iter().map(|shop| shop.0).collect();
    let rows = sqlx::query!(
        r#"select shop_id as "shop_id!", coalesce(s.ignored, false) as "ignored!",
                  a.stripe_account_id as "stripe_account_id?", a.transfers_active as "transfers_active?"
           from unnest($1::bigint[]) as asked(shop_id)
                left join shops s using (shop_id) left join accounts a using (shop_id)
           where s.ignored or a.shop_id is not null"#,
        &ids
    )
    .fetch_all(conn)
    .await?;
    let sellers = rows.into_iter().map(|row| {
        let shop_id = ShopId(row.shop_id);
        let account = row.stripe_account_id.map(|id| Account {
            shop_id,
            id: AccountId(id),
            transfers_active: row.transfers_active.unwrap_or(false),
        });
        let seller = Seller {
            excluded: row.ignored,
            account,
        };
        (shop_id, seller)
    });
    Ok(sellers.collect())
}

/// Accounts to be read singly: onboarding under way, or something asked of a seller who has
/// submitted the details; not seen since `seen_before`, the longest unseen first.
pub async fn open(
    conn: &mut Connection,
    under_way_since: DateTime<Utc>,
    seen_before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<AccountId>> {
    let open = sqlx::query_scalar!(
        r#"select stripe_account_id from accounts a left join shops s using (shop_id)
           where a.observed_at < $2 and not coalesce(s.terminated, false)
             and ((a.details_submitted and a.open_items)
                  or (not a.details_submitted
                      and greatest(s.mirakl_created_at, s.changed_at, a.created_at) >= $1))
           group by stripe_account_id order by min(a.observed_at), stripe_account_id limit $3"#,
        under_way_since,
        seen_before,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(open.into_iter().map(AccountId).collect())
}

/// Accounts that no list has shown since `seen_before`, the longest unseen first.
pub async fn unseen(
    conn: &mut Connection,
    seen_before: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<AccountId>> {
    let unseen = sqlx::query_scalar!(
        "select stripe_account_id
         from (select stripe_account_id, observed_at from accounts where observed_at < $1
               order by observed_at, stripe_account_id limit $2) as oldest
         group by stripe_account_id order by min(observed_at), stripe_account_id",
        seen_before,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(unseen.into_iter().map(AccountId).collect())
}

/// The accounts of these shops.
pub async fn ids_of(conn: &mut Connection, shops: &[ShopId]) -> Result<Vec<AccountId>> {
    let ids: Vec<i64> = shops.iter().map(|shop| shop.0).collect();
    let accounts = sqlx::query_scalar!(
        "select distinct stripe_account_id from accounts where shop_id = any($1)",
        &ids
    )
    .fetch_all(conn)
    .await?;
    Ok(accounts.into_iter().map(AccountId).collect())
}

/// To which shop each of these accounts is mapped, where it is.
pub async fn shops_of(
    conn: &mut Connection,
    accounts: &[&AccountId],
) -> Result<HashMap<AccountId, ShopId>> {
    if accounts.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<&str> = accounts.iter().map(|id| id.as_str()).collect();
    let rows = sqlx::query!(
        r#"select stripe_account_id, min(shop_id) as "shop_id!"
           from accounts where stripe_account_id = any($1::text[]) group by stripe_account_id"#,
        &ids as &[&str]
    )
    .fetch_all(conn)
    .await?;
    let shops = rows
        .into_iter()
        .map(|row| (AccountId(row.stripe_account_id), ShopId(row.shop_id)));
    Ok(shops.collect())
}

/// How many accounts are mapped.
pub async fn count(conn: &mut Connection) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(distinct stripe_account_id) as "count!" from accounts"#
    )
    .fetch_one(conn)
    .await?;
    Ok(count)
}
