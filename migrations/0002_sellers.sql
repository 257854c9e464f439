-- Sellers: what Mirakl says of each shop, how its Stripe account comes into being, what Stripe says
-- of it, and what the operator's server is told.

create type shop_field as enum (
    'EMPTY',            -- nothing in it
    'ONBOARDING_LINK',  -- a link of Stripe's, which we may renew
    'DASHBOARD',        -- the address of the dashboard: the seller has submitted the details
    'FOREIGN'           -- somebody else's value, or one that could not be read: left alone
);

create type shop_part as enum ('FIELD', 'KYC', 'BOTH');

create type account_status as enum (
    'ACCOUNT_ON_HOLD',  -- waits; looked at again at next_look_at
    'ACCOUNT_PENDING',  -- to be created, or sent without an answer
    'ACCOUNT_CREATED',  -- the shop has its account
    'ACCOUNT_FAILED',   -- refused; tried again at next_look_at
    'ACCOUNT_IGNORED'   -- terminated or excluded; decided again when the shop changes
);

create type kyc_status as enum ('PENDING_SUBMISSION', 'PENDING_APPROVAL', 'REFUSED', 'APPROVED');

create type notification_status as enum ('WAITING', 'DELIVERED', 'GIVEN_UP');

-- Mirakl's shops as last seen.
create table shops (
    shop_id           bigint primary key,
    terminated        boolean not null,
    -- The operator has excluded the shop.
    ignored           boolean not null,
    -- What the custom field for the onboarding link holds; the link itself is not kept.
    field             shop_field not null,
    -- When the link in the field was made; null for one that we did not make.
    link_made_at      timestamptz,
    -- Mirakl's KYC status; null where that feature is off. An open word.
    kyc_shown         text,
    -- What we told Mirakl last: each change is told once.
    kyc_told          kyc_status,
    mirakl_created_at timestamptz not null,
    -- `last_updated_date` as last seen, our own writes included.
    mirakl_updated_at timestamptz not null,
    -- The last change that was not our own write.
    changed_at        timestamptz not null,
    -- Why Mirakl or Stripe refused our last write, what of it, how often in a row, and when it is
    -- tried again.
    write_refused     text,
    refused_part      shop_part,
    write_refusals    integer not null default 0 check (write_refusals >= 0),
    write_next_at     timestamptz,
    -- When a shop that could not be read is read again, and how often in a row it could not.
    unread_next_at    timestamptz,
    unread_looks      integer not null default 0 check (unread_looks >= 0),
    created_at        timestamptz not null,
    updated_at        timestamptz not null,
    check ((write_refused is null) = (write_next_at is null)),
    check ((write_refused is null) = (refused_part is null)),
    check ((write_refused is null) = (write_refusals = 0))
);
create index shops_unread on shops (unread_next_at) where unread_next_at is not null;

-- By which settings the shops' fields were read: when they change, all shops are read anew.
create table shop_settings (
    only_row      boolean primary key default true check (only_row),
    link_field    text not null,
    ignored_field text not null,
    dashboard_url text not null
);

-- One row for each shop that needs an account: what was decided, sent, and what came of it.
create table onboardings (
    id                bigint generated always as identity primary key,
    shop_id           bigint not null unique,
    status            account_status not null,
    status_reason     text,
    -- The kind of reason; for a refusal the code of Stripe's error.
    reason_code       text,
    -- Accounts at Stripe that were made for the shop, where a person must choose or mend one.
    candidates        text[] not null default '{}',
    attempt           integer not null default 1 check (attempt >= 1),
    looks             integer not null default 0 check (looks >= 0),
    next_look_at      timestamptz,
    request_body      text,
    sent_at           timestamptz,
    stripe_account_id text check (stripe_account_id like 'acct\_%'),
    stripe_request_id text,
    created_at        timestamptz not null,
    updated_at        timestamptz not null,
    constraint on_hold_says_why_and_until_when
        check (status <> 'ACCOUNT_ON_HOLD'
               or (status_reason is not null and reason_code is not null and next_look_at is not null)),
    constraint pending_can_be_sent
        check (status <> 'ACCOUNT_PENDING' or request_body is not null),
    constraint created_has_its_account
        check ((status = 'ACCOUNT_CREATED') = (stripe_account_id is not null)),
    constraint ended_or_refused_says_why
        check (status not in ('ACCOUNT_FAILED', 'ACCOUNT_IGNORED')
               or (status_reason is not null and reason_code is not null)),
    constraint refused_is_tried_again
        check (status <> 'ACCOUNT_FAILED' or next_look_at is not null),
    constraint only_waiting_rows_are_looked_at
        check (next_look_at is null or status in ('ACCOUNT_ON_HOLD', 'ACCOUNT_FAILED')),
    constraint sent_is_pending_or_created
        check (sent_at is null or status in ('ACCOUNT_PENDING', 'ACCOUNT_CREATED'))
);
create index onboardings_due on onboardings (next_look_at) where next_look_at is not null;
create index onboardings_pending on onboardings (id) where status = 'ACCOUNT_PENDING';

