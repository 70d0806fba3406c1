use std::process::Command;

/// Runs the store, cuts its power everywhere: whether it holds, and the report.
fn explore(name: &str, run: &str, observe: &str) -> (bool, String) {
    let perjury = std::env::var("PERJURY").unwrap_or("perjury".into());
    let out = format!("{}/perjury-{name}", env!("CARGO_TARGET_TMPDIR"));
    let output = Command::new(perjury)
        .args(["run", "--run", run, "--observe", observe, "--out", &out, "--budget", "2000"])
        .output()
        .expect("perjury is in the PATH, or PERJURY names it");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // 0: it holds; 1: it does not; anything else: it could not be found out.
    assert!(matches!(output.status.code(), Some(0 | 1)), "{text}{:?}", output.stderr);
    (output.status.success(), text)
}

const NOTES: &str = env!("CARGO_BIN_EXE_notes");

#[test]
fn holds_with_its_syncs() {
    let (holds, text) = explore("notes", &format!("{NOTES} add 5"), &format!("{NOTES} list"));
    assert!(holds, "{text}");
}

#[test]
fn is_caught_without_its_sync() {
    let run = format!("{NOTES} add 5 --no-sync");
    let (holds, text) = explore("notes-no-sync", &run, &format!("{NOTES} list"));
    assert!(!holds, "{text}");
    assert!(text.contains("lost-commit") && text.contains("fsync notes"), "{text}");
}
