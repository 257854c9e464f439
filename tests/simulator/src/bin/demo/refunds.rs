//! The step about refunds: customers get their money back, and sellers give back their parts.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::baskets::{MIXED, SERVICE_ORDER};
use super::money::{major, shown};
use super::page::{WIDTH, command, fitted, heading, say, table};
use super::returns::{self, BY_HAND, EMPTY, HELD, LOST, Return, TAX_ACCOUNT};
use super::shops::SERVICE;
use super::story::{Story, run_as_cron};
use super::told::{self, Told};
use crate::common::agreement::{self, compare};
use crate::common::refund_ledger::Ledger;
use crate::common::refunds::{self, Due, Row};
use crate::common::{Result, agreed};
use simulator::drive::Program;

const JOB: &str = "process-refund";
/// What is switched on for this step.
const SETTINGS: [(&str, &str); 5] = [
    ("ENABLE_SERVICE_PAYMENT_SPLIT", "true"),
    ("ENABLE_PAYMENT_TAX_SPLIT", "true"),
    ("STRIPE_TAX_ACCOUNT", TAX_ACCOUNT),
    ("ENABLE_PRODUCT_PAYMENT_REFUND", "true"),
    ("ENABLE_SERVICE_PAYMENT_REFUND", "true"),
];
/// The refunds that are shown of the dry run, and what would happen with them.
const EXAMPLES: [(&str, &str); 3] = [("R1", "refund"), (LOST, "refund"), (HELD, "hold")];
/// The calls that a dry run does not make.
const WRITES: [&str; 4] = [
    "POST /v1/refunds",
    "POST /v1/transfers/{id}/reversals",
    "PUT /api/payment/refund",
    "PUT /api/mms/refunds",
];
/// As if four days had passed since the last run.
const FOUR_DAYS: &str = "update refunds set next_look_at = next_look_at - interval '4 days'";

/// One line of the dry run's plan.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Planned {
    mirakl_refund_id: String,
    action: String,
    amount: Option<i64>,
    reason: String,
}

