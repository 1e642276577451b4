package lease

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/keyway-go/keyway/pool/budget"
)

// The simulation runs Decide and Member, the very functions that run in production, against a server and processes that
// fail in every way the package promises to bear, in virtual time. After every event it counts the sockets of all
// processes, those being dialled, draining and orphaned ones included.

const (
	simDial  = 10 * time.Second  // the longest dial; the grace is longer
	simDrift = 0.005             // how much clocks differ in rate
	simLate  = 150 * time.Second // the latest that a request comes
)

// socket is a connection of a process to the server.
type socket struct {
	owner   string
	visible time.Duration // when its backend appears in pg_stat_activity
	ends    time.Duration // when its backend is gone; forever while the process keeps it
	broken  bool          // the dial will fail
}

const forever = 1 << 60

// mail is a request on its way to the server, or a reply on its way back.
type mail struct {
	at      time.Duration
	to      *proc
	request *Request
	reply   Reply
}

// proc is a process.
type proc struct {
	*Member
	name        string
	up, leaving bool
	rate        float64       // of its clocks
	wallShift   time.Duration // steps of its wall clock
	machine     bool          // its machine may be suspended; then its wall clock is right (both at once is not borne)
	frozen      time.Duration // how long its monotonic clock stood still
	asleep      time.Duration // until when it does nothing
	cut         time.Duration // until when the lease table cannot be reached
	next        time.Duration // when it asks next
	demand      int
	held        int // by the last reply, as the keeper knows it
}

type world struct {
	*rand.Rand
	ru      rules
	now     time.Duration
	calm    bool          // nothing fails any more
	pace    time.Duration // the longest moment
	b       Budget
	since   time.Time
	rows    map[string]Row
	history []moment
	sockets []*socket
	procs   []*proc
	mail    []mail
	made    int
	ceiling int // what all sockets together may be
	tells   bool
	trace   []string
	most    int
}

// moment is what the server had committed at a time.
type moment struct {
	at   time.Duration
	rows map[string]Row
}

func newWorld(seed uint64, ru rules) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 7)), ru: ru, rows: map[string]Row{}, pace: 4 * time.Second}
	w.b = w.budget()
	w.ceiling = w.b.Connections - w.b.Reserve
	for range 1 + w.IntN(w.b.Processes+2) {
		w.join()
	}
	return w
}

func (w *world) budget() Budget {
	b := Budget{Processes: 1 + w.IntN(4), Floor: 1 + w.IntN(2), Reserve: 1, TTL: DefaultTTL, MemberTTL: DefaultMemberTTL,
		Grace: DefaultGrace}
	b.Connections = b.Reserve + b.Processes*b.Floor + w.IntN(10)
	return b
}

func (w *world) chance(oneIn int) bool { return !w.calm && w.IntN(oneIn) == 0 }

func (w *world) span(most time.Duration) time.Duration { return time.Duration(w.Int64N(int64(most))) }

func (w *world) say(format string, args ...any) {
	if !w.tells {
		return
	}
	w.trace = append(w.trace, fmt.Sprintf("%8.2fs ", w.now.Seconds())+fmt.Sprintf(format, args...))
}

func (w *world) join() {
	w.made++
	p := &proc{name: fmt.Sprintf("p%03d", w.made), up: true, rate: 1 + simDrift*(2*w.Float64()-1),
		next: w.now + w.span(time.Second), demand: w.IntN(12), machine: w.IntN(2) == 0}
	p.Member = NewMember(Holder{Name: p.name})
	p.rules = w.ru
	w.procs = append(w.procs, p)
	w.say("%s starts", p.name)
}

// read is the process's clocks.
func (w *world) read(p *proc) Reading {
	at := time.Duration(float64(w.now) * p.rate)
	return Reading{Monotonic: at - p.frozen, Wall: at + p.wallShift}
}

func (w *world) of(p *proc) (own []*socket) {
	for _, s := range w.sockets {
		if s.owner == p.name {
			own = append(own, s)
		}
	}
	return own
}

