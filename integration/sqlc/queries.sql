-- name: GetOrder :one
select * from orders where tenant_id = $1 and id = $2;

-- name: ListOrders :many
select * from orders where tenant_id = $1 order by id;

-- name: OrdersWithCustomer :many
select o.id, o.state, o.total_cents, c.name
from orders o
join customers c on c.tenant_id = o.tenant_id and c.id = o.customer_id
where o.tenant_id = $1
order by o.id;

-- name: CountOrdersByState :many
select state, count(*) as orders, sum(total_cents)::bigint as cents
from orders
where tenant_id = sqlc.arg(tenant_id)
group by state
order by state;

-- name: CreateCustomer :exec
insert into customers (tenant_id, id, name, email) values ($1, $2, $3, $4);

-- name: CreateOrder :one
insert into orders (tenant_id, id, customer_id, total_cents)
values ($1, $2, $3, $4)
returning *;

-- name: UpsertCustomer :exec
insert into customers (tenant_id, id, name, email) values ($1, $2, $3, $4)
on conflict (tenant_id, id) do update set name = excluded.name, email = excluded.email;

-- name: PayOrder :execrows
update orders set state = 'paid' where tenant_id = $1 and id = $2 and state = 'new';

-- name: DeleteOrder :exec
delete from orders where tenant_id = $1 and id = $2;

-- name: OrdersOfTenants :many
select tenant_id, id from orders where tenant_id = any(sqlc.arg(tenants)::bigint[]) order by tenant_id, id;

-- name: ListPlans :many
select * from plans order by code;

-- name: OrderState :batchone
select state from orders where tenant_id = $1 and id = $2;

-- name: MarkShipped :batchexec
update orders set state = 'shipped' where tenant_id = $1 and id = $2;

-- name: LoadOrders :copyfrom
insert into orders (tenant_id, id, customer_id, state, total_cents) values ($1, $2, $3, $4, $5);

-- name: AllOrders :many
select * from orders order by tenant_id, id;
