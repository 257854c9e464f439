-- A marketplace that has been served for months: {rows} rows in each table that grows, nearly all of
-- them done. One in a hundred transfers, refunds and payouts waits; none is due. Ids begin with
-- `old`, shops and invoices with a million. For a migrated database; the benchmark and tests/it fill theirs with it.

create temporary table old as
select n, 'old' || n as name, 'acct_old' || n as account, 1000 + n % 5000 as amount,
       now() - interval '40 days' + n * (interval '39 days' / {rows}) as at, n % 100 = 0 as waits,
       now() - interval '1 day' as since, now() + interval '1 day' as later
from generate_series(1, {rows}) n;
analyze old;

insert into shops (shop_id, terminated, ignored, field, kyc_shown, kyc_told, mirakl_created_at,
                   mirakl_updated_at, changed_at, created_at, updated_at)
select 1000000 + n, false, false, 'DASHBOARD', 'APPROVED', 'APPROVED', at - interval '1 year',
       at - interval '1 year', at - interval '1 year', at, at
from old;

insert into accounts (shop_id, stripe_account_id, charges_enabled, payouts_enabled, details_submitted,
                      transfers_active, kyc, fingerprint, observed_at, created_at, updated_at)
select 1000000 + n, account, true, true, true, true, 'APPROVED', repeat('0', 64),
       now() - n * (interval '50 minutes' / {rows}), at, at
from old;

insert into onboardings (shop_id, status, stripe_account_id, request_body, sent_at, created_at, updated_at)
select 1000000 + n, 'ACCOUNT_CREATED', account, 'type=express', at, at, at from old;

insert into payments (payment_intent_id, charge_id, commercial_order_id, amount, captured, refunded,
                      currency, settlement_currency, status, pending, destination_charge, status_since,
                      stripe_created_at, observed_at, created_at, updated_at)
select 'pi_' || name, 'ch_' || name, name, amount, amount, 0,
       'EUR', 'EUR', 'CAPTURED', false, false, at, at, at, at, at
from old;

insert into debits (kind, mirakl_id, order_id, commercial_order_id, status, amount, currency,
                    transaction_number, sent_at, created_at, updated_at)
select 'PRODUCT', name || '-A', name || '-A', name, 'DEBIT_CONFIRMED', amount, 'EUR',
       'pi_' || name, at, at, at
from old;

insert into captures (payment_id, commercial_order_id, status, action, amount, currency, request_body,
                      sent_at, created_at, updated_at)
select 'pi_' || name, name, 'CAPTURE_CREATED', 'CAPTURE', amount, 'EUR', 'amount_to_capture=' || amount,
       at, at, at
from old;

insert into transfers (type, mirakl_id, shop_id, commercial_order_id, amount, currency, amount_explained,
                       destination, payment_id, source_charge, request_body, created_at, updated_at,
                       status, status_reason, reason_code, next_look_at, sent_at, transfer_id, stripe_created_at)
select 'PRODUCT_ORDER'::transfer_type, name || '-A', 1000000 + n, name, amount, 'EUR', amount || ' of the order',
       account, 'pi_' || name, 'ch_' || name, 'amount=' || amount, since, since,
       'TRANSFER_ON_HOLD'::transfer_status, 'the payment is not captured yet', 'not_captured', later,
       null::timestamptz, null, null::timestamptz
from old where waits
union all
select 'PRODUCT_ORDER', name || '-A', 1000000 + n, name, amount, 'EUR', amount || ' of the order',
       account, 'pi_' || name, 'ch_' || name, 'amount=' || amount, at, at,
       'TRANSFER_CREATED', null, null, null, at, 'tr_' || name, at
from old where not waits;

insert into refunds (type, mirakl_id, order_id, commercial_order_id, shop_id, amount, currency, payment_id,
                     charge_id, created_at, updated_at, step, status, status_reason, reason_code, next_look_at,
                     seller_part, request_body, sent_at, stripe_refund_id, stripe_created_at, confirm_sent_at,
                     confirmed_at)
