-- Mails: which were taken by the mail server, and what they told.

-- Mails of which there is at most one within a time, whatever jobs run.
create table mails (
    kind          text primary key check (kind in ('endpoint_down')),
    -- When the mail server last took one.
    sent_at       timestamptz,
    -- Until then somebody is sending one; nobody who died sends for ever.
    claimed_until timestamptz
);

-- What stays as it is was told once, in a mail that the server took: a difference, a shortfall, a
-- notification that was given up. Another fact about the same row is told again.
create table mailed (
    subject    text not null check (subject in ('transfer', 'refund', 'payout', 'capture', 'reversal', 'notification')),
    subject_id bigint not null,
    fact       text not null,
    mailed_at  timestamptz not null,
    primary key (subject, subject_id)
);

-- What the mails look for and what is rare among many rows.
create index transfers_different on transfers (id) where difference is not null;
create index refunds_different on refunds (id) where difference is not null;
create index payouts_different on payouts (id) where difference is not null;
create index captures_different on captures (id) where difference is not null;
create index notifications_given_up on notifications (id) where status = 'GIVEN_UP';
