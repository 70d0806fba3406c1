import Basics
import Campaign
import FileTree
import PowerLoss
import Recording
import Reporting

/// What the next power loss could take, per file: bytes, truncations, names, attributes.
struct PendingReport {
    let text: String
    let json: JSON

    private struct File {
        let path: String
        var lines: [String] = []
        var effects: [JSON] = []
    }

    init(_ recording: Recording, _ model: PersistenceModel, _ stack: Stack) throws {
        let log = try EffectLog(recording)
        let storage = Storage(log: log, model: model, stack: stack)
        var files: [File] = []
        var places: [String: Int] = [:]
        let pending = storage.pending(at: storage.lastCrashPoint)
        for index in pending.effects {
            let logged = log.effects[index]
            let path = log.paths[logged.path]
            let place = places[path] ?? files.count
            if place == files.count {
                places[path] = place
                files.append(File(path: path))
            }
            let record = logged.id.record
            let (kind, words, more) = Self.words(logged.effect.change)
            files[place].lines.append(
                "  \(Escaped.line(log.step(record).words)): \(words)")
            files[place].effects.append(
                .object(
                    [
                        .init("id", .string(logged.id.description)),
                        .init("operation", .string("\(log.call(record))")),
                        .init("kind", .string(kind)),
                    ] + more))
        }
        files.sort { $0.path < $1.path }
        var lines: [String] = []
        for file in files {
            lines.append(file.path.isEmpty ? "(the root)" : Escaped.line(file.path))
            lines += file.lines
        }
        let count = pending.effects.count
        let head =
            count == 0
            ? "nothing is at risk under \(model.name)/\(stack.name)"
            : "\(count) effects on \(files.count) paths are at risk under \(model.name)/\(stack.name)"
        text = ([head] + lines).joined(separator: "\n")
        json = .object([
            .init("model", .string(model.name)), .init("stack", .string(stack.name)),
            .init("records", .number(recording.count)), .init("atRisk", .number(count)),
            .init(
                "files",
                .array(
                    files.map {
                        .object([
                            .init("path", .string($0.path)), .init("effects", .array($0.effects)),
                        ])
                    })),
        ])
    }

    /// The kind of a change, the change in words, and its numbers.
    private static func words(_ change: Effect.Change) -> (String, String, [JSON.Member]) {
        func range(_ low: UInt64, _ high: UInt64) -> [JSON.Member] {
            [.init("from", .number(low)), .init("to", .number(high))]
        }
        let size = UInt64(Block.size)
        switch change {
        case .birth: return ("birth", "its birth", [])
        case .data(let block, let part, _):
            let low = block * size + UInt64(part.lowerBound)
            let high = block * size + UInt64(part.upperBound)
            return ("data", "bytes [\(low), \(high))", range(low, high))
        case .zero(let block, let part):
            let low = block * size + UInt64(part.lowerBound)
            let high = block * size + UInt64(part.upperBound)
            return ("zero", "zeros in [\(low), \(high))", range(low, high))
        case .punch(let blocks, _):
            let low = blocks.lowerBound * size
            let high = blocks.upperBound.multipliedReportingOverflow(by: size).partialValue
            return ("hole", "a hole [\(low), \(high))", range(low, high))
        case .grow(let end): return ("size", "size \(end)", [.init("to", .number(end))])
        case .setSize(let end):
            return ("truncation", "truncation to \(end)", [.init("to", .number(end))])
        case .name(_, let isPresent):
            return isPresent ? ("name", "the name", []) : ("removal", "the removal of the name", [])
        case .attributes: return ("attributes", "attributes", [])
        case .extendedAttribute(let name, _):
            return ("attribute", "attribute \(Escaped.line(name.description))", [])
        }
    }
}