select 'PRODUCT_REFUND'::refund_type, name, name || '-A', name, 1000000 + n, 100, 'EUR', 'pi_' || name,
       'ch_' || name, since, since, 'REFUND'::refund_step, 'REFUND_ON_HOLD'::refund_status,
       'the payment is not captured yet', 'not_captured', later,
       null::bigint, null, null::timestamptz, null, null::timestamptz, null::timestamptz, null::timestamptz
from old where waits
union all
select 'PRODUCT_REFUND', name, name || '-A', name, 1000000 + n, 100, 'EUR', 'pi_' || name,
       'ch_' || name, at, at, 'REVERSE', 'REFUND_CREATED', null, null, null,
       90, 'amount=100', at, 're_' || name, at, at, at
from old where not waits;

insert into reversals (refund_id, transfer_type, transfer_id, currency, wanted, amount, request_body, sent_at,
                       reversal_id, stripe_created_at, created_at, updated_at)
select r.id, 'PRODUCT_ORDER', 'tr_' || name, 'EUR', 90, 90, 'amount=90', at, 'trr_' || name, at, at, at
from old join refunds r on r.type = 'PRODUCT_REFUND' and r.mirakl_id = name where not waits;

insert into other_refunds (stripe_refund_id, charge_id, amount, ended, stripe_created_at, updated_at)
select 're_other_' || name, 'ch_other_' || name, 100, false, at, at from old;

insert into payouts (mirakl_invoice_id, shop_id, invoice_created_at, amount, currency, account, created_at,
                     updated_at, status, status_reason, reason_code, next_look_at, missing, request_body,
                     sent_at, stripe_payout_id, stripe_status, stripe_created_at, arrival_date)
select (1000000 + n)::text, 1000000 + n, since, amount, 'EUR', account, since, since,
       'PAYOUT_ON_HOLD'::payout_status, 'the balance lacks 1.00 EUR', 'balance', later, 100, null,
       null::timestamptz, null, null, null::timestamptz, null::timestamptz
from old where waits
union all
select (1000000 + n)::text, 1000000 + n, at, amount, 'EUR', account, at, at,
       'PAYOUT_CREATED', null, null, null, null, 'amount=' || amount,
       at, 'po_' || name, 'paid', at, at
from old where not waits;

insert into old_movements (transfer_id, mirakl_invoice_id, destination, amount, currency, stripe_created_at)
select 'tr_moved_' || name, 'moved_' || name, account, amount, 'EUR', at from old;

insert into notifications (type, shop_id, body, status, tries, delivered_at, created_at, updated_at)
select 'account.updated', 1000000 + n, '{"type":"account.updated"}', 'DELIVERED', 1, at, at, at from old;

insert into mailed (subject, subject_id, fact, mailed_at)
select 'notification', 1000000000 + n, 'given up', at from old;

insert into runs (job, started_at, finished_at, outcome)
select (array['sync-onboarding', 'sync-onboarding', 'sync-onboarding', 'sync-onboarding', 'sync-onboarding',
              'validate-pending-debit', 'process-transfer', 'process-refund'])[1 + n % 8], at, at, 'OK'
from old;

insert into account_adoptions (account, covered_from, covered_until, updated_at)
select account, at, now() - interval '1 hour', now() from old;

insert into adoptions (stream, covered_from, covered_until, updated_at)
select stream, now() - interval '60 days', now() - interval '1 hour', now()
from unnest(array['transfers', 'refunds', 'refund_failures']) stream;

insert into checkpoints (stream, reached, begun_at, updated_at)
select stream, now() - interval '1 hour', now() - interval '60 days', now() - interval '1 hour'
from unnest(array['product_orders', 'service_orders', 'paid_services', 'charges', 'invoices']) stream;

drop table old;
analyze;
