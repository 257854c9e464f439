//! Failures: what `notify-failed-operation` is to mail, and whether it did.

use super::market::Judged;
use super::track::Track;
use crate::common::Result;

/// Half of them transfers, a quarter each refunds and payouts; refused an hour ago.
const FILL: &str = "
create temporary table failed as
select n, 2000 + n % 100 as shop, 1000 + n % 5000 as amount, now() - interval '1 hour' as at,
       now() + interval '1 day' as later
from generate_series(1, {number}) n;
insert into transfers (type, mirakl_id, shop_id, status, status_reason, reason_code, amount, currency,
                       destination, attempt, looks, next_look_at, created_at, updated_at)
select 'PRODUCT_ORDER', 'F' || n || '-A', shop, 'TRANSFER_FAILED', 'Your destination account cannot receive transfers',
       'insufficient_capabilities_for_transfer', amount, 'EUR', 'acct_shop' || shop, 2, 1, later, at, at
from failed where n % 4 < 2;
insert into refunds (type, mirakl_id, order_id, shop_id, step, status, status_reason, reason_code, amount,
                     currency, attempt, looks, next_look_at, created_at, updated_at)
select 'PRODUCT_REFUND', 'F' || n, 'F' || n || '-A', shop, 'REFUND', 'REFUND_FAILED', 'The charge is disputed',
       'charge_disputed', amount, 'EUR', 2, 1, later, at, at
from failed where n % 4 = 2;
insert into payouts (mirakl_invoice_id, shop_id, invoice_created_at, status, status_reason, reason_code, amount,
                     currency, account, attempt, looks, next_look_at, created_at, updated_at)
select n::text, shop, at, 'PAYOUT_FAILED', 'The bank account is closed', 'account_closed', amount, 'EUR',
       'acct_shop' || shop, 2, 1, later, at, at
from failed where n % 4 = 3;
analyze;
";

/// Rows of this many failures.
pub fn fill(track: &Track<'_>, number: i64) -> Result<()> {
    let sql = FILL.replace("{number}", &number.to_string());
    match number {
        0 => Ok(()),
        _ => track.database.execute(&sql),
    }
}

/// Whether one mail tells of all of them; with nothing to tell, none.
pub fn judge(track: &Track<'_>, number: i64) -> Judged {
    let mails = track.mailbox.taken();
    let told = |noun: &str, part: i64| {
        let words = format!("{} {noun} failed", number / part);
        mails.iter().all(|mail| mail.raw.contains(&words))
    };
    let one = mails.len() == 1 && told("transfers", 2) && told("refunds", 4) && told("payouts", 4);
    let good = match number {
        0 => mails.is_empty(),
        _ => one,
    };
    let wrong = format!("{} mails, not one of {number} failures", mails.len());
    Judged {
        made: if mails.is_empty() {
            0
        } else {
            usize::try_from(number).unwrap_or(0)
        },
        differences: if good { Vec::new() } else { vec![wrong] },
    }
}
