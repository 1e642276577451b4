package differential

import "regexp"

// keyPart is what names the key in a statement of one company; its handle says the same.
var keyPart = regexp.MustCompile(`\[[^\]]*\]`)

// adsOfOne are questions of one company. What is in brackets names the key.
var adsOfOne = []string{
	"select name, image_url from companies where [id = $1]",
	"select id, name, monthly_budget, blacklisted_site_urls from campaigns where [company_id = $1] and state = 'running' order by monthly_budget desc nulls last, id",
	`select c.id, c.name, count(k.id) as clicks, sum(k.cost_per_click_usd) as spent from campaigns c join ads a on a.company_id = c.company_id and a.campaign_id = c.id
		left join clicks k on k.company_id = a.company_id and k.ad_id = a.id where [c.company_id = $1] group by c.id, c.name order by clicks desc, c.id limit 10`,
	`select a.id, a.name, (select count(*) from clicks k where k.company_id = a.company_id and k.ad_id = a.id) as clicks,
		(select count(*) from impressions i where i.company_id = a.company_id and i.ad_id = a.id) as seen from ads a where [a.company_id = $1] order by a.id`,
	"select date_trunc('day', clicked_at) as day, count(*), count(distinct user_ip), sum(cost_per_click_usd) from clicks where [company_id = $1] group by day order by day",
	`select user_data->>'location' as place, count(*) filter (where (user_data->>'is_mobile')::boolean) as mobile, count(*) from clicks where [company_id = $1]
		group by 1 order by 3 desc, 1 limit 5`,
	`select a.campaign_id, a.id, rank() over (partition by a.campaign_id order by count(k.id) desc, a.id), count(k.id) from ads a
		left join clicks k on k.company_id = a.company_id and k.ad_id = a.id where [a.company_id = $1] group by a.campaign_id, a.id order by 1, 3`,
	"select distinct on (ad_id) ad_id, seen_at, host(user_ip), user_data from impressions where [company_id = $1] order by ad_id, seen_at desc, id",
	`with spent as (select ad_id, sum(cost_per_click_usd) as usd from clicks where [company_id = $1] group by ad_id)
		select a.name, usd from spent join ads a on a.id = ad_id and [a.company_id = $1] order by usd desc nulls last, a.id`,
	"select id, clicked_at from clicks where [company_id = $1] and clicked_at > '2017-01-20' order by clicked_at, id limit 5 offset 5",
	"select id from ads where [company_id = $1] and id in (select ad_id from clicks where [company_id = $1] and user_data @> '{\"is_mobile\": true}') order by id",
	"select id, 'click' as what, clicked_at as at from clicks where [company_id = $1] union all select id, 'seen', seen_at from impressions where [company_id = $1] order by at desc, id, what limit 20",
}

