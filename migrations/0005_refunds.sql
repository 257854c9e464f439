-- Refunds: the customer's money back, told to Mirakl, and the seller's part back from the seller.

create type refund_type as enum ('PRODUCT_REFUND', 'SERVICE_REFUND');

create type refund_status as enum (
    'REFUND_ON_HOLD',  -- waits; looked at again at next_look_at
    'REFUND_PENDING',  -- its step is to be done, or was begun without an answer
    'REFUND_CREATED',  -- done: all three steps
    'REFUND_FAILED',   -- its step was refused; tried again at next_look_at, or waits for a person
    'REFUND_ABORTED',  -- ended by our own decision, or by a person
    'REFUND_IGNORED'   -- not ours to make
);

-- Which of its three steps a refund is at. Steps before it are done and never done again.
create type refund_step as enum (
    'REFUND',   -- the customer gets the money back, at Stripe
    'CONFIRM',  -- Mirakl is told
    'REVERSE'   -- the seller's part comes back
);

create table refunds (
    id                  bigint generated always as identity primary key,
    type                refund_type not null,
    mirakl_id           text not null check (mirakl_id <> ''),
    order_id            text not null check (order_id <> ''),
    commercial_order_id text,
    shop_id             bigint,
    step                refund_step not null,
    status              refund_status not null,
    status_reason       text,
    -- The kind of reason; for a refusal the code of Stripe's error.
    reason_code         text,
    -- What the customer gets back.
    amount              bigint check (amount > 0),
    currency            currency_code,
    -- What of it the seller bears, taxes included; null as long as the order has not told.
    seller_part         bigint,
    -- The taxes in it; null where they do not fit the currency.
    taxes               bigint check (taxes >= 0),
    -- The parts that are not payable to the shop.
    withheld            bigint check (withheld >= 0),
    -- The arithmetic behind the seller's part.
    amount_explained    text,
    payment_id          text,
    charge_id           text check (charge_id like 'ch\_%' or charge_id like 'py\_%'),
    -- Minor units that somebody else refunded of the charge, and a person has accepted.
    accepted_by_others  bigint not null default 0 check (accepted_by_others >= 0),
    -- Of the request to Stripe: part of its idempotency key, its bytes, and when it first left.
    attempt             integer not null default 1 check (attempt >= 1),
    request_body        text,
    sent_at             timestamptz,
    stripe_refund_id    text unique check (stripe_refund_id like 're\_%' or stripe_refund_id like 'pyr\_%'),
    stripe_created_at   timestamptz,
    -- Refunds that Stripe made and could not carry out.
    failed_refund_ids   text[] not null default '{}',
    -- When Mirakl was first told, and when it was known to have taken it.
    confirm_sent_at     timestamptz,
    confirmed_at        timestamptz,
    -- Looks in a row that found the same reason, or refusals in a row.
    looks               integer not null default 0 check (looks >= 0),
    next_look_at        timestamptz,
    stripe_request_id   text,
    -- What a person should know although nothing is left to do.
    difference          text,
    created_at          timestamptz not null,
    updated_at          timestamptz not null,

    unique (type, mirakl_id),
    constraint amount_has_currency
        check ((amount is null) = (currency is null)),
    constraint seller_part_has_amount
        check (seller_part is null or amount is not null),
    constraint on_hold_says_why_and_until_when
        check (status <> 'REFUND_ON_HOLD'
               or (status_reason is not null and reason_code is not null and next_look_at is not null)),
    constraint ended_or_refused_says_why
        check (status not in ('REFUND_FAILED', 'REFUND_ABORTED', 'REFUND_IGNORED')
               or (status_reason is not null and reason_code is not null)),
    constraint pending_can_be_sent
        check (status <> 'REFUND_PENDING' or step <> 'REFUND'
               or (amount is not null and charge_id is not null and request_body is not null)),
    constraint confirmed_after_the_refund
        check (step = 'REFUND'
               or (stripe_refund_id is not null and stripe_created_at is not null
                   and amount is not null and charge_id is not null)),
    constraint reversed_after_the_confirmation
        check (step <> 'REVERSE' or confirmed_at is not null),
    constraint created_has_all_steps
        check (status <> 'REFUND_CREATED'
               or (step = 'REVERSE' and stripe_refund_id is not null and confirmed_at is not null)),
    constraint only_waiting_rows_are_looked_at
        check (next_look_at is null or status in ('REFUND_ON_HOLD', 'REFUND_FAILED')),
    -- A request that left is settled or in doubt; it is never decided again.
    constraint sent_is_pending_or_made
        check (sent_at is null or stripe_refund_id is not null
               or (status = 'REFUND_PENDING' and step = 'REFUND'))
);
-- The scans of every run: what is due, and what is under way.
create index refunds_due on refunds (next_look_at) where next_look_at is not null;
create index refunds_pending on refunds (step, id) where status = 'REFUND_PENDING';
-- Refunds of one order, of one charge, of one basket, and `list`.
create index refunds_order_id on refunds (order_id);
create index refunds_charge_id on refunds (charge_id);
create index refunds_commercial_order_id on refunds (commercial_order_id);
create index refunds_shop_id on refunds (shop_id);
create index refunds_status on refunds (status, id desc);
-- Refunds that ended without a reversal, because there was no transfer: one may appear later.
create index refunds_without_transfer on refunds (order_id)
    where reason_code in ('transfer_not_made', 'transfer_ended', 'split_off');

