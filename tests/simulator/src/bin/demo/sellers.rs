//! What sellers have: the table of the demo, and its judgement.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::page::table;
use super::shops::{self, EXCLUDED, OWN_TEXT, SERVICE, TERMINATED};
use super::story::Story;
use super::told::Told;
use crate::common::Result;
use crate::common::sellers::{Row, compare, made_for};

/// One row of `list accounts`, as far as it is shown here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    mirakl_shop_id: i64,
    stripe_account_id: Option<String>,
    status: String,
    status_reason: Option<String>,
    transfers_active: bool,
}

impl Listed {
    /// Whether the store knows its account.
    pub fn has_account(&self) -> bool {
        self.stripe_account_id.is_some()
    }

    /// Whether its account can receive.
    fn transfers(&self) -> &'static str {
        match (self.transfers_active, self.has_account()) {
            (true, _) => "active",
            (false, true) => "not yet",
            (false, false) => "",
        }
    }

    /// How the shop came to its account, or why it has none.
    fn came(&self) -> String {
        let reason = self.status_reason.as_deref();
        match self.status.as_str() {
            "ACCOUNT_CREATED" => reason.unwrap_or("made by mirakl-stripe").to_owned(),
            _ => format!("none: {}", reason.unwrap_or(&self.status)),
        }
    }
}

/// The store's word on every shop.
pub async fn listed(story: &Story<'_>) -> Result<Vec<Listed>> {
    story.program.list("accounts").await
}

/// What is known of the shops, those alike in one line.
pub async fn show(story: &Story<'_>) -> Result<()> {
    let mirakl = story.simulator.mirakl();
    let told = Told::by(story);
    let mut alike: Vec<(Vec<String>, Vec<i64>)> = Vec::new();
    let mut listed = listed(story).await?;
    listed.sort_by_key(|row| row.mirakl_shop_id);
    for row in listed {
        let shop = row.mirakl_shop_id;
        let times = told.updated.get(&shop).copied().unwrap_or_default();
        let line = vec![
            row.came(),
            row.transfers().to_owned(),
            shops::field(mirakl, shop).to_owned(),
            shops::kyc(mirakl, shop),
            if times == 0 {
                String::new()
            } else {
                format!("{times}×")
            },
        ];
        match alike.iter_mut().find(|(known, _)| *known == line) {
            Some((_, shops)) => shops.push(shop),
            None => alike.push((line, vec![shop])),
        }
    }
    let rows = alike.into_iter().map(|(mut line, shops)| {
        line.insert(0, spans(&shops));
        line
    });
    let header = [
        "shops",
        "account",
        "transfers",
        "field",
        "KYC on Mirakl",
        "told",
    ];
    table(&header, &[], &rows.collect::<Vec<_>>());
    Ok(())
}

/// Numbers in order, neighbours drawn together: `2000–2006, 2008`.
fn spans(numbers: &[i64]) -> String {
    let mut spans: Vec<(i64, i64)> = Vec::new();
    for number in numbers {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => spans.push((*number, *number)),
        }
    }
    let spans = spans.into_iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}–{last}"),
    });
    spans.collect::<Vec<_>>().join(", ")
}

/// Whether each shop has its one account, by Stripe's ledger and by the store.
pub async fn accounts(story: &Story<'_>) -> Result<Vec<String>> {
    let rows: Vec<Row> = story.program.list("accounts").await?;
    Ok(compare(&at_stripe(story), &rows, &shops::with_account()))
}

/// The shops and their accounts; the one that was made elsewhere names its shop since it was linked.
fn at_stripe(story: &Story<'_>) -> Vec<(i64, String)> {
    made_for(&story.simulator.stripe().accounts())
}

/// Transfers that went to another account than that of the order's shop.
pub fn astray(story: &Story<'_>) -> Vec<String> {
    let at_stripe: BTreeMap<String, String> = at_stripe(story)
        .into_iter()
        .map(|(shop, account)| (shop.to_string(), account))
        .collect();
    let transfers = story.simulator.stripe().transfers().into_iter();
    let astray = transfers.filter(|transfer| {
        let shop = transfer.metadata.get("miraklShopId");
        shop.and_then(|shop| at_stripe.get(shop)) != Some(&transfer.destination)
    });
    astray
        .map(|transfer| format!("{} went to {}", transfer.id, transfer.destination))
        .collect()
}

/// Shops whose pages on Mirakl show something else than their accounts amount to.
pub fn on_mirakl(story: &Story<'_>) -> Vec<String> {
    let mirakl = story.simulator.mirakl();
    let shows = |shop: i64| (shops::field(mirakl, shop), shops::kyc(mirakl, shop));
    let wrong = shops::all().filter(|shop| {
        let wanted = match *shop {
            OWN_TEXT => ("own text", "PENDING_SUBMISSION"),
            SERVICE => ("dashboard", "PENDING_APPROVAL"),
            EXCLUDED | TERMINATED => ("", "PENDING_SUBMISSION"),
            _ => ("dashboard", "APPROVED"),
        };
        let (field, kyc) = shows(*shop);
        (field, kyc.as_str()) != wanted
    });
    wrong
        .map(|shop| format!("shop {shop} shows {:?}", shows(shop)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_drawn_together() {
        for (numbers, shown) in [
            (&[2000][..], "2000"),
            (&[2000, 2001, 2002, 2004], "2000–2002, 2004"),
            (&[2000, 2002], "2000, 2002"),
        ] {
            assert_eq!(spans(numbers), shown);
        }
    }
}