// adsQuestions are questions of all companies, for those who run the product.
var adsQuestions = []question{
	{name: "rows as they are, of every type", sql: "select id, company_id, ad_id, clicked_at, site_url, cost_per_click_usd, user_ip, user_data from clicks"},
	{name: "companies with their campaigns", sql: `select co.name, c.name, c.blacklisted_site_urls from companies co left join campaigns c on c.company_id = co.id`},
	{name: "top campaigns by clicks", ordered: true, sql: `
		select c.company_id, c.id, c.name, count(*) as clicks, sum(k.cost_per_click_usd) from campaigns c join ads a on a.company_id = c.company_id and a.campaign_id = c.id
			join clicks k on k.company_id = a.company_id and k.ad_id = a.id group by c.company_id, c.id, c.name order by clicks desc, c.company_id, c.id limit 10`},
	{name: "top campaigns joined by the ad alone", refused: "not co-located", says: "k.company_id = a.company_id", ordered: true, sql: `
		select a.campaign_id, count(*) from ads a join clicks k on k.ad_id = a.id group by 1 order by 2 desc, 1 limit 10`,
		instead: `select a.campaign_id, count(*) from ads a join clicks k on k.ad_id = a.id and k.company_id = a.company_id group by 1 order by 2 desc, 1 limit 10`},
	{name: "spend per day", ordered: true, sql: `
		select clicked_at::date as day, sum(cost_per_click_usd) as usd, avg(cost_per_click_usd), min(cost_per_click_usd), stddev(cost_per_click_usd), count(*)
		from clicks group by day order by day`},
	{name: "spend in all", sql: "select count(*), sum(cost_per_click_usd), max(clicked_at), min(site_url) from clicks"},
	{name: "totals by company and in all", ordered: true, sql: `
		select company_id, user_data->>'location' as place, count(*) from clicks group by rollup (company_id, place) order by 1, 2 nulls first`},
	{name: "best three ads of each company", ordered: true, sql: `
		select * from (select company_id, ad_id, count(*) as n, row_number() over (partition by company_id order by count(*) desc, ad_id) as place
			from clicks group by company_id, ad_id) x where place <= 3 order by company_id, place`},
	{name: "running spend of a company", ordered: true, sql: `
		select company_id, id, sum(cost_per_click_usd) over (partition by company_id order by clicked_at, id) from clicks order by company_id, clicked_at, id limit 200`},
	{name: "a company's share of the clicks", ordered: true, sql: `
		select company_id, count(*), round(100.0 * count(*) / sum(count(*)) over (), 2) as share from clicks group by company_id, company_id % 2 order by 1`},
	{name: "companies ranked among all", ordered: true, sql: `
		select company_id, rank() over (order by count(*) desc, company_id) from clicks group by company_id order by 2`},
	{name: "visitors", sql: "select count(distinct user_ip), count(distinct user_data), count(distinct (ad_id, site_url)) from clicks"},
	{name: "visitors by net", ordered: true, sql: `
		select network(set_masklen(user_ip, 8)) as net, count(*), max(user_ip) from clicks group by net having count(*) > 2 order by 2 desc, net limit 20`},
	{name: "what the places click", ordered: true, sql: `
		select user_data->>'location' as place, (user_data->>'is_mobile')::boolean as mobile, count(*) from clicks group by 1, 2 having count(*) > 1 order by 3 desc, 1, 2`},
	{name: "first click of each site", ordered: true, sql: "select distinct on (site_url) site_url, clicked_at, company_id, id from clicks order by site_url, clicked_at, company_id, id"},
	{name: "models and states in use", ordered: true, sql: "select distinct cost_model, state from campaigns order by 2, 1"},
	{name: "sites that are blocked", ordered: true, sql: "select site, count(*) from campaigns, unnest(blacklisted_site_urls) as u (site) group by site order by 2 desc, 1"},
	{name: "sites by their bytes", ordered: true, sql: `
		select site collate "C" as site, count(*), array_agg(id order by id) from campaigns, unnest(blacklisted_site_urls) as u (site)
			group by 1 order by 2 desc, 1`},
	{name: "lists of blocked sites", sql: "select distinct blacklisted_site_urls from campaigns"},
	{name: "what happened last", ordered: true, sql: `
		select company_id, id, clicked_at as at, user_ip from clicks union all select company_id, id, seen_at, user_ip from impressions order by at desc, company_id, id, user_ip limit 25`},
	{name: "visitors of either kind", sql: "select user_ip from clicks union select user_ip from impressions"},
	{name: "visitors who saw and clicked", sql: "select company_id, ad_id from clicks intersect select company_id, ad_id from impressions"},
	{name: "page by page", args: []any{30, 60}, ordered: true, sql: "select company_id, id, site_url, user_data from clicks order by clicked_at desc, company_id, id limit $1 offset $2"},
	{name: "pages in no order", refused: "inexact", says: "add ORDER BY", sql: "select id from clicks limit 10 offset 10",
		instead: "select company_id, id from clicks order by company_id, id limit 10 offset 10"},
	{name: "campaigns without clicks", ordered: true, sql: `
		select c.company_id, c.id from campaigns c where not exists (select from ads a join clicks k on k.company_id = a.company_id and k.ad_id = a.id
			and k.cost_per_click_usd > 0.5 where a.company_id = c.company_id and a.campaign_id = c.id and a.name < 'H') order by 1, 2`},
	{name: "ads that were clicked", ordered: true, sql: `
		select company_id, id, name from ads where (company_id, id) in (select company_id, ad_id from clicks where user_data @> '{"is_mobile": true}') order by 1, 2`},
	{name: "companies above the average", ordered: true, sql: `
		select company_id, count(*) from clicks where cost_per_click_usd is not null group by company_id having avg(cost_per_click_usd) > 0.01 order by 2 desc, 1`},
	{name: "clicks dearer than the average", refused: "not co-located", says: "as a statement of its own", sql: `
		select count(*) from clicks where cost_per_click_usd > (select avg(cost_per_click_usd) from clicks)`,
		instead: "select avg(cost_per_click_usd) from clicks"},
	{name: "the middle price", sql: "select percentile_disc(0.5) within group (order by cost_per_click_usd), mode() within group (order by ad_id) from clicks"},
	{name: "names of a company's campaigns", ordered: true, sql: `
		select company_id, string_agg(name, ', ' order by name, id), jsonb_agg(state order by id) from campaigns group by company_id order by company_id`},
	{name: "clicks by hour and model", ordered: true, sql: `
		select cost_model, extract(hour from clicked_at) as hour, count(*), sum(cost_per_click_usd) from campaigns c join ads a on a.company_id = c.company_id and a.campaign_id = c.id
			join clicks k on k.company_id = a.company_id and k.ad_id = a.id group by 1, 2 order by 1, 2`},
	{name: "a list of companies", args: []any{[]int64{1, 2, 3, 5}}, ordered: true, sql: `
		select co.name, count(*) from companies co join clicks k on k.company_id = co.id where co.id = any($1) group by 1 order by 2 desc, 1`},
}
