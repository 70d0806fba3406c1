// A store of one file, a line for each note: `notes add COUNT [--no-sync]`, `notes list`.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// One write for each mark: os.Stdout has no buffer.
func mark(format string, values ...any) {
	_, err := fmt.Fprintf(os.Stdout, format+"\n", values...)
	check(err)
}

// A name is durable when its folder is.
func syncFolder(folder string) {
	directory, err := os.Open(folder)
	check(err)
	check(directory.Sync())
	check(directory.Close())
}

func add(folder string, count int, syncs bool) {
	path := filepath.Join(folder, "notes")
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	check(err)
	syncFolder(folder)
	for number := 1; number <= count; number++ {
		mark("@begin t%d %d=note-%d", number, number, number)
		_, err := fmt.Fprintf(file, "note-%d;\n", number)
		check(err)
		if syncs {
			check(file.Sync())
		}
		mark("@ack t%d", number)
	}
}

func list(folder string) {
	text, err := os.ReadFile(filepath.Join(folder, "notes"))
	if !os.IsNotExist(err) {
		check(err)
	}
	for index, line := range strings.SplitAfter(string(text), "\n") {
		if !strings.HasSuffix(line, ";\n") {
			break
		}
		mark("@saw %d=%s", index+1, strings.TrimSuffix(line, ";\n"))
	}
	mark("@end")
}

func main() {
	folder := os.Getenv("PERJURY_DIR")
	if os.Args[1] == "add" {
		count, err := strconv.Atoi(os.Args[2])
		check(err)
		add(folder, count, len(os.Args) < 4 || os.Args[3] != "--no-sync")
	} else {
		list(folder)
	}
}
