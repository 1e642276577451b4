package differential

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/shard"
)

// adsSchema is that of a product for advertisers: companies are the tenants, and all that is theirs has their number.
const adsSchema = `
create table companies (id bigint primary key, name text not null, image_url text, created_at timestamp not null, updated_at timestamp not null);
create table campaigns (id bigint not null, company_id bigint not null references companies, name text not null, cost_model text not null, state text not null,
	monthly_budget bigint, blacklisted_site_urls text[], created_at timestamp not null, updated_at timestamp not null, primary key (company_id, id));
create table ads (id bigint not null, company_id bigint not null, campaign_id bigint not null, name text not null, image_url text, target_url text,
	impressions_count bigint default 0, clicks_count bigint default 0, created_at timestamp not null, updated_at timestamp not null,
	primary key (company_id, id), foreign key (company_id, campaign_id) references campaigns (company_id, id));
create table clicks (id bigint not null, company_id bigint not null, ad_id bigint not null, clicked_at timestamp not null, site_url text not null,
	cost_per_click_usd numeric(20,10), user_ip inet not null, user_data jsonb not null,
	primary key (company_id, id), foreign key (company_id, ad_id) references ads (company_id, id));
create table impressions (id bigint not null, company_id bigint not null, ad_id bigint not null, seen_at timestamp not null, site_url text not null,
	cost_per_impression_usd numeric(20,10), user_ip inet not null, user_data jsonb not null,
	primary key (company_id, id), foreign key (company_id, ad_id) references ads (company_id, id));
`

const adsRegister = `
select keyway.shard_table('companies', 'id'); select keyway.shard_table('campaigns', 'company_id'); select keyway.shard_table('ads', 'company_id');
select keyway.shard_table('clicks', 'company_id'); select keyway.shard_table('impressions', 'company_id');
`

// adsTables are the tables in the order of their references, and the columns of their CSV files.
var adsTables = []struct{ name, columns string }{
	{"companies", "id name image_url created_at updated_at"},
	{"campaigns", "id company_id name cost_model state monthly_budget blacklisted_site_urls created_at updated_at"},
	{"ads", "id company_id campaign_id name image_url target_url impressions_count clicks_count created_at updated_at"},
	{"clicks", "id company_id ad_id clicked_at site_url cost_per_click_usd user_ip user_data"},
	{"impressions", "id company_id ad_id seen_at site_url cost_per_impression_usd user_ip user_data"},
}