// step is one moment: time passes, then everybody does what they do.
func (w *world) step() {
	w.now += 10*time.Millisecond + w.span([]time.Duration{200 * time.Millisecond, w.pace}[w.IntN(2)])
	w.sockets = slices.DeleteFunc(w.sockets, func(s *socket) bool {
		return s.ends <= w.now || s.broken && s.visible <= w.now
	})
	w.deliver()
	for _, i := range w.Perm(len(w.procs)) {
		w.live(w.procs[i])
	}
	w.procs = slices.DeleteFunc(w.procs, func(p *proc) bool { return !p.up })
	if w.chance(60) && len(w.procs) < 2*w.b.Processes+1 {
		w.join()
	}
	if w.chance(250) {
		w.failOver()
	}
	if w.chance(200) && len(w.history) > 0 {
		w.b = w.budget()
		w.history = nil // a failover does not lose this change: its ceiling would not be known
		w.ceiling = max(w.ceiling, w.b.Connections-w.b.Reserve)
		w.say("budget: %+v", w.b)
	}
}

// deliver carries mail that is due, in any order.
func (w *world) deliver() {
	var due []mail
	w.mail = slices.DeleteFunc(w.mail, func(m mail) bool {
		if m.at > w.now {
			return false
		}
		due = append(due, m)
		return true
	})
	w.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
	for _, m := range due {
		switch {
		case m.request != nil:
			w.serve(m)
		case m.to.asleep > w.now:
			m.at = m.to.asleep
			w.mail = append(w.mail, m)
		case m.to.Answer(w.read(m.to), m.reply):
			m.to.held = m.reply.Held
			w.say("%s may use %d+%d (%s)", m.to.name, m.reply.Floor, m.reply.Granted, m.reply.Reason)
		}
	}
}

// serve is the store.
func (w *world) serve(m mail) {
	epoch := time.Unix(1e9, 0)
	l := Ledger{Now: epoch.Add(w.now), Budget: w.b, Since: w.since}
	shown := map[string]int{}
	for _, s := range w.sockets {
		if s.visible <= w.now {
			shown[s.owner]++
		}
	}
	for name, r := range w.rows {
		r.Shown = shown[name]
		delete(shown, name)
		l.Rows = append(l.Rows, r)
	}
	for _, n := range shown {
		l.Strangers += n
	}
	charged := l.Strangers
	d := w.ru.decide(l, *m.request)
	if !d.Stale {
		rows := map[string]Row{}
		for name, r := range w.rows {
			if !slices.Contains(d.Remove, name) {
				rows[name] = r
			}
		}
		if d.Write != nil {
			rows[m.to.name] = *d.Write
		}
		w.rows = rows
		w.history = append(w.history, moment{w.now, rows})
		w.say("server: %s #%d uses %d+%d open %d -> %+v", m.to.name, m.request.Seq, m.request.Floor, m.request.Granted,
			m.request.Open, d.Reply)
	}
	for _, r := range l.Rows {
		if next, ok := w.rows[r.Holder.Name]; ok {
			next.Shown = r.Shown
			charged += next.charge(l.Now)
		}
	}
	if d.Write != nil && m.request.Seq == 1 {
		charged += d.Write.charge(l.Now)
	}
	learning := !w.since.IsZero() && l.Now.Before(w.since.Add(w.b.MemberTTL+w.b.Grace))
	if most := w.b.Connections - w.b.Reserve; charged <= most && !learning {
		w.ceiling = most
	}
	if !d.Stale && !w.chance(12) { // else the reply is lost
		w.mail = append(w.mail, mail{at: w.now + w.delay(), to: m.to, reply: d.Reply})
	}
}

func (w *world) delay() time.Duration {
	switch {
	case w.chance(25):
		return w.span(simLate)
	case w.chance(8):
		return w.span(8 * time.Second)
	}
	return w.span(50 * time.Millisecond)
}

// failOver forgets the last moments and every connection.
func (w *world) failOver() {
	back := w.now - w.span(5*time.Second)
	for len(w.history) > 0 && w.history[len(w.history)-1].at > back {
		w.history = w.history[:len(w.history)-1]
	}
	if len(w.history) == 0 {
		return
	}
	w.rows = w.history[len(w.history)-1].rows
	w.since = time.Unix(1e9, 0).Add(w.now)
	w.sockets = nil
	w.mail = slices.DeleteFunc(w.mail, func(m mail) bool { return m.request != nil })
	w.say("the server fails over to %.2fs", back.Seconds())
}

