import Glibc

/// The lines by which a workload tells the harness what it does; `docs/workloads.md` has the list.
///
/// Each mark is one `write(2)` call, past all buffers: the harness puts marks and file operations
/// into one order, and a mark that waits in a buffer would be logged later than it was true.
package enum Marks {
    package static func begin(_ change: Change) {
        let writes = change.writes.map { " \(encoded($0.key))=\(encoded($0.value))" }.joined()
        write("@begin \(change.name)\(writes)\n")
    }

    package static func acknowledge(_ change: Change) { write("@ack \(change.name)\n") }

    /// The transaction was rolled back: it must never be seen.
    package static func abort(_ change: Change) { write("@abort \(change.name)\n") }

    /// The commit failed: the transaction may be there wholly or not at all.
    package static func unknown(_ change: Change) { write("@unknown \(change.name)\n") }

    package static func saw(key: String, value: String) {
        write("@saw \(encoded(key))=\(encoded(value))\n")
    }

    /// The store's own check objects. `text` becomes one printable line.
    package static func corrupt(_ text: String) {
        let line = text.unicodeScalars.map { $0.value < 0x20 ? " " : String($0) }.joined()
        write("@corrupt \(line)\n")
    }

    /// The listing is complete.
    package static func end() { write("@end\n") }

    /// `text` with every byte outside of the plain ones as `%XX`.
    private static func encoded(_ text: String) -> String {
        let plain = Array(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-".utf8)
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if plain.contains(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Ends the program when the mark cannot be written whole: without it the run proves nothing.
    private static func write(_ line: String) {
        let bytes = Array(line.utf8)
        guard Glibc.write(STDOUT_FILENO, bytes, bytes.count) == bytes.count else {
            printError("cannot write a mark: \(String(cString: strerror(errno)))")
            exit(1)
        }
    }
}

/// Prints one line on stderr.
package func printError(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
}
