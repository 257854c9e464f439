-- Payouts: the movements of each invoice, and what then goes to the seller's bank.

-- New words of an enum cannot be used in the transaction that adds them: checks compare their text.
alter type transfer_type add value 'EXTRA_CREDITS';   -- operator to seller
alter type transfer_type add value 'SUBSCRIPTION';    -- seller to operator
alter type transfer_type add value 'EXTRA_INVOICES';  -- seller to operator

-- The account that a transfer is made on behalf of and out of; null: the platform's own.
alter table transfers add column payer text check (payer like 'acct\_%');
alter table transfers drop constraint pending_can_be_sent;
alter table transfers add constraint pending_can_be_sent
    check (status <> 'TRANSFER_PENDING'
           or (amount is not null and destination is not null and request_body is not null
               and case type::text
                   when 'EXTRA_CREDITS' then payer is null
                   when 'SUBSCRIPTION' then payer is not null and payer <> destination
                   when 'EXTRA_INVOICES' then payer is not null and payer <> destination
                   else source_charge is not null end));

-- What a person accepted by asking for another try: the same reason does not stop the row again.
alter table transfers add column accepted_reason text;

-- Movements of invoices that the old connector made. It named the invoice, not which of its movements.
create table old_movements (
    transfer_id       text primary key check (transfer_id like 'tr\_%'),
    mirakl_invoice_id text not null check (mirakl_invoice_id <> ''),
    -- The account that paid; null: the platform.
    payer             text check (payer like 'acct\_%'),
    destination       text not null check (destination like 'acct\_%'),
    amount            bigint not null check (amount > 0),
    currency          currency_code not null,
    stripe_created_at timestamptz not null
);
create index old_movements_mirakl_invoice_id on old_movements (mirakl_invoice_id);
-- Stripe's list was read without them until now: it is read again from the start.
delete from adoptions where stream = 'transfers';

create type payout_status as enum (
    'PAYOUT_ON_HOLD',  -- waits; looked at again at next_look_at
    'PAYOUT_PENDING',  -- to be sent, or sent without an answer
    'PAYOUT_CREATED',  -- Stripe has made it; followed for ten days
    'PAYOUT_FAILED',   -- refused, or failed later; tried again, or waits for a person
    'PAYOUT_ABORTED',  -- ended by our own decision, or by a person
    'PAYOUT_IGNORED'   -- not ours to pay
);

-- What goes to sellers' banks: one row for each invoice.
create table payouts (
    id                 bigint generated always as identity primary key,
    mirakl_invoice_id  text not null unique check (mirakl_invoice_id <> ''),
    shop_id            bigint,
    -- When Mirakl made the invoice: a seller's invoices are paid in this order.
    invoice_created_at timestamptz,
    status             payout_status not null,
    status_reason      text,
    -- The kind of reason; for a refusal the code of Stripe's error.
    reason_code        text,
    amount             bigint check (amount > 0),
    currency           currency_code,
    -- What the account lacks, for one that waits for its balance.
    missing            bigint check (missing > 0),
    account            text check (account like 'acct\_%'),
    -- Part of the idempotency key; rises only after a definite refusal or a failure.
    attempt            integer not null default 1 check (attempt >= 1),
    looks              integer not null default 0 check (looks >= 0),
    next_look_at       timestamptz,
    -- The request as it is sent, byte for byte, and when it first left.
    request_body       text,
    sent_at            timestamptz,
    stripe_payout_id   text unique check (stripe_payout_id like 'po\_%'),
    stripe_status      text,
    stripe_created_at  timestamptz,
    arrival_date       timestamptz,
    -- When a payout that was made is read again; null once ten days are over.
    follow_at          timestamptz,
    -- Payouts that Stripe made and that failed or were cancelled.
    failed_payout_ids  text[] not null default '{}',
    stripe_request_id  text,
    -- What a person should know although it stops nothing.
    difference         text,
    -- What a person accepted by asking for another try: the same reason does not stop the row again.
    accepted_reason    text,
    created_at         timestamptz not null,
    updated_at         timestamptz not null,

    constraint amount_has_currency
        check ((amount is null) = (currency is null)),
    constraint missing_has_amount
        check (missing is null or amount is not null),
    constraint on_hold_says_why_and_until_when
        check (status <> 'PAYOUT_ON_HOLD'
               or (status_reason is not null and reason_code is not null and next_look_at is not null)),
    constraint pending_can_be_sent
        check (status <> 'PAYOUT_PENDING'
               or (amount is not null and account is not null and request_body is not null)),
    constraint created_has_its_payout
        check (status <> 'PAYOUT_CREATED'
               or (stripe_payout_id is not null and stripe_status is not null and amount is not null
                   and account is not null and stripe_created_at is not null)),
    constraint only_created_has_a_payout
        check (stripe_payout_id is null or status = 'PAYOUT_CREATED'),
    constraint only_created_is_followed
        check (follow_at is null or status = 'PAYOUT_CREATED'),
    constraint ended_or_refused_says_why
        check (status not in ('PAYOUT_FAILED', 'PAYOUT_ABORTED', 'PAYOUT_IGNORED')
               or (status_reason is not null and reason_code is not null)),
    constraint only_waiting_rows_are_looked_at
        check (next_look_at is null or status in ('PAYOUT_ON_HOLD', 'PAYOUT_FAILED')),
    constraint sent_is_pending_or_created
        check (sent_at is null or status in ('PAYOUT_PENDING', 'PAYOUT_CREATED'))
);
create index payouts_due on payouts (next_look_at) where next_look_at is not null;
create index payouts_followed on payouts (follow_at) where follow_at is not null;
create index payouts_pending on payouts (id) where status = 'PAYOUT_PENDING';
create index payouts_shop_id on payouts (shop_id);
create index payouts_account on payouts (account);
create index payouts_status on payouts (status, id desc);

