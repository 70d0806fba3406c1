import FileTree
import PowerLoss
import Recording

extension EffectLog {
    /// The record as a line: `rename meta.json.tmp -> meta.json`.
    package func words(_ record: Int) -> String {
        let path =
            firstEffect[record] < firstEffect[record + 1]
            ? paths[effects[firstEffect[record + 1] - 1].path] : ""
        switch operation(record) {
        case .create(_, _, let new): return "\(Self.creation(new.kind)) \(path)"
        case .createUnnamed: return "create an unnamed file"
        case .link: return "link \(path)"
        case .remove(_, let isDirectory): return "\(isDirectory ? "rmdir" : "unlink") \(path)"
        case .rename(_, _, let mode):
            let first = paths[effects[firstEffect[record]].path]
            return mode == .exchange
                ? "exchange \(path) <-> \(first)" : "rename \(path) -> \(first)"
        case .write(_, let offset, let bytes, .dirtyPage):
            return "dirty page of \(path) [\(offset), \(offset + UInt64(bytes.count)))"
        case .write(_, let offset, let bytes, _):
            return "write \(path) [\(offset), \(offset + UInt64(bytes.count)))"
        case .setSize(_, let size): return "truncate \(path) to \(size)"
        case .allocate(_, let mode, let range):
            return
                "\(mode == .punchHole ? "punch" : "allocate") \(path) [\(range.lowerBound), \(range.upperBound))"
        case .setAttributes: return "set attributes of \(path)"
        case .setExtendedAttribute(_, let name, _): return "set attribute \(name) of \(path)"
        case .sync(let sync): return words(sync, record)
        case nil: break
        }
        switch recording[record].event {
        case .fault(let fault):
            if let sync = fault.sync { return words(sync, record) }
            return "\(fault.operation) \(fault.path)"
        default: return "mark"
        }
    }

    /// What the program asked for, the most frequent first: `the run made 40 write, 40 fdatasync, 1 create`.
    var requestsInWords: String {
        var counts: [String: Int] = [:]
        for record in 0..<recording.count where operation(record) != nil {
            let word = String(words(record).prefix { $0 != " " })
            counts[word == "synchronous" ? "synchronous write" : word, default: 0] += 1
        }
        let most = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(5)
        guard !most.isEmpty else { return "the run made no request that changes or syncs anything" }
        let isFdatasync = counts["fdatasync"] != nil && counts["fsync"] == nil
        return "the run made " + most.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
            + (isFdatasync ? "; `sync` stands for each kind of sync" : "")
    }

    private func words(_ sync: Sync, _ record: Int) -> String {
        let path = pathSynced(by: record).map { $0.isEmpty ? "." : $0 } ?? ""
        switch sync {
        case .file(_, let dataOnly): return "\(dataOnly ? "fdatasync" : "fsync") \(path)"
        case .range(_, let range, _):
            return "synchronous write of \(path) [\(range.lowerBound), \(range.upperBound))"
        case .directory: return "fsync the directory \(path)"
        case .allocation: return "synchronous allocation in \(path)"
        case .everything: return "sync"
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
