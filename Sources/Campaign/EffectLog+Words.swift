import FileTree
import PowerLoss
import Recording

extension EffectLog {
    /// The record as a line: `rename meta.json.tmp -> meta.json`, `write log [0, 4096)`.
    package func words(_ record: Int) -> String {
        let (text, range) = request(record)
        return text + (range.map { "[\($0.lowerBound), \($0.upperBound))" } ?? "")
    }

    /// Equal for records that do the same to files of the same name pattern, wherever in the files. Causes and their fingerprints
    /// hold it.
    package func shape(of record: Int) -> String { NamePattern.of(request(record).text) }

    /// What the program called, without its arguments: `rename`.
    func verb(of record: Int) -> String { String(request(record).text.prefix { $0 != " " }) }

    /// What was asked, and of which bytes.
    private func request(_ record: Int) -> (text: String, range: Range<UInt64>?) {
        let path =
            firstEffect[record] < firstEffect[record + 1]
            ? paths[effects[firstEffect[record + 1] - 1].path] : ""
        switch operation(record) {
        case .create(_, _, let new): return ("\(Self.creation(new.kind)) \(path)", nil)
        case .createUnnamed: return ("create an unnamed file", nil)
        case .link: return ("link \(path)", nil)
        case .remove(_, let isDirectory):
            return ("\(isDirectory ? "rmdir" : "unlink") \(path)", nil)
        case .rename(_, _, let mode):
            let first = paths[effects[firstEffect[record]].path]
            return (
                mode == .exchange
                    ? "exchange \(path) <-> \(first)" : "rename \(path) -> \(first)", nil
            )
        case .write(_, let offset, let bytes, let origin):
            let what = origin == .dirtyPage ? "dirty page of" : "write"
            return ("\(what) \(path) ", offset..<offset + UInt64(bytes.count))
        case .setSize(_, let size): return ("truncate \(path) to \(size)", nil)
        case .allocate(_, let mode, let range):
            return ("\(mode == .punchHole ? "punch" : "allocate") \(path) ", range)
        case .setAttributes: return ("set attributes of \(path)", nil)
        case .setExtendedAttribute(_, let name, _):
            return ("set attribute \(name) of \(path)", nil)
        case .sync(let sync): return request(sync, record)
        case nil: break
        }
        switch recording[record].event {
        case .fault(let fault):
            if let sync = fault.sync { return request(sync, record) }
            return ("\(fault.operation) \(fault.path)", nil)
        default: return ("mark", nil)
        }
    }

    /// What the program asked for, the most frequent first: `the run made 40 write, 40 fdatasync, 1 create`.
    var requestsInWords: String {
        var counts: [String: Int] = [:]
        for record in 0..<recording.count where operation(record) != nil {
            let word = verb(of: record)
            counts[word == "synchronous" ? "synchronous write" : word, default: 0] += 1
        }
        let most = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(5)
        guard !most.isEmpty else { return "the run made no request that changes or syncs anything" }
        let isFdatasync = counts["fdatasync"] != nil && counts["fsync"] == nil
        return "the run made " + most.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
            + (isFdatasync ? "; `sync` stands for each kind of sync" : "")
    }

    private func request(_ sync: Sync, _ record: Int) -> (text: String, range: Range<UInt64>?) {
        let path = pathSynced(by: record).map { $0.isEmpty ? "." : $0 } ?? ""
        switch sync {
        case .file(_, let dataOnly): return ("\(dataOnly ? "fdatasync" : "fsync") \(path)", nil)
        case .range(_, let range, _): return ("synchronous write of \(path) ", range)
        case .directory: return ("fsync the directory \(path)", nil)
        case .allocation: return ("synchronous allocation in \(path)", nil)
        case .everything: return ("sync", nil)
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