-- What comes back from the seller, and from the tax account: one row for each transfer that a refund
-- reverses a part of.
create table reversals (
    id                bigint generated always as identity primary key,
    refund_id         bigint not null references refunds,
    transfer_type     transfer_type not null,
    transfer_id       text not null check (transfer_id like 'tr\_%'),
    currency          currency_code not null,
    -- What the refund asks for, and what is left of the transfer for it.
    wanted            bigint not null check (wanted > 0),
    amount            bigint not null check (amount >= 0),
    shortfall         bigint generated always as (greatest(wanted - amount, 0)) stored,
    -- What Stripe said is left of the transfer, when it refused to give more.
    most              bigint check (most >= 0),
    attempt           integer not null default 1 check (attempt >= 1),
    request_body      text,
    sent_at           timestamptz,
    reversal_id       text unique check (reversal_id like 'trr\_%'),
    stripe_created_at timestamptz,
    stripe_request_id text,
    created_at        timestamptz not null,
    updated_at        timestamptz not null,
    unique (refund_id, transfer_type),
    check (reversal_id is null or (amount > 0 and stripe_created_at is not null)),
    check (sent_at is null or request_body is not null)
);
create index reversals_transfer_id on reversals (transfer_id);
create index reversals_open on reversals (refund_id) where reversal_id is null;
create index reversals_shortfall on reversals (refund_id) where shortfall > 0;

-- Refunds at Stripe that this program did not make: by hand in the dashboard, by the former
-- connector, by anybody. A charge that has some is refunded further only after a person has looked.
create table other_refunds (
    stripe_refund_id  text primary key,
    charge_id         text not null,
    amount            bigint not null check (amount >= 0),
    -- Failed or cancelled: the money did not go back.
    ended             boolean not null,
    -- Which refund the former connector made it for.
    mirakl_refund_id  text,
    stripe_created_at timestamptz not null,
    updated_at        timestamptz not null
);
create index other_refunds_charge_id on other_refunds (charge_id);
create index other_refunds_mirakl_refund_id on other_refunds (mirakl_refund_id);

alter table history drop constraint history_subject_check;
alter table history add constraint history_subject_check
    check (subject in ('transfer', 'account', 'debit', 'capture', 'refund'));

create function record_refund_history() returns trigger language plpgsql as $$
begin
    insert into history (subject, subject_id, at, from_status, to_status, reason, attempt, stripe_request_id)
    values ('refund', new.id, new.updated_at,
            case when tg_op = 'UPDATE' then old.status::text end,
            new.status::text,
            lower(new.step::text) || coalesce(': ' || new.status_reason, ''),
            new.attempt, new.stripe_request_id);
    return null;
end
$$;
create trigger refunds_insert_history after insert on refunds
    for each row execute function record_refund_history();
create trigger refunds_update_history after update on refunds
    for each row when (old.status is distinct from new.status
                       or old.step is distinct from new.step
                       or old.status_reason is distinct from new.status_reason)
    execute function record_refund_history();

-- What Stripe made stays known: a refund's id is kept or moves to those that failed, what Mirakl took
-- stays taken, and the attempt never goes back. A refund is done only with its reversals.
create function keep_what_a_refund_did() returns trigger language plpgsql as $$
begin
    if old.stripe_refund_id is not null
       and new.stripe_refund_id is distinct from old.stripe_refund_id
       and not (old.stripe_refund_id = any (new.failed_refund_ids)) then
        raise exception 'refund % already has %, which is never erased', old.id, old.stripe_refund_id;
    end if;
    if old.confirmed_at is not null and new.confirmed_at is null then
        raise exception 'refund % was confirmed, which is never forgotten', old.id;
    end if;
    if new.attempt < old.attempt then
        raise exception 'the attempt of refund % would go back from % to %', old.id, old.attempt, new.attempt;
    end if;
    if new.status = 'REFUND_CREATED' and exists (
        select from reversals where refund_id = new.id and reversal_id is null and amount > 0) then
        raise exception 'refund % would be done without its reversal', new.id;
    end if;
    return new;
end
$$;
create trigger refunds_keep_what_was_done before update on refunds
    for each row execute function keep_what_a_refund_did();

create function keep_what_a_reversal_did() returns trigger language plpgsql as $$
begin
    if old.reversal_id is not null and new.reversal_id is distinct from old.reversal_id then
        raise exception 'reversal % already has %, which is never erased', old.id, old.reversal_id;
    end if;
    if new.attempt < old.attempt then
        raise exception 'the attempt of reversal % would go back from % to %', old.id, old.attempt, new.attempt;
    end if;
    return new;
end
$$;
create trigger reversals_keep_what_was_done before update on reversals
    for each row execute function keep_what_a_reversal_did();

alter table adoptions drop constraint adoptions_stream_check;
alter table adoptions add constraint adoptions_stream_check
    check (stream in ('transfers', 'accounts', 'refunds', 'refund_failures'));

-- When something of ours was last found at Stripe that the store did not know. Until two days later
-- nothing that could have been done already is trusted to be undone.
create table unknown_found (
    only_row boolean primary key default true check (only_row),
    at       timestamptz not null
);

alter table notifications drop constraint notifications_type_check;
alter table notifications add constraint notifications_type_check
    check (type in ('account.updated', 'transfer.failed', 'refund.failed'));
