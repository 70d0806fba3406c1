import ArgumentParser
import PowerLoss
import Reporting
import Workloads

struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Print a workload, a persistence model or a stack.",
        usage: """
            perjury show WORKLOAD
            perjury show model NAME|FILE
            perjury show stack NAME|FILE
            """)

    @Argument(help: "A workload; or `model` or `stack` and a name.")
    var what: [String]

    @OptionGroup var places: PlaceOptions

    func run() throws {
        switch (what.first, what.count) {
        case ("model", 2):
            for model in try Names.models([what[1]]) { show(model) }
        case ("stack", 2):
            for stack in try Names.stacks([what[1]]) { show(stack) }
        case ("model", 1):
            for model in PersistenceModel.all { Console.out("\(model.name): \(model.about)\n") }
        case ("stack", 1):
            for stack in Stack.all + Stack.aliases {
                let alias = stack.aliasOf.map { " (the same as \($0))" } ?? ""
                Console.out("\(stack.name): \(stack.about)\(alias)\n")
            }
        case (_, 1): Console.out(WorkloadText(try Wiring.workloads(what, places)[0]).text)
        default:
            throw Failure(
                .usage,
                "show a workload, `model NAME` or `stack NAME`; not "
                    + "`\(what.joined(separator: " "))`")
        }
    }

    private func show(_ model: PersistenceModel) {
        Console.out("\(model.name): \(model.about)\n\n")
        for rule in UniversalRule.table {
            line(rule.number, rule.sentence, "guaranteed")
            Console.out("          \(rule.source)\n")
        }
        for rule in PersistenceModel.table {
            line(rule.number, rule.sentence, rule.words(in: model.rules))
            Console.out("          \(rule.key)  |  \(model.origin ?? rule.source)\n")
        }
        Console.out(
            "\nEach rule, its key in files of your own, sources and tests: docs/models.md\n")
    }

    private func line(_ number: String, _ sentence: String, _ answer: String) {
        let sentences = UniversalRule.table.map(\.sentence) + PersistenceModel.table.map(\.sentence)
        let width = sentences.map(\.count).max() ?? 0
        let rule = number + String(repeating: " ", count: 5 - number.count)
        let space = String(repeating: " ", count: width - sentence.count)
        Console.out("  \(rule) \(sentence)\(space)  \(answer)\n")
    }

    private func show(_ stack: Stack) {
        Console.out("\(stack.name): \(stack.about)\n\n")
        for level in stack.levels {
            let space = String(repeating: " ", count: 24 - level.level.count)
            Console.out("  \(level.level)\(space)  \(level.text)\n")
        }
        Console.out("\n\(stack.permitsWords)\n")
        if let alias = stack.aliasOf {
            Console.out("To a file tree it is the same as `\(alias)`.\n")
        }
        if !stack.source.isEmpty { Console.out("Source: \(stack.source).\n") }
    }
}
