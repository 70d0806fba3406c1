import Glibc

/// A document that is made from the code, as a whole or in parts.
///
/// A part stands between `<!-- made: NAME -->` and `<!-- end -->`. `make documents` sets PERJURY_WRITE_DOCUMENTS, and
/// then what was made is written; without it, a test compares what was made with what the document has.
package struct MadeDocument {
    package let path: String

    /// - Parameter name: below the package's folder, such as `docs/models.md`.
    package init(_ name: String) {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
        path = "\(root)/\(name)"
    }

    private static var isWriting: Bool { getenv("PERJURY_WRITE_DOCUMENTS") != nil }

    /// All that the document has, after `text` was written if that is asked for.
    package func whole(made text: String) throws -> String {
        if Self.isWriting { try write(text) }
        return String(decoding: try FileBytes.read(path), as: UTF8.self)
    }

    /// What the document has between the marks of a part, after `text` was written there if that is asked for; nil
    /// without marks.
    package func part(_ name: String, made text: String) throws -> String? {
        let all = String(decoding: try FileBytes.read(path), as: UTF8.self)
        guard let start = all.firstRange(of: "<!-- made: \(name) -->\n")?.upperBound,
            let end = all[start...].firstRange(of: "<!-- end -->")?.lowerBound
        else { return nil }
        guard Self.isWriting else { return String(all[start..<end]) }
        try write(all[..<start] + text + all[end...])
        return text
    }

    private func write(_ text: some StringProtocol) throws {
        try FileBytes.write(Array(text.utf8), to: path)
        chmod(path, 0o644)
    }
}
