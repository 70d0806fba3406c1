import Glibc

/// The lines by which a program tells perjury what it does; `docs/workloads.md` has the list.
///
/// Each mark is one `write(2)` call to standard output, past all buffers: marks and file operations are put into one order,
/// and a mark that waits in a buffer would stand later in it than it was true. A program whose mark cannot be written ends
/// with exit status 1: without the mark its run proves nothing.
public enum Marks {
    /// A transaction begins.
    ///
    /// - Parameters:
    ///   - name: unique in the run.
    ///   - writes: what it will have written; an empty value deletes the key.
    public static func begin(_ name: String, _ writes: [(key: String, value: String)]) {
        let words = writes.map { " \(encoded($0.key))=\(encoded($0.value))" }.joined()
        write("@begin \(encoded(name))\(words)\n")
    }

    /// The transaction is durable from here on: the store has sworn it.
    public static func acknowledge(_ name: String) { write("@ack \(encoded(name))\n") }

    /// The transaction was rolled back: it must never be seen.
    public static func abort(_ name: String) { write("@abort \(encoded(name))\n") }

    /// The commit failed: the transaction may be there wholly or not at all.
    public static func unknown(_ name: String) { write("@unknown \(encoded(name))\n") }

    /// The observer has found the key with this value.
    public static func saw(key: String, value: String) {
        write("@saw \(encoded(key))=\(encoded(value))\n")
    }

    /// The store's own check objects. `text` becomes one printable line.
    public static func corrupt(_ text: String) {
        let line = text.unicodeScalars.map { $0.value < 0x20 ? " " : String($0) }.joined()
        write("@corrupt \(line)\n")
    }

    /// The listing is complete.
    public static func end() { write("@end\n") }

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
