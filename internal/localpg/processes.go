package localpg

// descendants are the living processes below root, children before theirs.
func descendants(root int) []int {
	children := map[int][]int{}
	for pid, parent := range processes() {
		children[parent] = append(children[parent], pid)
	}
	var below []int
	next := []int{root}
	for len(next) > 0 {
		pid := next[0]
		next = append(next[1:], children[pid]...)
		below = append(below, children[pid]...)
	}
	return below
}
