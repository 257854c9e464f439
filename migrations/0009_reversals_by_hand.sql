-- Minor units of the transfer that somebody else took back, as a person was told: more than that is left to a
-- person before this program takes a part back once more.
alter table reversals add column by_others bigint not null default 0 check (by_others >= 0);
