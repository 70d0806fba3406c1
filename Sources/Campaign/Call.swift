import FileTree
import PowerLoss
import Recording

/// What a program called, as a trace would have it: `rename meta.json.tmp -> meta.json`, `write log [0, 4096)`.
///
/// It is a text here already, for it names more than it tells: what is alike in it but for numbers is one shape, and causes,
/// whose fingerprints people list, hold shapes and verbs. Sentences are made around it.
package struct Call: Hashable, Sendable {
    /// What was asked, and of what.
    let request: String
    /// Which bytes, where it was of some.
    var range: Range<UInt64>?

    package init(_ request: String, _ range: Range<UInt64>? = nil) {
        self.request = request
        self.range = range
    }

    /// Without its arguments: `rename`.
    var verb: String { String(request.prefix { $0 != " " }) }

    /// Equal for calls that do the same to files of the same name pattern, wherever in the files.
    package var shape: String { NamePattern.of(request) }
}

extension Call: CustomStringConvertible {
    package var description: String {
        request + (range.map { "[\($0.lowerBound), \($0.upperBound))" } ?? "")
    }
}

/// One record of a run, and what the program called.
package struct Step: Hashable, Sendable {
    /// Its place in the log.
    package let record: Int
    package let call: Call

    package init(_ record: Int, _ call: Call) {
        self.record = record
        self.call = call
    }
}

extension EffectLog {
    package func step(_ record: Int) -> Step { Step(record, call(record)) }

    package func call(_ record: Int) -> Call {
        let path =
            firstEffect[record] < firstEffect[record + 1]
            ? paths[effects[firstEffect[record + 1] - 1].path] : ""
        switch operation(record) {
        case .create(_, _, let new): return Call("\(Self.creation(new.kind)) \(path)")
        case .createUnnamed: return Call("create an unnamed file")
        case .link: return Call("link \(path)")
        case .remove(_, let isDirectory):
            return Call("\(isDirectory ? "rmdir" : "unlink") \(path)")
        case .rename(_, _, let mode):
            let first = paths[effects[firstEffect[record]].path]
            return Call(
                mode == .exchange
                    ? "exchange \(path) <-> \(first)" : "rename \(path) -> \(first)")
        case .write(_, let offset, let bytes, let origin):
            let what = origin == .dirtyPage ? "dirty page of" : "write"
            return Call("\(what) \(path) ", offset..<offset + UInt64(bytes.count))
        case .setSize(_, let size): return Call("truncate \(path) to \(size)")
        case .allocate(_, let mode, let range):
            return Call("\(mode == .punchHole ? "punch" : "allocate") \(path) ", range)
        case .setAttributes: return Call("set attributes of \(path)")
        case .setExtendedAttribute(_, let name, _):
            return Call("set attribute \(name) of \(path)")
        case .sync(let sync): return call(sync, record)
        case nil: break
        }
        switch recording[record].event {
        case .fault(let fault):
            if let sync = fault.sync { return call(sync, record) }
            return Call("\(fault.operation) \(fault.path)")
        default: return Call("mark")
        }
    }

    /// What the program asked for, the most frequent first: `the run made 40 write, 40 fdatasync, 1 create`.
    var requestsInWords: String {
        var counts: [String: Int] = [:]
        for record in 0..<recording.count where operation(record) != nil {
            let word = call(record).verb
            counts[word == "synchronous" ? "synchronous write" : word, default: 0] += 1
        }
        let most = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(5)
        guard !most.isEmpty else { return "the run made no request that changes or syncs anything" }
        let isFdatasync = counts["fdatasync"] != nil && counts["fsync"] == nil
        return "the run made " + most.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
            + (isFdatasync ? "; `sync` stands for each kind of sync" : "")
    }

    private func call(_ sync: Sync, _ record: Int) -> Call {
        let path = pathSynced(by: record).map { $0.isEmpty ? "." : $0 } ?? ""
        return switch sync {
        case .file(_, let dataOnly): Call("\(dataOnly ? "fdatasync" : "fsync") \(path)")
        case .range(_, let range, _): Call("synchronous write of \(path) ", range)
        case .directory: Call("fsync the directory \(path)")
        case .allocation: Call("synchronous allocation in \(path)")
        case .everything: Call("sync")
        }
    }

    private static func creation(_ kind: FileKind) -> String {
        switch kind {
        case .directory: "mkdir"
        case .symbolicLink: "symlink"
        case .regular: "create"
        default: "mknod"
        }
    }
}
