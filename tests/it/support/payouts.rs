//! Payouts: invoices at Mirakl, what Stripe's ledger holds for them, and what the store says of both.

use serde_json::Value;
use simulator::InvoiceSeed;

use super::{Finished, World};

/// What an invoice moves, in minor units, and what it pays out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    pub invoice: i64,
    pub shop: i64,
    pub credits: i64,
    pub subscription: i64,
    pub other_invoices: i64,
    pub payout: i64,
}

impl Settled {
    /// The invoice at Mirakl, in euros.
    pub fn seed(&self) -> InvoiceSeed {
        let euros = |cents: i64| format!("{}.{:02}", cents / 100, cents % 100);
        let owed = |cents: i64| match cents {
            0 => "0.00".to_owned(),
            _ => format!("-{}", euros(cents)),
        };
        InvoiceSeed::new(self.invoice, self.shop)
            .transferred(&euros(self.payout))
            .other_credits(&euros(self.credits))
            .subscription(&owed(self.subscription))
            .other_invoices(&owed(self.other_invoices))
    }
}

impl World {
    /// Shops 2000, 2001, … with an account each; every seller has 300.00 EUR, the operator 1000.00.
    pub async fn with_sellers(number: i64) -> Self {
        let world = Self::new().await;
        let stripe = world.sim.stripe();
        stripe.add_funds("acct_shop2000", "eur", 30_000);
        for shop in 2001..2000 + number {
            let account = world.shop(shop).await;
            stripe.add_funds(&account, "eur", 30_000);
        }
        stripe.add_funds(&stripe.platform_id(), "eur", 100_000);
        world
    }

    /// Runs `process-payout`.
    pub async fn payout(&self) -> Finished {
        self.run(&["process-payout"]).await
    }

    /// `list payouts`.
    pub async fn payout_rows(&self) -> Value {
        let arguments = ["list", "payouts", "--output", "json", "--limit", "100000"];
        self.run(&arguments).await.exits(0).json()
    }

    /// `list payouts` of one invoice.
    pub async fn payout_row(&self, invoice: i64) -> Value {
        let listed = self.payout_rows().await;
        let rows = listed.as_array().unwrap();
        let row = rows.iter().find(|row| row["miraklInvoiceId"] == invoice);
        row.unwrap_or_else(|| panic!("no invoice {invoice} in {rows:#?}"))
            .clone()
    }

    /// Asserts where a payout stands, and by which kind of reason.
    pub async fn payout_stands(&self, invoice: i64, status: &str, code: &str) -> Value {
        let row = self.payout_row(invoice).await;
        let code = match code {
            "" => Value::Null,
            code => Value::from(code),
        };
        assert_eq!(
            [&row["status"], &row["reasonCode"]],
            [&Value::from(status), &code],
            "{invoice}: {row:#}"
        );
        row
    }

    /// What went to a bank for an invoice, by Stripe's ledger: every payout that did not come back.
    pub fn paid_out(&self, invoice: i64) -> Vec<i64> {
        let payouts = self.sim.stripe().payouts().into_iter();
        payouts
            .filter(|payout| payout.metadata.get("invoiceId") == Some(&invoice.to_string()))
            .filter(|payout| !matches!(payout.status.as_str(), "failed" | "canceled"))
            .map(|payout| payout.amount)
            .collect()
    }

    /// What was moved for an invoice, by Stripe's ledger: amount, destination, in order.
    pub fn moved_for(&self, invoice: i64, kind: &str) -> Vec<(i64, String)> {
        let transfers = self.sim.stripe().transfers_for(&invoice.to_string());
        let of = |of: &str| of == kind;
        transfers
            .into_iter()
            .filter(|transfer| {
                transfer
                    .metadata
                    .get("miraklType")
                    .is_some_and(|kind| of(kind))
            })
            .map(|transfer| (transfer.amount, transfer.destination))
            .collect()
    }

    /// Each movement was made and each payout paid exactly once, to the cent, in the ledger; nothing
    /// else moved; and the store says the same.
    pub async fn each_settled_once(&self, invoices: &[Settled]) {
        let payouts = self.payout_rows().await;
        let arguments = ["list", "transfers", "--output", "json", "--limit", "100000"];
        let transfers = self.run(&arguments).await.exits(0).json();
        for settled in invoices {
            self.settled_once_by(&payouts, &transfers, *settled);
        }
        let stripe = self.sim.stripe();
        let number = |part: fn(&Settled) -> i64| invoices.iter().filter(|of| part(of) > 0).count();
        let charges = number(|of| of.subscription) + number(|of| of.other_invoices);
        assert_eq!(stripe.seller_transfers().len(), charges);
        assert_eq!(stripe.transfers().len(), charges + number(|of| of.credits));
        assert_eq!(stripe.payouts().len(), number(|of| of.payout));
        assert_eq!(payouts.as_array().unwrap().len(), number(|of| of.payout));
    }

    fn settled_once_by(&self, payouts: &Value, transfers: &Value, settled: Settled) {
        let invoice = settled.invoice;
        let seller = format!("acct_shop{}", settled.shop);
        let platform = self.sim.stripe().platform_id();
        for (kind, amount, destination) in [
            ("EXTRA_CREDITS", settled.credits, &seller),
            ("SUBSCRIPTION", settled.subscription, &platform),
            ("EXTRA_INVOICES", settled.other_invoices, &platform),
        ] {
            let expected: Vec<_> = (amount > 0)
                .then(|| (amount, destination.clone()))
                .into_iter()
                .collect();
            let ledger = self.moved_for(invoice, kind);
            assert_eq!(ledger, expected, "the ledger's {kind} of {invoice}");
            let kind = format!("TRANSFER_{kind}");
            let rows = transfers.as_array().unwrap().iter();
            let rows = rows.filter(|row| {
                row["type"] == kind.as_str() && row["miraklId"] == invoice.to_string().as_str()
            });
            let rows: Vec<&Value> = rows.collect();
            assert_eq!(rows.len(), expected.len(), "rows of {kind} of {invoice}");
            for row in rows {
                assert_eq!(row["status"], "TRANSFER_CREATED", "{row:#}");
                assert_eq!(row["amount"], amount, "{row:#}");
            }
        }
        assert_eq!(
            self.paid_out(invoice),
            [settled.payout],
            "the ledger's payouts of {invoice}"
        );
        let rows = payouts.as_array().unwrap().iter();
        let rows: Vec<&Value> = rows
            .filter(|row| row["miraklInvoiceId"] == invoice)
            .collect();
        let [row] = rows[..] else {
            panic!("{invoice} is not once in {payouts:#}")
        };
        assert_eq!(row["status"], "PAYOUT_CREATED", "{row:#}");
        assert_eq!(row["amount"], settled.payout, "{row:#}");
        assert_eq!(row["difference"], Value::Null, "{row:#}");
        let made = self.sim.stripe().payouts().into_iter();
        let mut made = made.filter(|made| made.id == row["stripePayoutId"]);
        let made = made
            .next()
            .unwrap_or_else(|| panic!("not at Stripe: {row:#}"));
        assert_eq!(made.account, seller);
    }
}
