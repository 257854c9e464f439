-- Confirming debits to Mirakl, and capturing what sellers accepted.

alter table payments
    -- Nothing was authorised: the customer has to pay, or to pay otherwise.
    add column awaits_customer  boolean not null default false,
    -- Until when the authorisation holds; null where Stripe does not say.
    add column authorized_until timestamptz,
    -- Why Stripe gave it up: an authorisation that ended, a card that was declined.
    add column failure          text,
    -- Since when it has its status, as far as this program has seen.
    add column status_since     timestamptz;
update payments set status_since = updated_at;
alter table payments alter column status_since set not null;
create index payments_to_capture on payments (id)
    where status = 'TO_CAPTURE' and commercial_order_id is not null;

create type debit_kind as enum ('PRODUCT', 'SERVICE');

create type debit_status as enum (
    'DEBIT_ON_HOLD',    -- waits; looked at again as long as Mirakl asks
    'DEBIT_PENDING',    -- to be told, or told without an answer
    'DEBIT_CONFIRMED',  -- Mirakl knows that the customer was debited
    'DEBIT_REFUSED',    -- Mirakl was told that the customer cannot be debited
    'DEBIT_FAILED',     -- Mirakl did not take it; tried again
    'DEBIT_ENDED'       -- Mirakl no longer asks
);

-- What Mirakl asks to be confirmed: one row for each debit of an order.
create table debits (
    id                  bigint generated always as identity primary key,
    kind                debit_kind not null,
    -- The order; for a debit of one shipment the order, a slash and the shipment.
    mirakl_id           text not null check (mirakl_id <> ''),
    order_id            text not null,
    commercial_order_id text not null,
    status              debit_status not null,
    status_reason       text,
    reason_code         text,
    amount              bigint,
    currency            currency_code,
    transaction_number  text,
    sent_at             timestamptz,
    created_at          timestamptz not null,
    updated_at          timestamptz not null,
    unique (kind, mirakl_id),
    check ((amount is null) = (currency is null)),
    constraint on_hold_or_failed_says_why
        check (status not in ('DEBIT_ON_HOLD', 'DEBIT_FAILED')
               or (status_reason is not null and reason_code is not null)),
    constraint told_by_a_payment
        check (status <> 'DEBIT_CONFIRMED' or transaction_number is not null
               or reason_code = 'confirmed_elsewhere')
);
create index debits_open on debits (kind, id)
    where status in ('DEBIT_ON_HOLD', 'DEBIT_PENDING', 'DEBIT_FAILED');

create type capture_action as enum ('CAPTURE', 'CANCEL');

create type capture_status as enum (
    'CAPTURE_ON_HOLD',  -- waits; looked at again at next_look_at
    'CAPTURE_PENDING',  -- to be sent, or sent without an answer
    'CAPTURE_CREATED',  -- done: captured or cancelled, by us or by somebody else
    'CAPTURE_FAILED'    -- refused; tried again at next_look_at
);

-- What becomes of each authorised payment: one row for each payment.
create table captures (
    id                  bigint generated always as identity primary key,
    payment_id          text not null unique,
    commercial_order_id text not null,
    status              capture_status not null,
    status_reason       text,
    reason_code         text,
    action              capture_action,
    amount              bigint check (amount >= 0),
    currency            currency_code,
    -- The arithmetic behind the amount.
    amount_explained    text,
    attempt             integer not null default 1 check (attempt >= 1),
    looks               integer not null default 0 check (looks >= 0),
    next_look_at        timestamptz,
    request_body        text,
    sent_at             timestamptz,
    stripe_request_id   text,
    -- What a person should know: an authorisation about to end, another amount than decided.
    difference          text,
    created_at          timestamptz not null,
    updated_at          timestamptz not null,
    check ((amount is null) = (currency is null)),
    constraint on_hold_or_failed_says_why_and_until_when
        check (status not in ('CAPTURE_ON_HOLD', 'CAPTURE_FAILED')
               or (status_reason is not null and reason_code is not null and next_look_at is not null)),
    constraint pending_can_be_sent
        check (status <> 'CAPTURE_PENDING'
               or (action is not null and amount is not null and request_body is not null)),
    constraint only_waiting_rows_are_looked_at
        check (next_look_at is null or status in ('CAPTURE_ON_HOLD', 'CAPTURE_FAILED')),
    constraint sent_is_pending_or_created
        check (sent_at is null or status in ('CAPTURE_PENDING', 'CAPTURE_CREATED'))
);
create index captures_pending on captures (id) where status = 'CAPTURE_PENDING';
create index captures_due on captures (next_look_at) where next_look_at is not null;

alter table history drop constraint history_subject_check;
alter table history add constraint history_subject_check
    check (subject in ('transfer', 'account', 'debit', 'capture'));

create function record_debit_history() returns trigger language plpgsql as $$
begin
    insert into history (subject, subject_id, at, from_status, to_status, reason, attempt)
    values ('debit', new.id, new.updated_at,
            case when tg_op = 'UPDATE' then old.status::text end,
            new.status::text, coalesce(new.status_reason, new.transaction_number), 1);
    return null;
end
$$;
create trigger debits_insert_history after insert on debits
    for each row execute function record_debit_history();
create trigger debits_update_history after update on debits
    for each row when (old.status is distinct from new.status
                       or old.status_reason is distinct from new.status_reason)
    execute function record_debit_history();

create function record_capture_history() returns trigger language plpgsql as $$
begin
    insert into history (subject, subject_id, at, from_status, to_status, reason, attempt, stripe_request_id)
    values ('capture', new.id, new.updated_at,
            case when tg_op = 'UPDATE' then old.status::text end,
            new.status::text, coalesce(new.status_reason, new.amount_explained), new.attempt,
            new.stripe_request_id);
    return null;
end
$$;
create trigger captures_insert_history after insert on captures
    for each row execute function record_capture_history();
create trigger captures_update_history after update on captures
    for each row when (old.status is distinct from new.status
                       or old.status_reason is distinct from new.status_reason)
    execute function record_capture_history();

alter table checkpoints drop constraint checkpoints_stream_check;
alter table checkpoints add constraint checkpoints_stream_check
    check (stream in ('product_orders', 'shops', 'service_orders', 'charges'));
