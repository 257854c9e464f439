-- What every run asks must not grow with what is done: an index for each question that had none.

-- Runs of a job that have not ended, and those that are old enough to be removed.
create index runs_open on runs (job) where outcome is null;
create index runs_ended on runs (job, started_at) where outcome is not null;

-- Payments that somebody else may have captured or cancelled.
create index captures_open on captures (payment_id)
    where status in ('CAPTURE_ON_HOLD', 'CAPTURE_PENDING', 'CAPTURE_FAILED');

-- Accounts under way, or of which something is asked: the longest unseen first.
create index accounts_open on accounts (observed_at) where not details_submitted or open_items;

-- Shops that want a link or the dashboard's address, whose last write was refused, or that changed.
create index shops_open_field on shops (shop_id) where field in ('EMPTY', 'ONBOARDING_LINK');
create index shops_refused on shops (shop_id) where write_next_at is not null;
create index shops_changed on shops (greatest(mirakl_created_at, changed_at));
create index shops_updated on shops (updated_at);
create index accounts_updated on accounts (updated_at);
-- Changes until then were told to Mirakl, or refused and noted so; null: everything is looked at once.
alter table shop_settings add column told_until timestamptz;

-- What refunds will still take back from an account is asked before each of its payouts.
create index transfers_destination on transfers (destination);
