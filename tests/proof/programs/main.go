// Says that it runs and waits for the end of its input; the rest is code to look at.
package main

import "os"

type shape interface{ area(scale int) int }
type square struct{ side int }
type oblong struct{ width, height int }

func (s square) area(scale int) int  { return s.side * s.side * scale }
func (o *oblong) area(scale int) int { return o.width * o.height * scale }

//go:noinline
func total(shapes []shape, names map[string]int) (sum int, longest string) {
	defer func() { recover() }()
	for index, one := range shapes {
		sum += one.area(index)
	}
	for name, weight := range names {
		switch {
		case weight > 9:
			sum += weight
		case len(name) > len(longest):
			longest = name
		}
	}
	return sum, longest
}

//go:noinline
func grow(depth int) int {
	var room [512]byte
	if depth == 0 {
		return len(room)
	}
	room[depth%len(room)] = byte(depth)
	return grow(depth-1) + int(room[(depth*7)%len(room)])
}

func main() {
	sum, longest := total([]shape{square{3}, &oblong{2, 5}}, map[string]int{"one": 1, "ten": 10})
	os.Stdout.WriteString("ready " + longest + string(rune('a'+(sum+grow(64))%26)) + "\n")
	os.Stdin.Read(make([]byte, 1))
}
