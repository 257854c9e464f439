//! Everything that failed as a file for a spreadsheet: one row each, amounts in major units, exact.

use ::csv::{Terminator, WriterBuilder};
use chrono::{DateTime, SecondsFormat, Utc};

use super::view::{Failure, clean};

/// Mail servers refuse what is much larger once it is encoded.
const MOST_BYTES: usize = 5_000_000;
/// Spreadsheets take a file without it for one in another encoding.
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

const HEADER: [&str; 13] = [
    "what",
    "internalId",
    "miraklId",
    "order",
    "type",
    "miraklShopId",
    "amount",
    "currency",
    "failedReason",
    "reasonCode",
    "failedSince",
    "tries",
    "nextLookAt",
];

/// The file, and how many rows are in it.
pub(super) fn file<'a>(
    failures: impl Iterator<Item = &'a Failure>,
) -> Result<(Vec<u8>, usize), ::csv::Error> {
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .from_writer(UTF8_MARK.to_vec());
    writer.write_record(HEADER)?;
    let mut rows = 0;
    for failure in failures {
        let amount = failure.amount.map(|amount| amount.to_major().to_string());
        let currency = failure.amount.map(|amount| amount.currency().to_string());
        writer.write_record([
            failure.what,
            &failure.id.to_string(),
            &cell(&failure.mirakl_id),
            &cell(failure.order.as_deref().unwrap_or_default()),
            failure.kind,
            &failure
                .shop
                .map(|shop| shop.to_string())
                .unwrap_or_default(),
            &amount.unwrap_or_default(),
            &currency.unwrap_or_default(),
            &cell(&failure.reason),
            &cell(&failure.reason_code),
            &utc(failure.since),
            &failure.tries.to_string(),
            &failure.next.map(utc).unwrap_or_default(),
        ])?;
        rows += 1;
        if rows % 1000 == 0 {
            writer.flush()?;
            if writer.get_ref().len() > MOST_BYTES {
                break;
            }
        }
    }
    let bytes = writer
        .into_inner()
        .map_err(::csv::IntoInnerError::into_error)?;
    Ok((bytes, rows))
}

fn utc(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A text from outside: a spreadsheet must not take it for a formula.
fn cell(text: &str) -> String {
    let formula =
        text.trim_start().starts_with(['=', '+', '-', '@']) || text.starts_with(['\t', '\r']);
    let text = clean(text);
    if formula { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_from_outside_is_a_formula() {
        for text in [
            "=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\rx", "\u{a0}=1",
        ] {
            assert!(cell(text).starts_with('\''), "{text:?}: {:?}", cell(text));
        }
        for text in ["C1-A", "Stripe refused: no", "", "'quoted'"] {
            assert_eq!(cell(text), text);
        }
    }
}
