package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Runs the store, cuts its power everywhere: whether it holds, and the report.
func explore(t *testing.T, run, observe string) (bool, string) {
	perjury := os.Getenv("PERJURY")
	if perjury == "" {
		perjury = "perjury"
	}
	command := exec.Command(perjury, "run", "--run", run, "--observe", observe,
		"--out", filepath.Join(t.TempDir(), "out"), "--budget", "2000")
	text, err := command.CombinedOutput()
	// 0: it holds; 1: it does not; anything else: it could not be found out.
	if status := command.ProcessState.ExitCode(); status != 0 && status != 1 {
		t.Fatalf("%v\n%s", err, text)
	}
	return err == nil, string(text)
}

func build(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "notes")
	if text, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return path
}

func TestHoldsWithItsSyncs(t *testing.T) {
	notes := build(t)
	if holds, text := explore(t, notes+" add 5", notes+" list"); !holds {
		t.Error(text)
	}
}

func TestIsCaughtWithoutItsSync(t *testing.T) {
	notes := build(t)
	holds, text := explore(t, notes+" add 5 --no-sync", notes+" list")
	if holds || !strings.Contains(text, "lost-commit") || !strings.Contains(text, "fsync notes") {
		t.Error(text)
	}
}
