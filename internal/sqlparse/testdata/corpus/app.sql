UPDATE pgbench_accounts SET abalance = abalance + $1 WHERE aid = $2

SELECT abalance FROM pgbench_accounts WHERE aid = $1

INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES ($1, $2, $3, $4, CURRENT_TIMESTAMP)

-- name: GetOrder :one
SELECT id, tenant_id, state, total, created_at FROM orders WHERE tenant_id = $1 AND id = $2 LIMIT 1

/* list */ SELECT o.id, o.total, c.name AS customer FROM orders o JOIN customers c ON c.tenant_id = o.tenant_id AND c.id = o.customer_id WHERE o.tenant_id = $1 AND o.state = ANY($2) ORDER BY o.created_at DESC, o.id DESC LIMIT $3 OFFSET $4

SELECT "orders"."id", "orders"."total" FROM "orders" WHERE "orders"."tenant_id" = $1 AND "orders"."deleted_at" IS NULL ORDER BY "orders"."id" LIMIT 1

INSERT INTO "users" ("created_at","updated_at","deleted_at","name") VALUES ($1,$2,$3,$4) RETURNING "id"

SELECT count(*) FROM orders WHERE tenant_id = $1 AND created_at >= $2 AND created_at < $3 AND (state = 'paid' OR state = 'sent')

SELECT t.id, COALESCE(SUM(i.qty * i.price), 0)::bigint AS total FROM orders t LEFT JOIN items i ON i.tenant_id = t.tenant_id AND i.order_id = t.id WHERE t.tenant_id = $1 GROUP BY t.id HAVING SUM(i.qty) > 0 ORDER BY total DESC NULLS LAST

SELECT id FROM jobs WHERE state = 'ready' AND run_at <= now() ORDER BY priority, run_at FOR UPDATE SKIP LOCKED LIMIT 1

WITH c AS (SELECT id FROM jobs WHERE state = 'ready' ORDER BY id LIMIT 10 FOR UPDATE SKIP LOCKED) UPDATE jobs j SET state = 'running', started_at = now() FROM c WHERE j.id = c.id RETURNING j.*

SELECT * FROM events WHERE tenant_id = $1 AND payload @> '{"type": "click"}'::jsonb AND payload->>'page' ILIKE '%' || $2 || '%'

SELECT date_trunc('day', created_at AT TIME ZONE 'UTC') AS day, count(*) FILTER (WHERE ok) AS good, count(*) AS all_rows FROM events WHERE tenant_id = $1 GROUP BY 1 ORDER BY 1

SELECT DISTINCT ON (device_id) device_id, value, at FROM readings WHERE tenant_id = $1 ORDER BY device_id, at DESC

SELECT *, row_number() OVER (PARTITION BY category ORDER BY score DESC) AS rn FROM products WHERE tenant_id = $1

SELECT EXISTS(SELECT 1 FROM users WHERE email = $1 AND tenant_id = $2) AS "exists"

SELECT u.* FROM users u WHERE u.tenant_id = $1 AND (u.name, u.id) > ($2, $3) ORDER BY u.name, u.id LIMIT 50

SELECT id, ts_rank(doc, q) FROM docs, plainto_tsquery('english', $1) q WHERE doc @@ q AND tenant_id = $2

SELECT a.id FROM a WHERE a.tenant_id = $1 AND a.id NOT IN (SELECT b.a_id FROM b WHERE b.tenant_id = a.tenant_id)

UPDATE "users" SET "name"=$1,"updated_at"=$2 WHERE "users"."deleted_at" IS NULL AND "id" = $3

DELETE FROM cart_items WHERE tenant_id = $1 AND cart_id = $2 AND product_id = ANY($3::bigint[])

SELECT pg_size_pretty(pg_total_relation_size('t'::regclass)), (SELECT setting FROM pg_settings WHERE name = 'max_connections')::int

SELECT json_agg(json_build_object('id', id, 'tags', (SELECT array_agg(tag) FROM tags WHERE tags.item = items.id))) FROM items WHERE tenant_id = $1

INSERT INTO counters (tenant_id, day, n) VALUES ($1, current_date, 1) ON CONFLICT (tenant_id, day) DO UPDATE SET n = counters.n + 1 RETURNING n

INSERT INTO audit (tenant_id, who, what, at) SELECT tenant_id, $2, 'archived', now() FROM orders WHERE tenant_id = $1 AND state = 'done'

SELECT CASE WHEN total >= 100 THEN 'large' WHEN total >= 10 THEN 'medium' ELSE 'small' END AS size, count(*) FROM orders WHERE tenant_id = $1 GROUP BY 1

SELECT * FROM generate_series($1::date, $2::date, interval '1 day') AS d(day) LEFT JOIN visits v ON v.day = d.day AND v.tenant_id = $3

SELECT o.id FROM orders o, LATERAL (SELECT sum(qty) AS n FROM items i WHERE i.order_id = o.id AND i.tenant_id = o.tenant_id) s WHERE o.tenant_id = $1 AND s.n > 5

SELECT name, ST_Distance(geom, ST_MakePoint($1, $2)::geography) AS dist FROM shops ORDER BY geom <-> ST_MakePoint($1, $2)::geography LIMIT 5

SELECT id, title, ts_headline('english', body, q, 'StartSel=<b>, StopSel=</b>') FROM posts, websearch_to_tsquery($1) AS q WHERE tsv @@ q
