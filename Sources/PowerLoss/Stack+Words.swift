// A stack described to a person: what `perjury show stack` prints.

extension Stack {
    /// The five levels between `write()` and a magnetised bit, each with what it does here.
    package var levels: [(level: String, text: String)] {
        [
            ("1 application buffer", "the program's own (stdio); lost when the process dies"),
            ("2 page cache", "survives the process, lost with the kernel; a sync moves bytes down"),
            (
                "3 filesystem",
                "the persistence model says what a sync covers, what is ordered, what is whole"
            ),
            (
                "4 virtualisation, RAID",
                ignoredFlushes == 0
                    ? "honest: passes flushes on"
                    : "passes flushes on (one that swallows them looks the same as level 5's lie)"
            ),
            ("5 drive cache and media", "\(flushWords); \(tearWords)"),
        ]
    }

    private var flushWords: String {
        guard ignoredFlushes > 0 else { return "honest: a flush empties the cache" }
        let which =
            switch ignoredFlushes {
            case 1: "the last of the \(ignores.rawValue)"
            case .max: "all \(ignores.rawValue)"
            default: "the last \(ignoredFlushes) \(ignores.rawValue)"
            }
        return "lies: \(which) before the power loss, answered and not done, "
            + (losesInOrder ? "lost from the end" : "lost in any order")
    }

    private var tearWords: String {
        let unit =
            atomicWrite > 0
            ? "\(atomicWrite) bytes that cross no multiple of it are written whole or not at all, others tear at \(atomicUnit)"
            : "\(atomicUnit) bytes are written whole or not at all"
        switch tears {
        case .clean: return unit
        case .shorn: return unit + "; the rest of what a torn write covers may be zeros or garbage"
        case .neighbours:
            return unit + "; a torn write may turn the rest of its 4096-byte sector into garbage"
        }
    }

    /// What can be promised on it, in words.
    package var permitsWords: String {
        switch permits {
        case .durability: "A store can be durable on it."
        case .prefix:
            "No store can be durable on it, but none has to lose what came before what it keeps: `durable` is judged as `prefix`, and what is lost is counted."
        case .nothing:
            "No store can keep a promise on it: outcomes are counted, unless a workload promises something for it."
        }
    }
}
