-- The state of mirakl-stripe: who is paid where, what was decided, what was sent, what came of it.
--
-- Rules that hold for every table:
--   * amounts are bigint minor units of `currency`, an upper-case ISO 4217 code;
--   * times are timestamptz, written by the program's clock;
--   * a row that could not be true must not be storable: enums, CHECKs and natural keys say so;
--   * rows about money and their history are never deleted.

create type transfer_type as enum ('PRODUCT_ORDER');

create type transfer_status as enum (
    'TRANSFER_ON_HOLD',  -- waits; looked at again at next_look_at
    'TRANSFER_PENDING',  -- to be sent, or sent without an answer
    'TRANSFER_CREATED',  -- done: Stripe has made it
    'TRANSFER_FAILED',   -- refused; tried again at next_look_at, or waits for a person if that is null
    'TRANSFER_ABORTED',  -- ended by our own decision
    'TRANSFER_IGNORED'   -- not ours to pay; decided again when the order is seen again
);

create type payment_status as enum ('TO_CAPTURE', 'CAPTURED', 'CANCELED', 'FAILED');

create type run_outcome as enum ('OK', 'PARTIAL', 'FAILED', 'CRASHED');

create domain currency_code as text check (value ~ '^[A-Z]{3}$');

-- Whom this database serves. One row, written by the first run: a database never serves another
-- marketplace, another Stripe platform, or the other mode.
create table identity (
    only_row          boolean primary key default true check (only_row),
    mirakl_host       text not null check (mirakl_host <> ''),
    stripe_account_id text not null check (stripe_account_id like 'acct\_%'),
    livemode          boolean not null,
    -- SHA-256 of the last key that was checked, so that Stripe is asked again only for a new key.
    key_fingerprint   text not null check (length(key_fingerprint) = 64),
    created_at        timestamptz not null,
    updated_at        timestamptz not null
);

-- The Stripe account of each shop. Several shops share one only if an operator linked them so.
create table accounts (
    shop_id           bigint primary key,
    stripe_account_id text not null check (stripe_account_id like 'acct\_%'),
    charges_enabled   boolean not null,
    payouts_enabled   boolean not null,
    details_submitted boolean not null,
    transfers_active  boolean not null,
    disabled_reason   text,
    kyc_status        text,
    -- The operator has excluded the shop.
    ignored           boolean not null default false,
    -- When Stripe was last asked.
    observed_at       timestamptz not null,
    created_at        timestamptz not null,
    updated_at        timestamptz not null
);
create index accounts_stripe_account_id on accounts (stripe_account_id);

-- Customers' payments as last seen at Stripe: a payment intent with its latest charge, or a bare
-- charge.
create table payments (
    id                  bigint generated always as identity primary key,
    payment_intent_id   text unique check (payment_intent_id like 'pi\_%'),
    charge_id           text unique check (charge_id like 'ch\_%' or charge_id like 'py\_%'),
    -- The name of a payment: its intent, else its charge.
    payment_id          text not null unique
                        generated always as (coalesce(payment_intent_id, charge_id)) stored,
    commercial_order_id text,
    amount              bigint not null check (amount >= 0),
    captured            bigint not null check (captured >= 0),
    refunded            bigint not null check (refunded >= 0),
    currency            currency_code not null,
    -- The currency of the balance transaction, known once captured.
    settlement_currency currency_code,
    status              payment_status not null,
    -- The customer or the bank has yet to act.
    pending             boolean not null,
    destination_charge  boolean not null,
    stripe_created_at   timestamptz not null,
    -- When Stripe said this: an older observation never replaces a newer one.
    observed_at         timestamptz not null,
    created_at          timestamptz not null,
    updated_at          timestamptz not null,
    check (status <> 'CAPTURED' or charge_id is not null)
);
create index payments_commercial_order_id on payments (commercial_order_id);

