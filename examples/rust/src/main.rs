//! A store of one file, a line for each note: `notes add COUNT [--no-sync]`, `notes list`.
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// One write for each mark: a line that waits in a buffer would be told later than it was true.
fn mark(line: String) -> io::Result<()> {
    io::stdout().write_all((line + "\n").as_bytes())
}

fn add(folder: &Path, count: usize, syncs: bool) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(folder.join("notes"))?;
    // A name is durable when its folder is.
    File::open(folder)?.sync_all()?;
    for number in 1..=count {
        mark(format!("@begin t{number} {number}=note-{number}"))?;
        file.write_all(format!("note-{number};\n").as_bytes())?;
        if syncs {
            file.sync_all()?;
        }
        mark(format!("@ack t{number}"))?;
    }
    Ok(())
}

fn list(folder: &Path) -> io::Result<()> {
    let bytes = match fs::read(folder.join("notes")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read?,
    };
    let text = String::from_utf8_lossy(&bytes);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let Some(note) = line.strip_suffix(";\n") else { break };
        mark(format!("@saw {}={note}", index + 1))?;
    }
    mark("@end".into())
}

fn main() -> io::Result<()> {
    let folder = std::env::var("PERJURY_DIR").expect("PERJURY_DIR names the data directory");
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words[0].as_str() {
        "add" => add(
            Path::new(&folder),
            words[1].parse().expect("a count"),
            !words.iter().any(|word| word == "--no-sync"),
        ),
        _ => list(Path::new(&folder)),
    }
}
