-- A person accepts refunds that others made, not an amount: when one of them turns out to be made for another
-- refund, or fails, it makes no room for the next one.
alter table refunds add column accepted_refunds text[] not null default '{}';
-- What was accepted by its amount, and is still all that there is.
update refunds r
set accepted_refunds = others.ids
from (select charge_id, array_agg(stripe_refund_id) as ids, sum(amount) as amount
      from other_refunds o
      where not ended and mirakl_refund_id is null
        and not exists (select from refunds named where named.stripe_refund_id = o.stripe_refund_id)
      group by charge_id) others
where others.charge_id = r.charge_id and r.accepted_by_others > 0
  and others.amount <= r.accepted_by_others;
alter table refunds drop column accepted_by_others;

-- The reversals by which somebody else took back parts of the transfer, as a person was told of them: before
-- this program takes a part back once more, any other one is left to a person. Which they were behind an earlier
-- sum is not known: a person is asked once more.
alter table reversals add column told_of text[] not null default '{}';
alter table reversals drop column by_others;
