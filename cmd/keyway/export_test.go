package main

// Main lets the test binary be the program; see TestMain.
func Main() { main() }
