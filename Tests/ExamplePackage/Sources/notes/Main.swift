import Glibc

/// `notes add COUNT [--no-sync]`, `notes list`: in the folder `PERJURY_DIR`.
@main
struct Main {
    static func main() {
        guard let folder = getenv("PERJURY_DIR") else { fail("PERJURY_DIR") }
        var notes = Notes(folder: String(cString: folder))
        let words = CommandLine.arguments.dropFirst()
        notes.syncsNotes = !words.contains("--no-sync")
        switch words.first {
        case "add": notes.add(1...(words.dropFirst().first.flatMap { Int($0) } ?? 1))
        case "list": notes.list()
        default: fail("notes add COUNT, or notes list")
        }
    }
}
