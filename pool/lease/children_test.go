package lease_test

func runAsChild() {}
