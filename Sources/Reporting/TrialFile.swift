import Basics
import Campaign
import FileTree
import Glibc
import Oracles

import struct SystemPackage.Errno

/// Trials as JSON lines, each with a checksum before it; see `docs/formats.md`.
///
/// The file is only ever added to, and two such files, one behind the other, are one: each begins with a line that says what
/// the trials after it are of. What cannot be read is passed over, and what cannot be written is not kept: both cost another
/// observation, no finding.
package final class TrialFile: TrialLog {
    private static let format = 2

    private let kept: [Trial]
    private let path: String
    private var file: CInt
    package private(set) var failure: String?

    /// - Parameters:
    ///   - identity: of the recording and of whatever else an observation depends on. Trials of others stay, and are not used.
    ///   - resuming: whether what the file holds stays; else it begins anew.
    package init(path: String, identity: String, resuming: Bool) {
        let head = Self.line(
            .object([
                .init("perjuryTrials", .number(Self.format)),
                .init("identity", .string(identity)),
            ]))
        kept = resuming ? Self.read(path, head) : []
        self.path = path
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_APPEND
        file = open(path, flags, 0o600)
        if file < 0 || !resuming && ftruncate(file, 0) != 0 { end() }
        // A line that was cut off ends here.
        let isBegun = file >= 0 && lseek(file, 0, SEEK_END) > 0
        write((isBegun ? [UInt8(ascii: "\n")] : []) + head)
    }

    deinit {
        if file >= 0 { close(file) }
    }

    package func earlier() -> [Trial] { kept }

    package func keep(_ trial: Trial) { write(Self.line(Self.json(trial))) }

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

    /// The trials behind heads like this one, in all whole lines of a file. A line that is not whole may have been a head: what
    /// follows it, up to the next one, is of something unknown.
    private static func read(_ path: String, _ head: [UInt8]) -> [Trial] {
        let wanted = head.dropLast()
        var kept: [Trial] = []
        var isWanted = false
        for line in bytes(path).split(separator: UInt8(ascii: "\n")) {
            if line.elementsEqual(wanted) {
                isWanted = true
                continue
            }
            let json = whole(line)
            if json == nil || json?["perjuryTrials"] != nil { isWanted = false }
            if isWanted, let json, let trial = trial(json) { kept.append(trial) }
        }
        return kept
    }

    /// What a line says whose checksum is right.
    private static func whole(_ line: ArraySlice<UInt8>) -> JSON? {
        guard line.count > 17, line[line.startIndex + 16] == UInt8(ascii: " "),
            String(decoding: line.prefix(16), as: UTF8.self)
                == Escaped.hexadecimal(hash(line.dropFirst(17)))
        else { return nil }
        return try? JSON(parsing: Array(line.dropFirst(17)))
    }

    private static func bytes(_ path: String) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = Glibc.read(file, &buffer, buffer.count), count > 0 {
            bytes += buffer[..<count]
        }
        return bytes
    }

    private static func json(_ kept: Trial) -> JSON {
        let outcome: JSON =
            switch kept.outcome {
            case .exited(let status): .object([.init("exited", .number(status))])
            case .killed(let signal): .object([.init("killed", .number(signal))])
            case .timedOut: .null
            }
        return .object([
            .init("tree", .string(Escaped.hexadecimal(kept.tree))),
            .init("outcome", outcome),
            .init("output", .string(text(kept.output))),
            .init("log", .string(text(kept.log))),
            .init("changes", .bool(kept.isChanging)),
            .init("left", .optional(kept.left.map { Escaped.hexadecimal($0) })),
            .init("second", .bool(kept.isSecond)),
        ])
    }

    private static func trial(_ json: JSON) -> Trial? {
        guard let hash = string(json["tree"]).flatMap({ UInt64($0, radix: 16) }),
            let output = string(json["output"]).flatMap(bytes),
            let log = string(json["log"]).flatMap(bytes), let outcome = outcome(json["outcome"]),
            case .bool(let isChanging)? = json["changes"],
            case .bool(let isSecond)? = json["second"], let left = json["left"]
        else { return nil }
        return Trial(
            tree: hash, output: output, outcome: outcome, log: log, isChanging: isChanging,
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
