import FileTree
import TestSupport
import Testing

import struct SystemPackage.Errno

// Two implementations that share nothing but the vocabulary run the same random history. The tree under test lowers each
// operation to effects and applies them; the naive one does what the manual page says.
@Suite("Against a naive tree")
struct NaiveTreeTests {
    @Test("all effects in order give the naive tree; errors agree", arguments: Seed.first(200))
    func agrees(seed: Seed) throws {
        let history = OperationGenerator.history(seed: seed, count: 400)
        var tree = FileTree()
        tree.keep(history.bytes)
        var naive = NaiveTree()

        for (index, attempt) in history.attempts.enumerated() {
            var failure: Errno?
            do throws(Errno) {
                tree.apply(try tree.effects(of: attempt.operation))
            } catch {
                failure = error
            }
            guard failure == attempt.error else {
                Issue.record(
                    "#\(index) \(attempt.operation): \(failure as Any), not \(attempt.error as Any)"
                )
                return
            }
            try? naive.apply(attempt.operation)
            if index % 20 == 0 || index == history.attempts.count - 1 {
                guard let difference = TreeDump(tree).difference(from: TreeDump(naive)) else {
                    continue
                }
                Issue.record("after #\(index) \(attempt.operation): \(difference)")
                return
            }
        }

        #expect(tree.nextInode == naive.nextInode)
        for (number, node) in naive.nodes where node.kind == .regular {
            #expect(tree[number]?.content.allBytes == node.data)
        }
    }

    @Test("a history has enough of everything to be worth running")
    func variety() {
        var succeeded: [String: Int] = [:]
        var errors: Set<Errno> = []
        for seed in Seed.first(20) {
            for attempt in OperationGenerator.history(seed: seed, count: 400).attempts {
                let name = "\(attempt.operation)".prefix { $0 != "(" }
                if let error = attempt.error {
                    errors.insert(error)
                } else {
                    succeeded[String(name), default: 0] += 1
                }
            }
        }

        let names = [
            "create", "createUnnamed", "link", "remove", "rename", "write", "setSize", "allocate",
            "setAttributes", "setExtendedAttribute", "sync",
        ]
        for name in names { #expect(succeeded[name, default: 0] >= 50, "\(name)") }
        #expect(
            errors.isSuperset(of: [
                .fileExists, .noSuchFileOrDirectory, .notDirectory, .isDirectory,
                .directoryNotEmpty, .invalidArgument, .fileNameTooLong, .fileTooLarge,
                .notPermitted, .noData,
            ]))
    }
}
