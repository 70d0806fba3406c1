import Basics
import FileTree
import Recording

import struct SystemPackage.Errno

/// Faults that the running program sees, by operation, path and occurrence, and syncs that are answered and not done.
///
/// Not for what a program cannot see (lost, torn, reordered writes): that is decided after the run, from the log.
package struct FaultPlan: Sendable {
    package struct Rule: Sendable, CustomStringConvertible {
        package let id: Int
        package let effect: Effect
        package let operations: OperationSet
        package let glob: PathGlob
        package let occurrence: Occurrence
        /// How many requests it was about.
        package fileprivate(set) var matched = 0
        package fileprivate(set) var fired = 0
        fileprivate var random: UInt64

        package var description: String {
            "\(effect) \(operations) \(glob) \(occurrence)"
        }
    }

    package enum Effect: Sendable, CustomStringConvertible {
        case fail(Errno, name: String)
        /// The request is done at once and answered so much later.
        case delay(nanoseconds: UInt64, text: String)
        /// At most so many bytes of a write are taken.
        case shorten(to: Int)
        /// A sync is answered and not done.
        case lie
        /// What is read has one bit turned over: bit rot.
        case flip
        /// What is read are the bytes one block further on: the write of them went to another place.
        case misplace

        package var description: String {
            switch self {
            case .fail(_, let name): name
            case .delay(_, let text): text
            case .shorten(let count): "short \(count)"
            case .lie: "lie"
            case .flip: "flip"
            case .misplace: "misplace"
            }
        }
    }

    package enum Occurrence: Sendable, CustomStringConvertible {
        case every
        /// Counted from 1; the others pass.
        case nth(Int)
        /// Drawn for each request from the seed.
        case chance(Int, of: Int, seed: UInt64)
        /// Nanoseconds since the mount began.
        case during(Range<UInt64>, text: String)
        /// While all files together hold so many bytes or more, in whole blocks: a filesystem that is full.
        case beyond(bytes: UInt64, text: String)

        package var description: String {
            switch self {
            case .every: "every"
            case .nth(let number): "nth \(number)"
            case .chance(let part, let whole, let seed): "chance \(part)/\(whole) seed \(seed)"
            case .during(_, let text), .beyond(_, let text): text
            }
        }
    }

    package private(set) var rules: [Rule] = []
    private var nextID = 1

    package init() {}

    package static let errors: [(name: String, error: Errno)] = [
        ("EIO", .ioError), ("ENOSPC", .noSpace), ("EROFS", .readOnlyFileSystem),
        ("EDQUOT", Errno(rawValue: 122)), ("EACCES", .permissionDenied),
        ("EINTR", .interrupted), ("ENOMEM", .noMemory),
    ]

    /// - Returns: the rule's number.
    package mutating func add(
        _ effect: Effect, _ operations: OperationSet, _ glob: PathGlob, _ occurrence: Occurrence
    ) -> Int {
        defer { nextID += 1 }
        var random: UInt64 = 0
        if case .chance(_, _, let seed) = occurrence { random = seed }
        rules.append(
            Rule(
                id: nextID, effect: effect, operations: operations, glob: glob,
                occurrence: occurrence, random: random))
        return nextID
    }

    /// - Returns: whether there was such a rule; nil removes all.
    package mutating func remove(_ id: Int?) -> Bool {
        let count = rules.count
        rules.removeAll { id == nil || $0.id == id }
        return id == nil || rules.count < count
    }

    /// What happens to a request that is about to be done: the first rule that fires decides; each counts it.
    ///
    /// - Parameters:
    ///   - time: nanoseconds since the mount began.
    ///   - used: bytes that all files hold.
    package mutating func verdict(
        _ kind: OperationKind, _ paths: [String], time: @autoclosure () -> UInt64,
        used: @autoclosure () -> UInt64
    ) -> Rule? {
        var found: Rule?
        for index in rules.indices {
            let rule = rules[index]
            guard rule.operations.contains(kind), rule.glob.matchesAny(paths) else { continue }
            rules[index].matched += 1
            guard found == nil, rules[index].fires(time, used) else { continue }
            rules[index].fired += 1
            found = rules[index]
        }
        return found
    }
}

extension FaultPlan.Rule {
    fileprivate mutating func fires(_ time: () -> UInt64, _ used: () -> UInt64) -> Bool {
        switch occurrence {
        case .every: return true
        case .nth(let number): return matched == number
        case .chance(let part, let whole, _):
            random = StableHash.mix(random &+ 0x9e37_79b9_7f4a_7c15, UInt64(matched))
            return Int(random % UInt64(whole)) < part
        case .during(let window, _): return window.contains(time())
        case .beyond(let bytes, _): return used() >= bytes
        }
    }
}

extension PathGlob {
    package func matchesAny(_ paths: [String]) -> Bool {
        paths.isEmpty ? description == "*" : paths.contains(where: matches)
    }
}