alter table history drop constraint history_subject_check;
alter table history add constraint history_subject_check
    check (subject in ('transfer', 'account', 'debit', 'capture', 'refund', 'payout'));

create function record_payout_history() returns trigger language plpgsql as $$
begin
    insert into history (subject, subject_id, at, from_status, to_status, reason, attempt, stripe_request_id)
    values ('payout', new.id, new.updated_at,
            case when tg_op = 'UPDATE' then old.status::text end,
            new.status::text, coalesce(new.status_reason, new.stripe_status), new.attempt,
            new.stripe_request_id);
    return null;
end
$$;
create trigger payouts_insert_history after insert on payouts
    for each row execute function record_payout_history();
create trigger payouts_update_history after update on payouts
    for each row when (old.status is distinct from new.status
                       or old.status_reason is distinct from new.status_reason
                       or old.stripe_status is distinct from new.stripe_status)
    execute function record_payout_history();

-- What Stripe made stays known: a payout's id is kept or moves to those that failed.
create function keep_what_a_payout_did() returns trigger language plpgsql as $$
begin
    if old.stripe_payout_id is not null
       and new.stripe_payout_id is distinct from old.stripe_payout_id
       and not (old.stripe_payout_id = any (new.failed_payout_ids)) then
        raise exception 'payout % already has %, which is never erased', old.id, old.stripe_payout_id;
    end if;
    if not (old.failed_payout_ids <@ new.failed_payout_ids) then
        raise exception 'payout % would forget payouts that failed', old.id;
    end if;
    if new.attempt < old.attempt then
        raise exception 'the attempt of payout % would go back from % to %', old.id, old.attempt, new.attempt;
    end if;
    return new;
end
$$;
create trigger payouts_keep_what_was_done before update on payouts
    for each row execute function keep_what_a_payout_did();

-- Which span of an account's own lists of payouts and transfers the store is known to hold.
create table account_adoptions (
    account       text primary key check (account like 'acct\_%'),
    covered_from  timestamptz not null,
    covered_until timestamptz not null,
    updated_at    timestamptz not null,
    check (covered_from <= covered_until)
);

-- 'invoices': its `updated_at` is when the last sweep ended.
alter table checkpoints drop constraint checkpoints_stream_check;
alter table checkpoints add constraint checkpoints_stream_check
    check (stream in ('product_orders', 'shops', 'service_orders', 'charges', 'paid_services', 'invoices'));

alter table notifications drop constraint notifications_type_check;
alter table notifications add constraint notifications_type_check
    check (type in ('account.updated', 'transfer.failed', 'refund.failed', 'payout.failed'));