// live is what a process does in a moment.
func (w *world) live(p *proc) {
	if p.asleep > w.now {
		return
	}
	switch {
	case w.chance(400):
		w.crash(p)
		return
	case w.chance(300):
		p.asleep = w.now + w.span(5*time.Minute)
		if p.machine {
			p.frozen += p.asleep - w.now
		}
		w.say("%s sleeps for %.1fs", p.name, (p.asleep - w.now).Seconds())
		return
	case w.chance(200):
		p.cut = w.now + w.span(6*time.Minute)
		w.say("%s is cut off for %.1fs", p.name, (p.cut - w.now).Seconds())
	case !p.machine && w.chance(400):
		p.wallShift += w.span(2*time.Hour) - time.Hour
	case w.chance(400) && !p.leaving:
		p.leaving, p.next = true, w.now
		w.say("%s leaves", p.name)
	case w.chance(30):
		p.demand = w.IntN(14)
	}
	w.resize(p)
	w.renew(p)
}

// resize opens what is allowed and wanted, and closes what is not.
func (w *world) resize(p *proc) {
	floor, granted := p.Allowance(w.read(p))
	own := w.of(p)
	if p.leaving {
		floor, granted = 0, 0
	}
	for ; len(own) < min(floor+granted, p.demand); own = append(own, w.sockets[len(w.sockets)-1]) {
		if !w.calm && w.IntN(3) == 0 {
			break
		}
		dial := w.span(20 * time.Millisecond)
		if w.chance(3) {
			dial = simDial/2 + w.span(simDial/2)
		}
		w.sockets = append(w.sockets, &socket{owner: p.name, visible: w.now + dial, ends: forever, broken: w.chance(20)})
	}
	keep := min(floor+granted, max(p.demand, 1))
	for _, s := range own[min(keep, len(own)):] {
		if s.ends == forever {
			s.ends = w.busy()
		}
	}
	if w.chance(50) && len(own) > 0 {
		own[0].ends = min(own[0].ends, w.busy())
	}
}

// busy is when a connection that should end ends: most are idle, a statement may run for long.
func (w *world) busy() time.Duration {
	switch {
	case w.chance(4):
		return w.now + w.span(5*time.Minute)
	case w.chance(2):
		return w.now + w.span(10*time.Second)
	}
	return w.now + time.Millisecond
}

// crash ends a process; backends that are at work notice later.
func (w *world) crash(p *proc) {
	p.up = false
	for _, s := range w.of(p) {
		s.ends = min(s.ends, max(w.busy(), s.visible))
	}
	w.say("%s crashes", p.name)
}

// renew asks for the lease when it is time, as a Keeper does.
func (w *world) renew(p *proc) {
	if w.now < p.next {
		return
	}
	p.Abandon()
	q := p.Ask(w.read(p), Load{Open: len(w.of(p)), Want: p.demand, Most: 100, Leaving: p.leaving})
	pause := w.b.Heartbeat()
	if p.held > q.Granted && q.Floor > 0 {
		pause /= 4
	}
	p.next = w.now + time.Duration(float64(pause)*(0.9+0.2*w.Float64()))
	if w.now >= p.cut && !w.chance(12) {
		w.mail = append(w.mail, mail{at: w.now + w.delay(), to: p, request: &q})
		if w.chance(15) {
			w.mail = append(w.mail, mail{at: w.now + w.delay(), to: p, request: &q})
		}
	}
	if p.leaving {
		p.up = false
		for _, s := range w.of(p) {
			s.ends = min(s.ends, max(w.busy(), s.visible))
		}
	}
}

// violation is what was found, or "".
func (w *world) violation() string {
	w.most = max(w.most, len(w.sockets))
	if len(w.sockets) > w.ceiling {
		by := map[string]int{}
		for _, s := range w.sockets {
			by[s.owner]++
		}
		return fmt.Sprintf("L1: %d sockets, and the budget allows %d: %v", len(w.sockets), w.ceiling, by)
	}
	return ""
}

const simSteps = 350

// run returns the first violation.
func (w *world) run() string {
	for range simSteps {
		w.step()
		if v := w.violation(); v != "" {
			return v
		}
	}
	return ""
}

// settle lets everything that failed pass and checks that everybody gets their share (L4).
func (w *world) settle() string {
	w.calm = true
	for _, p := range w.procs {
		p.asleep, p.cut = 0, 0
	}
	quiet := func(d time.Duration) string {
		for end := w.now + d; w.now < end; {
			w.step()
			if v := w.violation(); v != "" {
				return v
			}
		}
		return ""
	}
	if v := quiet(5*time.Minute + simLate + w.b.MemberTTL + w.b.Grace); v != "" {
		return v
	}
	w.pace = 400 * time.Millisecond
	if v := quiet(4 * w.b.Heartbeat()); v != "" {
		return v
	}
	for range 2 {
		if v := w.fair(); v != "" {
			return v
		}
		for _, p := range w.procs {
			p.demand = w.IntN(14)
		}
		// Two heartbeats for those who shrink to say so, one for those who grow, and what jitter and steps add.
		if v := quiet(4*w.b.Heartbeat() + 5*time.Second); v != "" {
			return v
		}
	}
	return w.fair()
}