alter table history drop constraint history_subject_check;
alter table history add constraint history_subject_check check (subject in ('transfer', 'account'));

create function record_onboarding_history() returns trigger language plpgsql as $$
begin
    insert into history (subject, subject_id, at, from_status, to_status, reason, attempt, stripe_request_id)
    values ('account', new.id, new.updated_at,
            case when tg_op = 'UPDATE' then old.status::text end,
            new.status::text, new.status_reason, new.attempt, new.stripe_request_id);
    return null;
end
$$;
create trigger onboardings_insert_history after insert on onboardings
    for each row execute function record_onboarding_history();
create trigger onboardings_update_history after update on onboardings
    for each row when (old.status is distinct from new.status
                       or old.status_reason is distinct from new.status_reason)
    execute function record_onboarding_history();

create function keep_the_attempt_of_onboardings() returns trigger language plpgsql as $$
begin
    if new.attempt < old.attempt then
        raise exception 'the attempt of onboarding % would go back from % to %', old.id, old.attempt, new.attempt;
    end if;
    return new;
end
$$;
create trigger onboardings_keep_attempt before update on onboardings
    for each row execute function keep_the_attempt_of_onboardings();

-- The exclusion is Mirakl's word and lives with the shop; the KYC status is told per shop.
alter table accounts
    drop column ignored,
    drop column kyc_status,
    -- The seller uses the Express dashboard.
    add column express     boolean not null default true,
    -- Stripe asks the seller for something, or is checking something.
    add column open_items  boolean not null default false,
    -- What the account amounts to for Mirakl; null until it has been read by this version.
    add column kyc         kyc_status,
    -- SHA-256 of everything whose change is told; null until it has been read by this version.
    add column fingerprint text check (length(fingerprint) = 64);
create index accounts_observed on accounts (observed_at);

insert into onboardings (shop_id, status, status_reason, reason_code, stripe_account_id, created_at, updated_at)
select shop_id, 'ACCOUNT_CREATED', 'linked by a person', 'linked', stripe_account_id, created_at, updated_at
from accounts;

alter table checkpoints drop constraint checkpoints_stream_check;
alter table checkpoints add constraint checkpoints_stream_check
    check (stream in ('product_orders', 'shops'));

alter table adoptions drop constraint adoptions_stream_check;
alter table adoptions add constraint adoptions_stream_check
    check (stream in ('transfers', 'accounts'));

-- How far the sweep over Stripe's whole list of accounts has come.
create table account_sweep (
    only_row   boolean primary key default true check (only_row),
    -- The last account of the last page that was read; null before the first page of a sweep.
    after      text,
    -- Pages read in this sweep, and in the one before it.
    pages      integer not null check (pages >= 0),
    last_pages integer not null check (last_pages >= 0),
    stepped_at timestamptz not null
);

-- What was ignored because its shop was excluded: found again when the exclusion has ended.
create index transfers_excluded on transfers (shop_id)
    where status = 'TRANSFER_IGNORED' and reason_code = 'shop_excluded';

-- What the operator's server is told: written with the change it tells of, sent after a job.
create table notifications (
    id              bigint generated always as identity primary key,
    -- The same on every try.
    notification_id text not null unique default gen_random_uuid()::text,
    type            text not null check (type in ('account.updated', 'transfer.failed')),
    -- Notifications of one shop are delivered in their order.
    shop_id         bigint,
    -- The JSON document, byte for byte.
    body            text not null,
    status          notification_status not null default 'WAITING',
    tries           integer not null default 0 check (tries >= 0),
    next_try_at     timestamptz,
    last_error      text,
    delivered_at    timestamptz,
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    check ((status = 'WAITING') = (next_try_at is not null)),
    check ((status = 'DELIVERED') = (delivered_at is not null)),
    check (status <> 'GIVEN_UP' or last_error is not null)
);
create index notifications_waiting on notifications (id) where status = 'WAITING';
create index notifications_waiting_of_shop on notifications (shop_id, id) where status = 'WAITING';
create index notifications_created on notifications (created_at);
