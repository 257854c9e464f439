//! Carries out writes to shops (S07), and finds out what became of each of them.

use std::collections::HashMap;

use anyhow::anyhow;
use secrecy::{ExposeSecret as _, SecretString};

use super::gather;
use crate::app::App;
use crate::domain::ids::ShopId;
use crate::domain::shop::Shop;
use crate::jobs::Result;
use crate::mirakl::{MiraklError, ShopUpdate, Updated};
use crate::store::shops::{Part, RefusedWrite};

/// What became of the writes to some shops.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// The shops as they are now, and what was written.
    pub done: Vec<(Shop, Part)>,
    /// What Mirakl or Stripe refused.
    pub refused: Vec<RefusedWrite>,
    /// Not carried out, as far as reading again can tell: left to the next run.
    pub open: Vec<ShopId>,
    /// Why.
    pub cause: Option<String>,
}

pub(super) const WRITING: &str = "the shops could not be written to at Mirakl";

/// Sends writes to at most 100 shops. When Mirakl refuses a call as a whole, its halves are sent, so
/// that one shop does not harm the others; when it refuses a shop's link and status together, each is
/// sent by itself; a call whose answer is lost is settled by reading.
pub(super) async fn updates(app: &App, updates: &[ShopUpdate]) -> Result<Ends> {
    let mut ends = Ends::default();
    send_all(app, updates.to_vec(), &mut ends).await?;
    let together: Vec<ShopId> = ends
        .refused
        .iter()
        .filter(|refused| refused.part == Part::Both)
        .map(|refused| refused.shop_id)
        .collect();
    if together.is_empty() {
        return Ok(ends);
    }
    ends.refused.retain(|refused| refused.part != Part::Both);
    let apart = updates
        .iter()
        .filter(|update| together.contains(&update.id));
    let (fields, statuses) = apart
        .map(|update| {
            let field = ShopUpdate {
                kyc: None,
                ..update.clone()
            };
            let status = ShopUpdate {
                field: None,
                ..update.clone()
            };
            (field, status)
        })
        .unzip();
    send_all(app, fields, &mut ends).await?;
    send_all(app, statuses, &mut ends).await?;
    Ok(ends)
}

async fn send_all(app: &App, updates: Vec<ShopUpdate>, ends: &mut Ends) -> Result<()> {
    let mut calls = vec![updates];
    while let Some(updates) = calls.pop() {
        if updates.is_empty() {
            continue;
        }
        if ends.cause.is_some() {
            ends.open.extend(updates.iter().map(|update| update.id));
            continue;
        }
        match app.mirakl.update_shops(&updates).await {
            Ok(answered) => answered_each(app, &updates, answered, ends).await?,
            Err(error @ MiraklError::Unauthorized(_)) => {
                return Err(anyhow!(error).context(WRITING).into());
            }
            // Something in the call is not to Mirakl's taste.
            Err(MiraklError::Status {
                status: 400 | 413 | 422,
                message,
                ..
            }) => match updates.as_slice() {
                [only] => ends.refused.push(refused(only, &message)),
                several => {
                    let (first, second) = several.split_at(several.len() / 2);
                    calls.push(second.to_vec());
                    calls.push(first.to_vec());
                }
            },
            // It has too much to do, or does not know the call: no shop's fault.
            Err(
                error @ MiraklError::Status {
                    status: 400..=499, ..
                },
            ) => {
                ends.cause = Some(error.to_string());
                ends.open.extend(updates.iter().map(|update| update.id));
            }
            Err(
                error @ (MiraklError::Failed(_)
                | MiraklError::Status { .. }
                | MiraklError::Malformed { .. }),
            ) => {
                let all: Vec<&ShopUpdate> = updates.iter().collect();
                read_again(app, &all, &error.to_string(), ends).await;
            }
        }
    }
    Ok(())
}

async fn answered_each(
    app: &App,
    updates: &[ShopUpdate],
    mut answered: HashMap<ShopId, Updated>,
    ends: &mut Ends,
) -> Result<()> {
    let mut silent = Vec::new();
    for update in updates {
        match answered.remove(&update.id) {
            Some(Updated::Done(shop)) => ends.done.push((*shop, part(update))),
            Some(Updated::Refused(why)) => ends.refused.push(refused(update, &why)),
            None => silent.push(update),
        }
    }
    let cause = "the answer does not name the shop";
    read_again(app, &silent, cause, ends).await;
    Ok(())
}

fn refused(update: &ShopUpdate, why: &str) -> RefusedWrite {
    RefusedWrite {
        shop_id: update.id,
        part: part(update),
        why: format!("Mirakl refused: {why}"),
    }
}

fn part(update: &ShopUpdate) -> Part {
    match (&update.field, &update.kyc) {
        (Some(_), Some(_)) => Part::Both,
        (None, Some(_)) => Part::Kyc,
        (_, None) => Part::Field,
    }
}

/// Settles writes whose answer did not come by what the shops hold now. When that cannot be read
/// either, the next run finds out.
async fn read_again(app: &App, updates: &[&ShopUpdate], cause: &str, ends: &mut Ends) {
    if updates.is_empty() {
        return;
    }
    let ids: Vec<ShopId> = updates.iter().map(|update| update.id).collect();
    let mut shops: HashMap<ShopId, Shop> = match gather::read_ids(&app.mirakl, &ids).await {
        Ok(seen) => {
            let read = seen.read.into_iter().filter_map(std::result::Result::ok);
            read.map(|shop| (shop.id, shop)).collect()
        }
        Err(_) => HashMap::new(),
    };
    for update in updates {
        match shops.remove(&update.id) {
            Some(shop) if holds(&shop, update) => ends.done.push((shop, part(update))),
            _ => {
                ends.open.push(update.id);
                ends.cause = Some(cause.to_owned());
            }
        }
    }
}

/// Whether a shop holds what was to be written.
fn holds(shop: &Shop, update: &ShopUpdate) -> bool {
    let text = |value: &SecretString| value.expose_secret().to_owned();
    let field = update
        .field
        .as_ref()
        .is_none_or(|value| shop.field.as_ref().map(text) == Some(text(value)));
    let kyc = update
        .kyc
        .as_ref()
        .is_none_or(|(kyc, _)| shop.kyc.as_deref() == Some(kyc.as_str()));
    field && kyc
}
