//! What happened to refunds, by Stripe's ledger and by what Mirakl was told. All of them are in euros.

use std::collections::BTreeMap;

use simulator::{Refund, Reversal, Simulator, Transfer};

/// Metadata that names a refund of Mirakl.
pub const REFUND: &str = "miraklRefundId";
/// Metadata that names its order.
pub const ORDER: &str = "miraklOrderId";

/// What happened to one refund, by the ledger.
#[derive(Debug)]
pub struct Moved<'a> {
    /// By Stripe.
    pub made: Vec<&'a Refund>,
    /// By which refunds of Stripe, and of how many cents, Mirakl was told that it was paid, whether it
    /// took that or not.
    pub told: Vec<&'a (String, Option<i64>)>,
    /// From which kinds of transfers, and how many cents.
    pub taken: Vec<(&'a str, i64)>,
    /// Their ids.
    pub reversals: Vec<&'a str>,
}

impl Moved<'_> {
    /// What the customer has got back, in cents.
    pub fn given(&self) -> i64 {
        let kept = self.made.iter().filter(|refund| refund.status != "failed");
        kept.map(|refund| refund.amount).sum()
    }

    /// How often Mirakl was told.
    pub fn told(&self) -> usize {
        self.told.len()
    }

    /// What was taken back, in cents, part by part.
    pub fn taken(&self) -> Vec<i64> {
        self.taken.iter().map(|(_, amount)| *amount).collect()
    }
}

/// What Stripe holds and Mirakl was told, by the refund of Mirakl.
pub struct Ledger {
    refunds: BTreeMap<String, Vec<Refund>>,
    reversals: BTreeMap<String, Vec<Reversal>>,
    transfers: BTreeMap<String, Transfer>,
    /// The refund of Stripe, and the cents.
    pub told: BTreeMap<String, Vec<(String, Option<i64>)>>,
}

impl Ledger {
    /// As it is now.
    pub fn of(simulator: &Simulator) -> Self {
        let (stripe, mirakl) = (simulator.stripe(), simulator.mirakl());
        let transfers = stripe.transfers().into_iter();
        let products = mirakl.refund_confirmations().into_iter();
        let products = products.map(|told| {
            let taken = told.applied && told.status == "OK";
            (told.refund_id, taken, told.transaction_number, told.amount)
        });
        let services = mirakl.service_refund_confirmations().into_iter();
        let services = services.map(|told| {
            let taken = told.applied && told.state == "OK";
            (told.refund_id, taken, told.transaction_number, told.amount)
        });
        let mut told: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for (refund, taken, number, amount) in products.chain(services) {
            let number = number.filter(|_| taken);
            let number = number.unwrap_or_else(|| "not taken by Mirakl".to_owned());
            let of_refund = told.entry(refund).or_default();
            of_refund.push((number, amount.as_deref().and_then(cents)));
        }
        Self {
            refunds: by_refund(stripe.refunds(), |refund| &refund.metadata),
            reversals: by_refund(stripe.reversals(), |reversal| &reversal.metadata),
            transfers: transfers.map(|one| (one.id.clone(), one)).collect(),
            told,
        }
    }

    /// How many refunds of Mirakl Stripe has made.
    pub fn made(&self) -> usize {
        self.refunds.values().map(Vec::len).sum()
    }

    /// What happened to one refund.
    pub fn moved(&self, id: &str) -> Moved<'_> {
        let reversals = self.reversals.get(id).map_or(&[][..], Vec::as_slice);
        // The parts of one refund are taken back at the same time, in no certain order.
        let mut taken: Vec<(&str, i64)> = reversals
            .iter()
            .map(|one| (self.out_of(one), one.amount))
            .collect();
        taken.sort_unstable();
        let mut reversals: Vec<&str> = reversals.iter().map(|one| one.id.as_str()).collect();
        reversals.sort_unstable();
        Moved {
            made: self.refunds.get(id).into_iter().flatten().collect(),
            told: self.told.get(id).into_iter().flatten().collect(),
            taken,
            reversals,
        }
    }

    /// The kind of transfer that a reversal takes from; of the order that it names.
    fn out_of(&self, reversal: &Reversal) -> &str {
        let transfer = self.transfers.get(&reversal.transfer);
        let same = transfer
            .filter(|transfer| transfer.metadata.get("miraklId") == reversal.metadata.get(ORDER));
        let kind = same.and_then(|transfer| transfer.metadata.get("miraklType"));
        kind.map_or("another order", String::as_str)
    }

    /// The refunds that anything says it was done for.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        let named = self.refunds.keys().chain(self.reversals.keys());
        named.chain(self.told.keys()).map(String::as_str)
    }
}

/// What names a refund of Mirakl, by that refund.
fn by_refund<T>(
    all: Vec<T>,
    metadata: impl Fn(&T) -> &BTreeMap<String, String>,
) -> BTreeMap<String, Vec<T>> {
    let mut named: BTreeMap<String, Vec<T>> = BTreeMap::new();
    for one in all {
        if let Some(refund) = metadata(&one).get(REFUND).cloned() {
            named.entry(refund).or_default().push(one);
        }
    }
    named
}

/// `12.3` as 1230; none of what is no whole number of cents.
fn cents(euros: &str) -> Option<i64> {
    let (whole, fraction) = euros.split_once('.').unwrap_or((euros, ""));
    let (cents, rest) = fraction.split_at(fraction.len().min(2));
    match rest.trim_end_matches('0') {
        "" => format!("{whole}{cents:0<2}").parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn euros_are_read_to_the_cent() {
        for (euros, read) in [
            ("12.34", Some(1234)),
            ("12.3", Some(1230)),
            ("0.050", Some(5)),
            ("7", Some(700)),
            ("0.001", None),
            ("much", None),
        ] {
            assert_eq!(cents(euros), read, "{euros}");
        }
    }
}
