-- pgbench's own tables (pgbench -i creates them with these columns), split by account.
create table pgbench_accounts (
    aid      integer primary key,
    bid      integer,
    abalance integer,
    filler   character(84)
);

create table pgbench_history (
    tid    integer,
    bid    integer,
    aid    integer not null,
    delta  integer,
    mtime  timestamp without time zone,
    filler character(22)
);

create table pgbench_tellers (
    tid      integer primary key,
    bid      integer,
    tbalance integer,
    filler   character(84)
);

create table pgbench_branches (
    bid      integer primary key,
    bbalance integer,
    filler   character(88)
);

create index pgbench_history_aid on pgbench_history (aid);

select keyway.shard_table('pgbench_accounts', 'aid');
select keyway.shard_table('pgbench_history', 'aid');
select keyway.reference_table('pgbench_tellers');
select keyway.reference_table('pgbench_branches');
