create table customers (
    tenant_id bigint not null,
    id        bigint not null,
    name      text not null,
    email     text,
    primary key (tenant_id, id)
);

create table orders (
    tenant_id   bigint not null,
    id          bigint not null,
    customer_id bigint not null,
    state       text not null default 'new',
    total_cents bigint not null,
    placed_at   timestamptz not null default now(),
    primary key (tenant_id, id),
    foreign key (tenant_id, customer_id) references customers (tenant_id, id)
);

create table plans (
    code text primary key,
    name text not null
);

