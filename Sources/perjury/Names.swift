import Basics
import PowerLoss
import Reporting
import Workloads

/// Names that a person typed: models, stacks, workloads.
enum Names {
    /// `posix,xfs` and repeated options are the same; `all` is each that is built in; a path is a file of one's own.
    static func models(_ words: [String]) throws -> [PersistenceModel] {
        let (names, paths) = parted(words)
        return try chosen(names, kind: "model", among: PersistenceModel.all, name: \.name)
            + paths.map { try file($0, RuleFile.model) }
    }

    /// `all` leaves out the aliases: a file tree cannot tell them from others.
    static func stacks(_ words: [String]) throws -> [Stack] {
        let (names, paths) = parted(words)
        let known = Stack.all + Stack.aliases
        let all = names.contains("all") ? Stack.all : []
        return try all
            + chosen(names.filter { $0 != "all" }, kind: "stack", among: known, name: \.name)
            .filter { !all.contains($0) }
            + paths.map { try file($0, RuleFile.stack) }
    }

    /// The one model of this name, or in this file.
    static func model(_ word: String) throws -> PersistenceModel {
        try one(models([word]), word, "model")
    }

    static func stack(_ word: String) throws -> Stack {
        try one(stacks([word]), word, "stack")
    }

    private static func one<Item>(_ items: [Item], _ word: String, _ kind: String) throws -> Item {
        guard items.count == 1 else {
            throw Failure(.usage, "`\(word)` is not one \(kind): name one")
        }
        return items[0]
    }

    /// The rules of a model that is not built in but among what was asked for.
    static func ownModel(_ name: String, _ asked: [String]) throws -> RuleFields? {
        guard PersistenceModel.named(name) == nil else { return nil }
        return try models(asked).first { $0.name == name }?.fields
    }

    static func ownStack(_ name: String, _ asked: [String]) throws -> RuleFields? {
        guard Stack.named(name) == nil else { return nil }
        return try stacks(asked).first { $0.name == name }?.fields
    }

    private static func parted(_ words: [String]) -> (names: [String], paths: [String]) {
        let words = words.flatMap { $0.split(separator: ",").map(String.init) }
        let isPath = { (word: String) in word.contains("/") || word.hasSuffix(".yaml") }
        return (words.filter { !isPath($0) }, words.filter(isPath))
    }

    private static func file<Rules>(
        _ path: String, _ parse: ([UInt8], String) throws -> Rules
    ) throws -> Rules {
        let bytes = try Files.read(path, limit: WorkloadFile.sizeLimit)
        do { return try parse(bytes, path) } catch { throw Failure(.usage, "\(error)") }
    }

    /// In the order of `all`, each once.
    private static func chosen<Item>(
        _ words: [String], kind: String, among all: [Item], name: (Item) -> String
    ) throws -> [Item] {
        if words.contains("all") { return all }
        for word in words { try check(word, kind: kind, among: all.map(name)) }
        return all.filter { words.contains(name($0)) }
    }

    /// - Throws: a usage failure that names the nearest ones, when there is none of this name.
    static func check(
        _ word: String, kind: String, among known: [String], all: String? = nil
    ) throws {
        guard !known.contains(word) else { return }
        throw Failure(
            .usage,
            "there is no \(kind) `\(word)`"
                + NearestName.suggestion(for: word, among: known, all: all))
    }
}
