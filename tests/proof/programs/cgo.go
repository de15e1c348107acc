package main

// static int twice(int number) { return 2 * number; }
import "C"

func init() { _ = C.twice(21) }