// adsRecords are the rows of each table as CSV has them: those of the files without headers in the directory that
// KEYWAY_ADS names, otherwise made here.
func adsRecords(t *testing.T, r *rand.Rand) map[string][][]string {
	t.Helper()
	dir := os.Getenv("KEYWAY_ADS")
	if dir == "" {
		return makeAds(r)
	}
	all := map[string][][]string{}
	for _, table := range adsTables {
		f, err := os.Open(filepath.Join(dir, table.name+".csv"))
		require.NoError(t, err)
		all[table.name], err = csv.NewReader(f).ReadAll()
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	return all
}

// makeAds makes eight companies, the first of which has far more than the last.
func makeAds(r *rand.Rand) map[string][][]string {
	all := map[string][][]string{}
	next := map[string]int{}
	add := func(table string, values ...any) int {
		next[table]++
		row := []string{strconv.Itoa(next[table])}
		for _, v := range values {
			row = append(row, fmt.Sprint(v))
		}
		all[table] = append(all[table], row)
		return next[table]
	}
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	moment := func() string {
		return time.Date(2017, 1, 1, 0, 0, r.IntN(40*86400), 0, time.UTC).Format("2006-01-02 15:04:05")
	}
	event := func(table string, company, ad, cents int) {
		cost := ""
		if r.IntN(3) > 0 {
			cost = fmt.Sprintf("0.%010d", r.IntN(cents))
		}
		add(table, company, ad, moment(), pick("http://a.example/x", "http://B.example/y", "http://b.example/z", "http://ä.example/"), cost,
			fmt.Sprintf("%d.%d.0.%d", r.IntN(200), r.IntN(3), r.IntN(9)),
			fmt.Sprintf(`{"location": "%s", "is_mobile": %v}`, pick("MR", "BQ", "TN", "IQ"), r.IntN(2) == 0))
	}
	for range 8 {
		company := add("companies", pick("Ada", "ben", "Cleo")+" & Co", "", moment(), moment())
		size := 24 / (company * company)
		for range 1 + size {
			sites := pick("", "{}", "{http://a.example/x}", `{http://b.example/z,"with, comma"}`)
			campaign := add("campaigns", company, pick("Spring", "summer", "Autumn"), pick("cost_per_click", "cost_per_impression"), pick("running", "paused", "archived"),
				strconv.Itoa(100*r.IntN(60)), sites, moment(), moment())
			for range 1 + r.IntN(6) {
				ad := add("ads", company, campaign, pick("Heat", "cold", "Light"), "", "http://c.example/", 0, 0, moment(), moment())
				for range r.IntN(10) {
					event("clicks", company, ad, 9_000_000_000)
				}
				for range r.IntN(16) {
					event("impressions", company, ad, 90_000_000)
				}
			}
		}
	}
	return all
}

// values are a record's: numbers of rows as integers, what is empty as NULL, the rest as text.
func values(t *testing.T, columns, record []string) []any {
	t.Helper()
	row := make([]any, 0, len(columns))
	for i, column := range columns {
		switch {
		case record[i] == "":
			row = append(row, nil)
		case column == "id" || strings.HasSuffix(column, "_id"):
			n, err := strconv.ParseInt(record[i], 10, 64)
			require.NoError(t, err)
			row = append(row, n)
		default:
			row = append(row, record[i])
		}
	}
	return row
}

// TestAdsAreAnsweredAsByOnePostgres asks what the people of such a product ask: of one company, on its handle and with
// the key in the text, and of all of them.
func TestAdsAreAnsweredAsByOnePostgres(t *testing.T) {
	seed := setting(t, "KEYWAY_SEED", time.Now().UnixNano())
	t.Logf("KEYWAY_SEED=%d KEYWAY_ADS=%s", seed, cmp.Or(os.Getenv("KEYWAY_ADS"), "(made here)"))
	o := newOracle(t, adsSchema, adsRegister)
	o.foreign = os.Getenv("KEYWAY_ADS") != ""
	records := adsRecords(t, rand.New(rand.NewPCG(uint64(seed), 4)))
	var companies []int64
	for _, table := range adsTables {
		columns := strings.Fields(table.columns)
		var rows [][]any
		for _, record := range records[table.name] {
			row := values(t, columns, record)
			rows = append(rows, row)
			if table.name == "companies" {
				companies = append(companies, row[0].(int64))
			}
		}
		o.load(t, table.name, columns, rows)
		t.Logf("%6d %s", len(rows), table.name)
	}
	o.ask(t, o.set.DB.Scatter(), adsQuestions)
	for _, company := range companies {
		for _, q := range adsOfOne {
			o.compareTenant(t, q, company)
		}
	}
	t.Logf("%d statements for each of %d companies, on its handle and with the key in the text", len(adsOfOne), len(companies))
}

// compareTenant asks with the key's conditions in the text, and without them on the key's handle.
func (o *oracle) compareTenant(t *testing.T, q string, company int64) {
	t.Helper()
	keyed := strings.NewReplacer("[", "", "]", "").Replace(q)
	wantColumns, want, err := raw(t.Context(), o.one, keyed, []any{company}, true)
	require.NoError(t, err, keyed)
	columns, got, err := raw(t.Context(), o.set.DB, keyed, []any{company}, true)
	require.NoError(t, err, keyed)
	require.Equal(t, wantColumns, columns, keyed)
	require.True(t, slices.Equal(want, got), "%s\n%s", keyed, firstDifference(got, want))

	unkeyed := keyPart.ReplaceAllString(q, "true")
	columns, got, err = raw(t.Context(), o.set.DB.ForKey(shard.Int64(company)), unkeyed, nil, true)
	require.NoError(t, err, unkeyed)
	require.Equal(t, wantColumns, columns, unkeyed)
	require.True(t, slices.Equal(want, got), "%s\n%s", unkeyed, firstDifference(got, want))
}
