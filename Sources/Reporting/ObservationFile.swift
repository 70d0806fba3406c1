import Basics
import Campaign
import FileTree
import Glibc
import Oracles

import struct SystemPackage.Errno

/// Observations as JSON lines, each with a checksum before it; see `docs/formats.md`.
///
/// What cannot be read of an earlier file is left out, and what cannot be written is not kept: both cost another observation,
/// no finding.
package final class ObservationFile: ObservationStore {
    private static let format = 1

    private let kept: [KeptObservation]
    private let path: String
    private var file: CInt
    package private(set) var failure: String?

    /// - Parameters:
    ///   - identity: of the recording and of whatever else an observation depends on. Another one than in the file begins anew.
    ///   - resuming: whether what the file holds is taken over.
    package init(path: String, identity: String, resuming: Bool) {
        let head = Self.line(
            .object([
                .init("perjuryObservations", .number(Self.format)),
                .init("identity", .string(identity)),
            ]))
        let (earlier, length) =
            resuming ? Self.read(path, head) : ([], 0)
        kept = earlier
        self.path = path
        file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        // A line that was cut off goes.
        if file < 0 || ftruncate(file, off_t(length)) != 0 || lseek(file, 0, SEEK_END) < 0 {
            end()
        }
        if length == 0 { write(head) }
    }

    deinit {
        if file >= 0 { close(file) }
    }

    package func earlier() -> [KeptObservation] { kept }

    package func keep(_ observation: KeptObservation) {
        write(Self.line(Self.json(observation)))
    }

    private func write(_ bytes: [UInt8]) {
        guard file >= 0 else { return }
        // Half a line, on a full disk, ends what is kept: no other may follow it.
        if Glibc.write(file, bytes, bytes.count) != bytes.count { end() }
    }

    private func end() {
        failure =
            "writing \(path): \(Errno(rawValue: errno)); --resume will have to observe again"
        if file >= 0 { close(file) }
        file = -1
    }

    // MARK: Lines

    private static func line(_ json: JSON) -> [UInt8] {
        let text = Array(json.line.utf8)
        let sum = hash(text[...])
        return Array("\(Escaped.hexadecimal(sum)) ".utf8) + text + [UInt8(ascii: "\n")]
    }

    private static func hash(_ text: ArraySlice<UInt8>) -> UInt64 {
        text.withUnsafeBytes { StableHash.of($0) }
    }

    /// What the lines of a file say, up to the first that is not whole; and where that one begins.
    private static func read(_ path: String, _ head: [UInt8]) -> ([KeptObservation], Int) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return ([], 0) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = Glibc.read(file, &buffer, buffer.count), count > 0 {
            bytes += buffer[..<count]
        }
        guard bytes.starts(with: head) else { return ([], 0) }
        var kept: [KeptObservation] = []
        var start = head.count
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            let line = bytes[start..<end]
            guard line.count > 17, line[start + 16] == UInt8(ascii: " "),
                String(decoding: line.prefix(16), as: UTF8.self)
                    == Escaped.hexadecimal(hash(line.dropFirst(17))),
                let json = try? JSON(parsing: Array(line.dropFirst(17))),
                let observation = observation(json)
            else { break }
            kept.append(observation)
            start = end + 1
        }
        return (kept, start)
    }

    private static func json(_ kept: KeptObservation) -> JSON {
        let outcome: JSON =
            switch kept.outcome {
            case .exited(let status): .object([.init("exited", .number(status))])
            case .killed(let signal): .object([.init("killed", .number(signal))])
            case .timedOut: .null
            }
        return .object([
            .init("tree", .string(Escaped.hexadecimal(kept.hash))),
            .init("outcome", outcome),
            .init("output", .string(text(kept.output))),
            .init("log", .string(text(kept.log))),
            .init("changes", .bool(kept.isChanging)),
            .init("left", .optional(kept.left.map { Escaped.hexadecimal($0) })),
            .init("second", .bool(kept.isSecond)),
        ])
    }

    private static func observation(_ json: JSON) -> KeptObservation? {
        guard let hash = string(json["tree"]).flatMap({ UInt64($0, radix: 16) }),
            let output = string(json["output"]).flatMap(bytes),
            let log = string(json["log"]).flatMap(bytes), let outcome = outcome(json["outcome"]),
            case .bool(let isChanging)? = json["changes"],
            case .bool(let isSecond)? = json["second"], let left = json["left"]
        else { return nil }
        return KeptObservation(
            hash: hash, output: output, outcome: outcome, log: log, isChanging: isChanging,
            left: string(left).flatMap { UInt64($0, radix: 16) }, isSecond: isSecond)
    }

    private static func string(_ json: JSON?) -> String? {
        guard case .string(let text)? = json else { return nil }
        return text
    }

    private static func outcome(_ json: JSON?) -> Observation.Outcome? {
        if json == .null { return .timedOut }
        if case .integer(let status)? = json?["exited"] {
            return Int32(exactly: status).map { .exited($0) }
        }
        if case .integer(let signal)? = json?["killed"] {
            return Int32(exactly: signal).map { .killed(signal: $0) }
        }
        return nil
    }

    /// Any bytes as text: each as the character of its number.
    private static func text(_ bytes: [UInt8]) -> String {
        var text = String.UnicodeScalarView()
        for byte in bytes { text.append(Unicode.Scalar(byte)) }
        return String(text)
    }

    private static func bytes(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        for scalar in text.unicodeScalars {
            guard let byte = UInt8(exactly: scalar.value) else { return nil }
            bytes.append(byte)
        }
        return bytes
    }
}
