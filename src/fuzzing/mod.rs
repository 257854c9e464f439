//! What the fuzz targets of `tests/fuzz` call: one function for each, which decodes an input and asserts
//! what must be true of the result, not only that nothing panics. The first byte of an input chooses the
//! decoder (`a` the first); what follows stands for the answers of a server, or for the text of a setting.
#![allow(clippy::missing_panics_doc)] // that is what they are for
#![allow(clippy::needless_pass_by_value)] // closures are given as they are written

mod amounts;
pub(crate) mod canned;
mod check;
mod http;
mod mirakl;
mod settings;
mod stripe;

use crate::http::Answer;

type OfAnswers = fn(&[Answer]);
type OfText = fn(&str);
/// One target.
pub type Target = fn(&[u8]);

/// Every target by its name, which is that of its folder in `tests/fuzz/corpus`.
pub const TARGETS: [(&str, Target); 11] = [
    ("orders", orders),
    ("debits", debits),
    ("refunds", refunds),
    ("shops", shops),
    ("invoices", invoices),
    ("answers", answers),
    ("payments", payments),
    ("accounts", accounts),
    ("movements", movements),
    ("settings", settings),
    ("amounts", amounts),
];

/// Orders of products (OR11) and of services (SOR11).
pub fn orders(data: &[u8]) {
    of_answers(data, &[mirakl::product_orders, mirakl::service_orders]);
}

/// Debits of products (PA11, PA01) and of services (SPA11, SPA01).
pub fn debits(data: &[u8]) {
    of_answers(
        data,
        &[
            mirakl::product_debits,
            mirakl::service_debits,
            mirakl::service_answers,
        ],
    );
}

/// Refunds of products (PA12, PA02) and of services (SPA12, SPA02).
pub fn refunds(data: &[u8]) {
    of_answers(
        data,
        &[
            mirakl::product_refunds,
            mirakl::service_refunds,
            mirakl::service_refund_answers,
        ],
    );
}

/// Shops (S20) and the answers to what is written to them (S07).
pub fn shops(data: &[u8]) {
    of_answers(data, &[mirakl::shops, mirakl::shop_answers]);
}

/// Invoices (IV01).
pub fn invoices(data: &[u8]) {
    of_answers(data, &[mirakl::invoices]);
}

/// Errors of both APIs, tokens, the way to the next page, waits before the next try.
pub fn answers(data: &[u8]) {
    of_answers(
        data,
        &[
            http::mirakl_errors,
            http::token,
            http::paging,
            http::stripe_errors,
        ],
    );
}

/// Charges, payment intents, the search for them, captures.
pub fn payments(data: &[u8]) {
    of_answers(
        data,
        &[
            stripe::charges,
            stripe::payment,
            stripe::searched,
            stripe::captured,
        ],
    );
}

/// Accounts, their links and balances.
pub fn accounts(data: &[u8]) {
    of_answers(
        data,
        &[
            stripe::account,
            stripe::accounts,
            stripe::balance,
            stripe::link,
        ],
    );
}

/// Transfers, reversals, refunds, their events, payouts, and the answers to making them.
pub fn movements(data: &[u8]) {
    of_answers(
        data,
        &[
            stripe::transfers,
            stripe::reversals,
            stripe::refunds,
            stripe::events,
            stripe::payouts,
            stripe::made,
        ],
    );
}

/// Environment, config file, env file, `DATABASE_URL`, `MAILER_DSN`, dates.
pub fn settings(data: &[u8]) {
    of_text(
        data,
        &[
            settings::environment,
            settings::config_file,
            settings::env_file,
            settings::database,
            settings::mail_server,
            settings::date,
        ],
    );
}

/// Decimals to minor units, and ids to keys and requests.
pub fn amounts(data: &[u8]) {
    of_text(data, &[amounts::decimal, amounts::requests]);
}

fn of_answers(data: &[u8], decoders: &[OfAnswers]) {
    if let Some((decoder, rest)) = chosen(data, decoders) {
        let answers = canned::answers(rest);
        for answer in &answers {
            check::dates(answer.date(), "Date");
        }
        decoder(&answers);
    }
}

fn of_text(data: &[u8], decoders: &[OfText]) {
    if let Some((decoder, rest)) = chosen(data, decoders) {
        decoder(&String::from_utf8_lossy(rest));
    }
}

fn chosen<'a, T: Copy>(data: &'a [u8], decoders: &[T]) -> Option<(T, &'a [u8])> {
    let (first, rest) = data.split_first()?;
    let index = usize::from(first.wrapping_sub(b'a')) % decoders.len();
    Some((decoders[index], rest))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_input_that_is_kept_passes() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
        let mut failed = Vec::new();
        for (name, target) in TARGETS {
            let inputs: Vec<_> = fs::read_dir(corpus.join(name)).expect(name).collect();
            assert!(inputs.len() >= 5, "{name} keeps {} inputs", inputs.len());
            for input in inputs {
                let path = input.expect(name).path();
                let data = fs::read(&path).expect("an input");
                if std::panic::catch_unwind(|| target(&data)).is_err() {
                    failed.push(path);
                }
            }
        }
        assert!(failed.is_empty(), "{failed:#?}");
    }
}
