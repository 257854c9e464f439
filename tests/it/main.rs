//! The program as its users meet it: the built binary against a real Postgres and the simulator,
//! whose ledger decides what happened.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used)] // a test may stop where it stands

mod support;

mod account_changes;
mod adopting;
mod bad_input;
mod crashes;
mod debits;
mod first_order;
mod lost_answers;
mod mail_contents;
mod mail_endpoint;
mod mail_noted;
mod mail_server;
mod mails;
mod many_rows;
mod notification_documents;
mod notifications;
mod onboarding;
mod one_account;
mod operator;
mod overlap;
mod paging;
mod payments;
mod payout_adoption;
mod payout_answers;
mod payout_banks;
mod payout_comebacks;
mod payout_crashes;
mod payout_doubts;
mod payout_fuzz;
mod payout_kinds;
mod payout_people;
mod payout_queries;
mod payout_reserves;
mod payout_schema;
mod payout_waits;
mod payouts;
mod refund_amounts;
mod refund_crashes;
mod refund_kinds;
mod refund_people;
mod refunds;
mod resolving;
mod schema;
mod secrets;
mod service_lists;
mod services;
mod settings;
mod shop_fields;
mod shop_writes;
mod tax_crashes;
mod tax_split;
mod tax_switch;
mod waiting;