-- What the operator transfers to sellers: one row for each thing to pay.
create table transfers (
    id                  bigint generated always as identity primary key,
    type                transfer_type not null,
    mirakl_id           text not null check (mirakl_id <> ''),
    shop_id             bigint,
    commercial_order_id text,
    status              transfer_status not null,
    status_reason       text,
    -- The kind of reason; for a refusal the code of Stripe's error.
    reason_code         text,
    amount              bigint check (amount > 0),
    currency            currency_code,
    -- The arithmetic behind the amount.
    amount_explained    text,
    destination         text check (destination like 'acct\_%'),
    payment_id          text,
    source_charge       text check (source_charge like 'ch\_%' or source_charge like 'py\_%'),
    -- Part of the idempotency key; rises only after a definite refusal.
    attempt             integer not null default 1 check (attempt >= 1),
    -- Looks in a row that found the same reason, or refusals in a row: they set the next delay.
    looks               integer not null default 0 check (looks >= 0),
    next_look_at        timestamptz,
    -- The request as it is sent, byte for byte, and when it first left.
    request_body        text,
    sent_at             timestamptz,
    transfer_id         text unique check (transfer_id like 'tr\_%'),
    stripe_request_id   text,
    stripe_created_at   timestamptz,
    -- What no longer agrees with Mirakl or Stripe; a person decides.
    difference          text,
    created_at          timestamptz not null,
    updated_at          timestamptz not null,

    unique (type, mirakl_id),
    constraint amount_has_currency
        check ((amount is null) = (currency is null)),
    constraint on_hold_says_why_and_until_when
        check (status <> 'TRANSFER_ON_HOLD'
               or (status_reason is not null and reason_code is not null and next_look_at is not null)),
    constraint pending_can_be_sent
        check (status <> 'TRANSFER_PENDING'
               or (amount is not null and destination is not null and request_body is not null
                   and source_charge is not null)),
    constraint created_has_its_transfer
        check (status <> 'TRANSFER_CREATED'
               or (transfer_id is not null and amount is not null and destination is not null
                   and stripe_created_at is not null)),
    constraint only_created_has_a_transfer
        check (transfer_id is null or status = 'TRANSFER_CREATED'),
    constraint ended_or_refused_says_why
        check (status not in ('TRANSFER_FAILED', 'TRANSFER_ABORTED', 'TRANSFER_IGNORED')
               or (status_reason is not null and reason_code is not null)),
    constraint only_waiting_rows_are_looked_at
        check (next_look_at is null or status in ('TRANSFER_ON_HOLD', 'TRANSFER_FAILED')),
    -- A row that was sent is settled or in doubt; it is never decided again.
    constraint sent_is_pending_or_created
        check (sent_at is null or status in ('TRANSFER_PENDING', 'TRANSFER_CREATED'))
);
-- The scans that run every few minutes: what is due, and what is to be sent.
create index transfers_due on transfers (next_look_at) where next_look_at is not null;
create index transfers_pending on transfers (id) where status = 'TRANSFER_PENDING';
-- Shops whose account changed, baskets whose payment changed, and `list`.
create index transfers_shop_id on transfers (shop_id);
create index transfers_commercial_order_id on transfers (commercial_order_id);
create index transfers_updated on transfers (updated_at desc, id desc);
create index transfers_status on transfers (status, id desc);

-- Every change of a status or of its reason, written by a trigger so that none can be forgotten.
create table history (
    id                bigint generated always as identity primary key,
    subject           text not null check (subject in ('transfer')),
    subject_id        bigint not null,
    at                timestamptz not null,
    from_status       text,
    to_status         text not null,
    reason            text,
    attempt           integer not null,
    stripe_request_id text
);
create index history_subject on history (subject, subject_id, id);

create function record_transfer_history() returns trigger language plpgsql as $$
begin
    insert into history (subject, subject_id, at, from_status, to_status, reason, attempt, stripe_request_id)
    values ('transfer', new.id, new.updated_at,
            case when tg_op = 'UPDATE' then old.status::text end,
            new.status::text, new.status_reason, new.attempt, new.stripe_request_id);
    return null;
end
$$;

create trigger transfers_insert_history after insert on transfers
    for each row execute function record_transfer_history();
create trigger transfers_update_history after update on transfers
    for each row when (old.status is distinct from new.status
                       or old.status_reason is distinct from new.status_reason)
    execute function record_transfer_history();

-- What Stripe made stays known: a transfer's id and the attempt never go back.
create function keep_what_stripe_made() returns trigger language plpgsql as $$
begin
    if old.transfer_id is not null and new.transfer_id is distinct from old.transfer_id then
        raise exception 'transfer % already has %, which is never erased', old.id, old.transfer_id;
    end if;
    if new.attempt < old.attempt then
        raise exception 'the attempt of transfer % would go back from % to %', old.id, old.attempt, new.attempt;
    end if;
    return new;
end
$$;
create trigger transfers_keep_ids before update on transfers
    for each row execute function keep_what_stripe_made();

-- How far each stream of Mirakl has been read.
create table checkpoints (
    stream     text primary key check (stream in ('product_orders')),
    -- The next pass starts a margin before this.
    reached    timestamptz not null,
    -- Where the first run began: what was debited earlier is not ours.
    begun_at   timestamptz not null,
    updated_at timestamptz not null
);

-- Which span of Stripe's own list the store is known to hold. Kept apart from the rows themselves,
-- so that a run killed while taking over half of a list starts over.
create table adoptions (
    stream        text primary key check (stream in ('transfers')),
    covered_from  timestamptz not null,
    covered_until timestamptz not null,
    updated_at    timestamptz not null,
    check (covered_from <= covered_until)
);

-- What each run did.
create table runs (
    id           bigint generated always as identity primary key,
    job          text not null,
    started_at   timestamptz not null,
    finished_at  timestamptz,
    outcome      run_outcome,
    created      bigint not null default 0,
    waiting      bigint not null default 0,
    failed       bigint not null default 0,
    aborted      bigint not null default 0,
    ignored      bigint not null default 0,
    mirakl_calls bigint not null default 0,
    stripe_calls bigint not null default 0,
    error        text,
    check ((finished_at is null) = (outcome is null))
);
create index runs_job on runs (job, id desc);