impl Story<'_> {
    /// Each customer gets back what is due, once, and each seller gives back a part of it. Returns the
    /// program with all that was switched on.
    pub(super) async fn give_back(&mut self, mixed: Value) -> Result<Program> {
        heading(10, "Customers get their money back: refunds");
        let settings = SETTINGS.into_iter();
        let program = settings.fold(self.program.clone(), |program, (name, value)| {
            program.with(name, value)
        });
        self.pay_out(&program, mixed).await?;
        let returns = returns::ask(self.simulator)?;
        say(&format!(
            "Then {} refunds wait on Mirakl. What would happen with three of them:",
            returns.len()
        ));
        self.plan_refunds(&program).await?;
        run_as_cron(&program, JOB).await?;
        let due = |of: fn(&Return) -> &Due| {
            let due = returns.iter();
            due.map(|(id, one)| ((*id).to_owned(), of(one).clone()))
                .collect()
        };
        self.judge_refunds(&program, &due(|one| &one.first)).await?;
        say(&format!(
            "{} is refunded and confirmed, though its seller had nothing left to take back. Four days later, here by\n\
             moving the clock and the store, the seller has sold again, and a bank does not take {LOST}:",
            EMPTY.0,
        ));
        returns::four_days_later(self.simulator)?;
        self.psql.execute(self.database, FOUR_DAYS)?;
        run_as_cron(&program, JOB).await?;
        let due = due(|one| &one.last);
        let ledger = Ledger::of(self.simulator);
        let rows: Vec<Row> = program.list("refunds").await?;
        show(&returns, &ledger, &rows);
        self.judge_refunds(&program, &due).await?;
        self.judge_the_rest(&program).await?;
        say(&format!(
            "By the ledger and by the store, Stripe made {} refunds, and each step of each was done once and to the cent.\n\
             {LOST} and {BY_HAND} wait for a person: the operator's server was told of them, and that {} had to wait.",
            ledger.made(),
            EMPTY.0,
        ));
        Ok(program)
    }

    /// Five more baskets, and a product with its service: sellers are paid, taxes go an own way.
    async fn pay_out(&mut self, program: &Program, mixed: Value) -> Result<()> {
        let stripe = self.simulator.stripe();
        let accounts = stripe.accounts_for(SERVICE);
        let account = accounts.first().ok_or("the service has no account")?;
        stripe.verify(&account.id);
        returns::sell(self.simulator, &mut self.market, mixed);
        say(&format!(
            "From now on services are paid too, and taxes go to an account of their own. Stripe has verified {SERVICE} by\n\
             now; {} of step 4, a product and a service captured in one, is paid out with five more orders:",
            MIXED.0,
        ));
        run_as_cron(program, "process-transfer").await?;
        let rows: Vec<agreement::Row> = program.list("transfers").await?;
        let lines: Vec<Vec<String>> = ["A", "S"]
            .iter()
            .map(|letter| {
                let order = format!("{}-{letter}", MIXED.0);
                let transfers = stripe.transfers_for(&order).into_iter();
                let (taxes, seller): (Vec<_>, Vec<_>) =
                    transfers.partition(|one| one.destination == TAX_ACCOUNT);
                let sum = |transfers: &[simulator::Transfer]| {
                    shown(transfers.iter().map(|one| one.amount).sum(), "EUR")
                };
                let what = match order == SERVICE_ORDER {
                    true => "the service",
                    false => "the product",
                };
                let (seller, taxes) = (sum(&seller), sum(&taxes));
                let moved = format!("{seller} to the seller, {taxes} to the tax account");
                vec![order, what.to_owned(), moved]
            })
            .collect();
        table(&[], &[], &lines);
        let differences = compare(&stripe.transfers(), &rows, &self.market.due).differences;
        agreed("Stripe's ledger and the store differ", &differences)
    }

    /// The dry run, which leaves everything as it is.
    async fn plan_refunds(&self, program: &Program) -> Result<()> {
        let asked = [JOB, "--dry-run", "--output", "json"];
        command(&asked);
        let planned: Vec<Planned> = serde_json::from_str(&program.tell(&asked).await?)?;
        let examples = EXAMPLES.iter().filter_map(|(id, action)| {
            let mut planned = planned.iter();
            planned.find(|one| one.mirakl_refund_id == *id && one.action == *action)
        });
        let lines: Vec<Vec<String>> = examples
            .map(|one| {
                let amount = one.amount.map(|amount| shown(amount, "EUR"));
                vec![
                    one.mirakl_refund_id.clone(),
                    one.action.clone(),
                    amount.unwrap_or_default(),
                    fitted(&without_ids(&one.reason), WIDTH - 30),
                ]
            })
            .collect();
        table(&[], &[2], &lines);
        if lines.len() != EXAMPLES.len() {
            return Err(format!("the dry run shows {} of {EXAMPLES:?}", lines.len()).into());
        }
        let sent: usize = WRITES.iter().map(|call| self.simulator.count(call)).sum();
        if sent > 0 {
            return Err(format!("the dry run sent {sent} requests").into());
        }
        Ok(())
    }

    /// An error if the ledger, the store and what is due differ.
    async fn judge_refunds(&self, program: &Program, due: &BTreeMap<String, Due>) -> Result<()> {
        let rows: Vec<Row> = program.list("refunds").await?;
        agreed(
            "Refunds are not what is due",
            &refunds::compare(&Ledger::of(self.simulator), &rows, due),
        )
    }

    /// Nothing is cancelled or moved besides, and the operator's server knows what failed.
    async fn judge_the_rest(&self, program: &Program) -> Result<()> {
        let rows: Vec<agreement::Row> = program.list("transfers").await?;
        let transfers = self.simulator.stripe().transfers();
        let mut differences = compare(&transfers, &rows, &self.market.due).differences;
        differences.extend(told::differences(self, &rows).await?);
        let told = Told::by(self).refunds;
        let due = [LOST, BY_HAND, EMPTY.0].map(|id| (id.to_owned(), 1));
        if told != BTreeMap::from(due) {
            differences.push(format!("refused refunds were told of {told:?}"));
        }
        agreed("Something else happened beside the refunds", &differences)
    }
}

/// Each refund: the store's word on it, and what the ledger says of its three steps.
fn show(returns: &BTreeMap<&str, Return>, ledger: &Ledger, rows: &[Row]) {
    command(&["list", "refunds", "--output", "json"]);
    let lines: Vec<Vec<String>> = returns
        .iter()
        .filter_map(|(id, one)| {
            let row = rows.iter().find(|row| row.mirakl_refund_id == *id)?;
            let moved = ledger.moved(id);
            let taken: Vec<String> = moved
                .taken()
                .iter()
                .map(|part| major(*part, "EUR"))
                .collect();
            let why = without_ids(row.why());
            // The amount stands in a column of its own.
            let why = why.strip_prefix("refund ").unwrap_or(&why);
            let told = match moved.told() {
                0 => String::new(),
                times => format!("{times}×"),
            };
            Some(vec![
                (*id).to_owned(),
                one.story.to_owned(),
                row.status.clone(),
                major(moved.given(), "EUR"),
                told,
                match taken.is_empty() {
                    true => major(0, "EUR"),
                    false => taken.join(" + "),
                },
                fitted(why, WIDTH - 74),
            ])
        })
        .collect();
    let header = [
        "",
        "in EUR",
        "list refunds",
        "given back",
        "told",
        "taken back",
        "why",
    ];
    table(&header, &[3, 4, 5], &lines);
}

/// What Stripe's ids say is only where to look: a table has no room for them.
fn without_ids(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let cut = word
            .split_once('_')
            .filter(|(kind, id)| ["ch", "pi", "re", "tr"].contains(kind) && id.len() >= 20);
        cut.map_or(word.to_owned(), |(kind, _)| format!("{kind}_…"))
    });
    words.collect::<Vec<_>>().join(" ")
}
