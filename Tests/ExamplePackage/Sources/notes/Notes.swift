import Glibc
import PerjuryMarks

/// A store in a few lines: one file, a line for each note. Each is sealed by its length, so that one in part is not taken
/// for a whole one.
///
/// Without `syncsNotes` a note is acknowledged before it is durable, which is the bug that the tests find.
struct Notes {
    let folder: String
    var syncsNotes = true

    private var path: String { "\(folder)/notes" }

    func add(_ numbers: ClosedRange<Int>) {
        let isNew = access(path, F_OK) != 0
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        guard file >= 0 else { fail("opening \(path)") }
        if isNew { syncFolder() }
        for number in numbers {
            let note = "note \(number)"
            Marks.begin("t\(number)", [(key: "\(number)", value: note)])
            let line = Array("\(note.utf8.count):\(note)\n".utf8)
            guard write(file, line, line.count) == line.count else { fail("writing \(path)") }
            if syncsNotes, fsync(file) != 0 { fail("syncing \(path)") }
            Marks.acknowledge("t\(number)")
        }
        close(file)
    }

    /// A name is durable when its folder is.
    private func syncFolder() {
        let directory = open(folder, O_RDONLY | O_DIRECTORY)
        guard directory >= 0, fsync(directory) == 0 else { fail("syncing \(folder)") }
        close(directory)
    }

    /// All notes that are there whole, numbered from 1.
    func list() {
        if let file = fopen(path, "r") {
            var buffer: UnsafeMutablePointer<CChar>?
            var size = 0
            var number = 0
            while getline(&buffer, &size, file) > 0, let buffer {
                let parts = String(cString: buffer).split(separator: ":", maxSplits: 1)
                guard parts.count == 2, parts[1].hasSuffix("\n"),
                    Int(parts[0]) == parts[1].utf8.count - 1
                else { break }
                number += 1
                Marks.saw(key: "\(number)", value: String(parts[1].dropLast()))
            }
            free(buffer)
            fclose(file)
        }
        Marks.end()
    }
}

func fail(_ doing: String) -> Never {
    perror(doing)
    exit(1)
}
