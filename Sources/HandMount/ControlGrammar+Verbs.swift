import ArgumentParser
import FuseMount
import Recording
import Reporting

extension ControlGrammar {
    struct Pending: Verb {
        static let configuration = CommandConfiguration(
            commandName: "pending",
            abstract: "what is at risk: bytes, truncations, names, by file")

        func command() -> Command { .pending }
    }

    // MARK: Cuts

    struct Cut: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "cut", abstract: "the power goes, programs stay",
            subcommands: [Worst.self, Seed.self, Plan.self])

        struct Worst: Verb {
            static let configuration = CommandConfiguration(
                commandName: "worst",
                abstract: "the power goes, programs stay; all is lost that can be")

            func command() -> Command { .cut(.worst) }
        }

        struct Seed: Verb {
            static let configuration = CommandConfiguration(
                commandName: "seed", abstract: "what is lost is drawn from the seed")

            @Argument(help: ArgumentHelp(valueName: "N")) var seed: String

            func command() throws(Refusal) -> Command { .cut(.seed(try Words.seed(seed))) }
        }

        /// Over the socket comes the plan itself, which the client has read.
        struct Plan: Verb {
            static let configuration = CommandConfiguration(
                commandName: "plan", abstract: "as a plan, or the plan of a finding, has it")

            @Argument(help: ArgumentHelp(valueName: "FILE")) var plan: String

            func command() throws(Refusal) -> Command {
                do {
                    let json = try JSON(parsing: Array(plan.utf8))
                    return .cut(.plan(try FindingFile.plan(json["plan"] ?? json)))
                } catch {
                    throw Refusal("the plan cannot be read: \(error)")
                }
            }
        }
    }

    // MARK: Arms

    struct Arm: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "arm", abstract: "something happens at an operation to come",
            subcommands: [Cut.self, Fault.self])

        struct Cut: ParsableCommand {
            static let configuration = CommandConfiguration(
                commandName: "cut", abstract: "the power goes at an operation",
                subcommands: [Worst.self, Seed.self])
        }

        struct Worst: Verb {
            static let configuration = CommandConfiguration(
                commandName: "worst",
                abstract: "the power goes before or after the Nth operation")

            @OptionGroup var place: Place

            func command() throws(Refusal) -> Command { try place.command(.cut(.worst)) }
        }

        struct Seed: Verb {
            static let configuration = CommandConfiguration(
                commandName: "seed", abstract: "the same, with what the seed draws")

            @Argument(help: ArgumentHelp(valueName: "N")) var seed: String
            @OptionGroup var place: Place

            func command() throws(Refusal) -> Command {
                try place.command(.cut(.seed(try Words.seed(seed))))
            }
        }

        /// The operation at which the power goes.
        struct Place: ParsableArguments {
            @Argument(help: ArgumentHelp("When, seen from it.", valueName: "before|after"))
            var moment: String
            @Argument(
                help: ArgumentHelp("any, sync, name, or one kind.", valueName: "OPERATION"))
            var operation: String
            @Argument(help: ArgumentHelp("Paths below the mount.", valueName: "GLOB"))
            var glob: String?
            @Argument(help: ArgumentHelp("Which of the matching ones.", valueName: "N"))
            var number: String?

            func command(_ action: Session.Armed.Action) throws(Refusal) -> Command {
                guard let moment = Interception.Moment(rawValue: moment) else {
                    throw Words.wrong(moment, "before or after")
                }
                var words = Words([operation])
                let operations = try words.operations()
                if moment == .after {
                    for kind in [OperationKind.open, .read, .readdir]
                    where operations.contains(kind) {
                        throw Refusal(
                            "nothing changes after \(kind.rawValue): say before, or name an operation that is recorded"
                        )
                    }
                }
                return .arm(
                    action, moment, operations, glob.map(PathGlob.init) ?? .everything,
                    number: try Words.which(number))
            }
        }

        struct Fault: Verb {
            static let configuration = CommandConfiguration(
                commandName: "fault", abstract: "one fault, at the Nth operation",
                usage: "perjury ctl DIR arm fault WHAT OPERATION [GLOB [N]]",
                discussion: vocabulary)

            @Argument(help: "What is made of the operation, which operation, where.")
            var words: [String] = []

            func command() throws(Refusal) -> Command {
                var words = Words(words)
                let effect = try words.effect()
                let operations = try words.operations()
                let glob = words.next().map(PathGlob.init) ?? .everything
                let number = try Words.which(words.next())
                try words.expectEnd()
                return .arm(.fault(effect), .before, operations, glob, number: number)
            }
        }
    }

    struct Disarm: Verb {
        static let configuration = CommandConfiguration(
            commandName: "disarm", abstract: "takes back what was armed")

        @Argument(help: ArgumentHelp(valueName: "ID|all")) var which: String

        func command() throws(Refusal) -> Command { .disarm(try Words.idOrAll(which)) }
    }

    struct Wait: Verb {
        static let configuration = CommandConfiguration(
            commandName: "wait", abstract: "until what was armed has happened",
            usage: "perjury ctl DIR wait [ID] [within DURATION]")

        @Argument(help: "Which, if not the first to come; and how long at most.")
        var words: [String] = []

        func command() throws(Refusal) -> Command {
            var words = Words(words)
            var id: Int?
            if let word = words.first, word != "within" {
                id = try Words.number(word, "an ID")
                _ = words.next()
            }
            let seconds = try words.within()
            try words.expectEnd()
            return .wait(id, seconds: seconds)
        }
    }

    // MARK: Faults

    struct Fault: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "fault", abstract: "makes operations fail, late or wrong",
            subcommands: [Make.self, Clear.self], defaultSubcommand: Make.self)

        struct Make: Verb {
            static let configuration = CommandConfiguration(
                abstract: "makes operations fail, late or wrong; alone: lists them",
                usage: "perjury ctl DIR fault [WHAT OPERATION [GLOB] [WHEN]]",
                discussion: "`fault clear ID|all` takes faults away.\n\n" + vocabulary,
                shouldDisplay: false)

            @Argument(help: "What is made of which operations, where and when.")
            var words: [String] = []

            func command() throws(Refusal) -> Command {
                guard !words.isEmpty else { return .faults }
                var words = Words(words)
                let fault = try words.fault()
                try words.expectEnd()
                return .fault(fault.effect, fault.operations, fault.glob, fault.occurrence)
            }
        }

        struct Clear: Verb {
            static let configuration = CommandConfiguration(
                commandName: "clear", abstract: "takes a fault away, or all")

            @Argument(help: ArgumentHelp(valueName: "ID|all")) var which: String

            func command() throws(Refusal) -> Command { .clearFault(try Words.idOrAll(which)) }
        }
    }

    struct Lie: Verb {
        static let configuration = CommandConfiguration(
            commandName: "lie", abstract: "syncs are answered and cover nothing")

        @Argument(help: ArgumentHelp("Asks, if it is left out.", valueName: "on|off"))
        var state: String?

        func command() throws(Refusal) -> Command {
            guard let state else { return .lie(nil) }
            guard ["on", "off"].contains(state) else { throw Words.wrong(state, "on or off") }
            return .lie(state == "on")
        }
    }

    // MARK: The tree and the log

    struct Checkpoint: Verb {
        static let configuration = CommandConfiguration(
            commandName: "checkpoint", abstract: "everything becomes durable")

        func command() -> Command { .checkpoint }
    }

    struct Evict: Verb {
        static let configuration = CommandConfiguration(
            commandName: "evict",
            abstract: "the page cache forgets what a failed sync left in it")

        @Argument(help: ArgumentHelp("Every file, if it is left out.", valueName: "PATH"))
        var path: String?

        func command() -> Command { .evict(path) }
    }

    struct Log: Verb {
        static let configuration = CommandConfiguration(
            commandName: "log", abstract: "the latest records")

        @Argument(help: ArgumentHelp("All, if it is left out.", valueName: "COUNT"))
        var count: String?

        func command() throws(Refusal) -> Command {
            guard let count else { return .log(limit: .max) }
            return .log(limit: try Words.number(count, "a count"))
        }
    }

    struct Save: Verb {
        static let configuration = CommandConfiguration(
            commandName: "save", abstract: "the recording of this life and of the one before")

        @Argument(help: ArgumentHelp(valueName: "DIR")) var folder: String

        func command() -> Command { .save(folder) }
    }

    struct Quit: Verb {
        static let configuration = CommandConfiguration(
            commandName: "quit", abstract: "unmounts")

        func command() -> Command { .quit }
    }
}