// fair reports who has not what they should have.
func (w *world) fair() string {
	var claims []budget.Claim
	var members []*proc
	waiting := 0
	for _, p := range w.procs {
		floor, granted := p.Allowance(w.read(p))
		switch {
		case floor == 0:
			waiting++
			continue
		case floor != w.b.Floor:
			return fmt.Sprintf("L4: %s has a floor of %d, not %d", p.name, floor, w.b.Floor)
		}
		_ = granted
		members = append(members, p)
		claims = append(claims, claim(p.name, 1, floor, p.demand, 100))
	}
	if len(members) != min(len(w.procs), w.b.Processes) {
		return fmt.Sprintf("L4: %d processes of %d have a place, and there are %d places", len(members), len(w.procs), w.b.Processes)
	}
	elastic := w.b.Connections - w.b.Reserve - w.b.Floor*w.b.Processes
	for i, share := range budget.Allocate(elastic, claims) {
		if _, granted := members[i].Allowance(w.read(members[i])); granted != share {
			return fmt.Sprintf("L4: %s is granted %d, and its share of %d is %d (wants %d)", members[i].name, granted, elastic,
				share, members[i].demand)
		}
	}
	return ""
}

// histories are as many as show every mutant of TestTheSimulationFindsEveryMutant, and some more; make soak plays more.
const histories = 450

// TestTheBudgetHoldsWhateverFails is L1 to L4 on random histories.
func TestTheBudgetHoldsWhateverFails(t *testing.T) {
	seeds := uint64(histories)
	if testing.Short() {
		seeds = 200
	}
	if n, err := strconv.ParseUint(os.Getenv("KEYWAY_LEASE_SEEDS"), 10, 64); err == nil {
		seeds = n
	}
	busy := 0
	for seed := range seeds {
		w := newWorld(seed, rules{})
		if v := w.lifetime(seed%4 == 0); v != "" {
			again := newWorld(seed, rules{})
			again.tells = true
			_ = again.lifetime(seed%4 == 0)
			t.Fatalf("seed %d: %s\n%s", seed, v, tail(again.trace, 60))
		}
		if w.most >= w.ceiling {
			busy++
		}
	}
	require.Greater(t, busy, int(seeds/4), "a simulation that does not use the budget up shows nothing")
}

// lifetime is one history, and the quiet after it when settles is true.
func (w *world) lifetime(settles bool) string {
	if v := w.run(); v != "" || !settles {
		return v
	}
	return w.settle()
}

func tail(lines []string, n int) string {
	out := ""
	for _, l := range lines[max(0, len(lines)-n):] {
		out += l + "\n"
	}
	return out
}

// TestTheSimulationFindsEveryMutant: each rule is there because without it the budget breaks.
func TestTheSimulationFindsEveryMutant(t *testing.T) {
	mutants := map[string]struct {
		ru    rules
		first uint64 // the first history that shows it
	}{
		"no grace":                               {rules{noGrace: true}, 369},
		"the grant is charged, not what is open": {rules{grantOnly: true}, 0},
		"what may still be used is not charged":  {rules{noClaim: true}, 63},
		"a process counts from the reply":        {rules{replyClock: true}, 285},
		"what the server shows is not charged":   {rules{noEvidence: true}, 9},
		"late requests are answered":             {rules{noSequence: true}, 203},
		"no learning after a failover":           {rules{noLearning: true}, 405},
		"a floor for ever":                       {rules{noMemberTTL: true}, 114},
		"a connection for everybody":             {rules{floorForAll: true}, 0},
		"the monotonic clock alone":              {rules{monotonicOnly: true}, 323},
	}
	for name, m := range mutants {
		t.Run(name, func(t *testing.T) {
			require.Less(t, m.first, uint64(histories), "TheBudgetHolds must see it, too")
			for i := range uint64(10000) { // when the simulation has changed, a later one, or an earlier
				seed := (m.first + i) % 10000
				if v := newWorld(seed, m.ru).run(); v != "" {
					t.Logf("seed %d: %s", seed, v)
					return
				}
			}
			t.Fatal("the mutant survives: the simulation does not see what the rule is for")
		})
	}
}
