//! What happened to invoices, by Stripe's ledger.

use std::collections::BTreeMap;

use simulator::{Payout, Simulator, Transfer};

/// What an invoice moved between operator and seller.
#[derive(Debug)]
pub struct Movement {
    /// As it is called at Stripe.
    pub kind: String,
    /// The transfer.
    pub id: String,
    /// The account that received it, or that was charged.
    pub seller: String,
    /// In cents.
    pub amount: i64,
}

/// What Stripe holds of invoices.
pub struct Ledger {
    moved: BTreeMap<i64, Vec<Movement>>,
    payouts: BTreeMap<i64, Vec<Payout>>,
}

impl Ledger {
    /// As it is now.
    pub fn of(simulator: &Simulator) -> Self {
        let stripe = simulator.stripe();
        let mut moved: BTreeMap<i64, Vec<Movement>> = BTreeMap::new();
        let platform = stripe.platform_id();
        let charges = stripe.seller_transfers().into_iter();
        // What a seller pays to anybody but the operator is nobody's.
        let charges = charges.filter(|charge| charge.destination == platform);
        let charges =
            charges.map(|charge| (charge.metadata, charge.id, charge.account, charge.amount));
        let credits = stripe.transfers().into_iter();
        let credits =
            credits.filter(|credit| credit.destination != platform && is_movement(credit));
        let credits = credits.map(|credit| {
            let Transfer {
                metadata,
                id,
                destination,
                amount,
                ..
            } = credit;
            (metadata, id, destination, amount)
        });
        for (metadata, id, seller, amount) in charges.chain(credits) {
            let movement = Movement {
                kind: metadata.get("miraklType").cloned().unwrap_or_default(),
                id,
                seller,
                amount,
            };
            let invoice = named(&metadata, "miraklId");
            moved.entry(invoice).or_default().push(movement);
        }
        for movements in moved.values_mut() {
            movements.sort_by(|one, other| one.kind.cmp(&other.kind));
        }
        let mut payouts: BTreeMap<i64, Vec<Payout>> = BTreeMap::new();
        for payout in stripe.payouts() {
            let invoice = named(&payout.metadata, "invoiceId");
            payouts.entry(invoice).or_default().push(payout);
        }
        Self { moved, payouts }
    }

    /// What an invoice moved, in the order of the kinds' names.
    pub fn moved(&self, invoice: i64) -> &[Movement] {
        self.moved.get(&invoice).map_or(&[], Vec::as_slice)
    }

    /// Payouts that were made for an invoice, also those that came back.
    pub fn payouts(&self, invoice: i64) -> &[Payout] {
        self.payouts.get(&invoice).map_or(&[], Vec::as_slice)
    }

    /// Whether its money is the seller's at Stripe again.
    pub fn came_back(payout: &Payout) -> bool {
        ["failed", "canceled"].contains(&payout.status.as_str())
    }

    /// How many transfers and how many payouts were made for invoices.
    pub fn made(&self) -> (usize, usize) {
        let moved = self.moved.values().map(Vec::len).sum();
        (moved, self.payouts.values().map(Vec::len).sum())
    }

    /// The invoices that anything was done for; 0 for what names none.
    pub fn invoices(&self) -> impl Iterator<Item = i64> {
        self.moved.keys().chain(self.payouts.keys()).copied()
    }
}

/// Whether a transfer is what an invoice moves.
pub fn is_movement(transfer: &Transfer) -> bool {
    let kind = transfer.metadata.get("miraklType").map(String::as_str);
    matches!(
        kind,
        Some("EXTRA_CREDITS" | "EXTRA_INVOICES" | "SUBSCRIPTION")
    )
}

/// The invoice that metadata names.
fn named(metadata: &BTreeMap<String, String>, field: &str) -> i64 {
    let named = metadata.get(field).and_then(|id| id.parse().ok());
    named.unwrap_or_default()
}
