-- The reversals by which somebody else took back parts of the transfer, as a person was told of them: before
-- this program takes a part back once more, any other one is left to a person.
alter table reversals add column told_of text[] not null default '{}';
