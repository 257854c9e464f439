-- Service orders are paid as product orders are, and taxes may go to an account of their own.

-- New words of an enum cannot be used in the transaction that adds them.
alter type transfer_type add value 'SERVICE_ORDER';
alter type transfer_type add value 'PRODUCT_ORDER_TAX';
alter type transfer_type add value 'SERVICE_ORDER_TAX';

-- Versions before this one passed over the transfers of these kinds in Stripe's list: what they took
-- for known is known of product orders alone. The next run reads the whole list again.
delete from adoptions where stream = 'transfers';

-- How far service orders have been read to be paid; 'service_orders' is how far to be debited.
alter table checkpoints drop constraint checkpoints_stream_check;
alter table checkpoints add constraint checkpoints_stream_check
    check (stream in ('product_orders', 'shops', 'service_orders', 'charges', 'paid_services'));
