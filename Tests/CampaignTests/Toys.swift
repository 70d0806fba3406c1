import Campaign
import Oracles

/// Stores with one planted bug each, and their correct twins.
enum Toys {
    /// A line that shows when it is not whole.
    static func line(_ text: String) -> String {
        "\(text) \(text.utf8.reduce(7) { ($0 &* 31 &+ Int($1)) % 99_991 })\n"
    }

    /// The whole lines at the beginning of a file.
    static func lines(_ text: String?) -> [String] {
        var found: [String] = []
        for part in (text ?? "").split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        {
            let words = part.split(separator: " ", omittingEmptySubsequences: false)
            let body = words.dropLast().joined(separator: " ")
            guard line(body) == part + "\n" else { break }
            found.append(body)
        }
        return found
    }

    /// The n-th name of its kind in one of the store's lives: `t1`, and `t7-1` in the seventh life after others.
    static func name(_ kind: String, _ number: Int, in disk: ToyDisk) -> String {
        disk.life == 0 ? "\(kind)\(number)" : "\(kind)\(disk.life)-\(number)"
    }

    static let readLog: @Sendable (ToyDisk) throws -> Void = { disk in
        for name in lines(disk.text("log")) { try disk.say("@saw \(name)") }
    }

    static let createLog: @Sendable (ToyDisk) throws -> Void = { try $0.create("log") }

    /// A line for each commit at the end of one file.
    static func log(_ commits: Int = 3) -> ToySubject {
        ToySubject(
            setUp: createLog,
            life: { disk in
                for commit in 1...commits {
                    let name = name("t", commit, in: disk)
                    try disk.say("@begin \(name)")
                    try disk.append("log", line(name))
                    try disk.sync("log")
                    try disk.say("@ack \(name)")
                }
            }, recovery: readLog)
    }

    /// A log that syncs after it has acknowledged.
    static func acknowledgesBeforeSync(_ commits: Int = 3) -> ToySubject {
        var toy = log()
        toy.life = { disk in
            for commit in 1...commits {
                let name = name("t", commit, in: disk)
                try disk.say("@begin \(name)")
                try disk.append("log", line(name))
                try disk.say("@ack \(name)")
                try disk.sync("log")
            }
        }
        return toy
    }

    /// A file for each commit, in a directory that is synced or not.
    static func files(_ commits: Int = 3, syncsDirectory: Bool) -> ToySubject {
        ToySubject(
            setUp: { try $0.makeDirectory("rows") },
            life: { disk in
                for commit in 1...commits {
                    let (name, key) = (name("t", commit, in: disk), name("k", commit, in: disk))
                    try disk.say("@begin \(name) \(key)=v")
                    try disk.create("rows/\(key)")
                    try disk.write("rows/\(key)", line("v"))
                    try disk.sync("rows/\(key)")
                    if syncsDirectory { try disk.syncDirectory("rows") }
                    try disk.say("@ack \(name)")
                }
            },
            recovery: { disk in
                for name in disk.names(in: "rows") {
                    // A file without its whole line was never acknowledged.
                    for value in lines(disk.text("rows/\(name)")) {
                        try disk.say("@saw \(name)=\(value)")
                    }
                }
            })
    }

    /// A file for each commit, on each machine in turn; their directories are never synced.
    static func machines(_ count: Int, commits: Int) -> ToySubject {
        let mounts = (1...count).map { "n\($0)" }
        return ToySubject(
            mounts: mounts,
            life: { disk in
                for commit in 0..<commits {
                    let (name, key) = (name("t", commit, in: disk), name("k", commit, in: disk))
                    let file = "\(mounts[commit % count])/\(key)"
                    try disk.say("@begin \(name) \(key)=v")
                    try disk.create(file)
                    try disk.write(file, line("v"))
                    try disk.sync(file)
                    try disk.say("@ack \(name)")
                }
            },
            recovery: { disk in
                for mount in mounts {
                    for name in disk.names(in: mount) {
                        for value in lines(disk.text("\(mount)/\(name)")) {
                            try disk.say("@saw \(name)=\(value)")
                        }
                    }
                }
            })
    }

    /// One file that is replaced by rename for each commit, written anew beside it.
    static func replacement(syncsFile: Bool, syncsDirectory: Bool = true) -> ToySubject {
        ToySubject(
            setUp: { disk in
                try disk.create("meta")
                try disk.write("meta", line("0"))
            },
            life: { disk in
                for commit in 1...2 {
                    let (name, value) = (name("t", commit, in: disk), 2 * disk.life + commit)
                    if disk.exists("meta.tmp") { try disk.unlink("meta.tmp") }
                    try disk.say("@begin \(name) value=\(value)")
                    try disk.create("meta.tmp")
                    try disk.write("meta.tmp", line("\(value)"))
                    if syncsFile { try disk.sync("meta.tmp") }
                    try disk.rename("meta.tmp", "meta")
                    if syncsDirectory { try disk.syncDirectory() }
                    try disk.say("@ack \(name)")
                }
            },
            recovery: { disk in
                guard let value = lines(disk.text("meta")).first else {
                    return try disk.say("@corrupt meta is not whole")
                }
                if value != "0" { try disk.say("@saw value=\(value)") }
            })
    }

    /// One page of 4096 bytes that is overwritten in place.
    static func page() -> ToySubject {
        ToySubject(
            setUp: { disk in
                try disk.create("page")
                try disk.write("page", [UInt8](repeating: 48, count: 4096))
            },
            life: { disk in
                for commit in 1...2 {
                    try disk.say("@begin t\(commit) value=\(commit)")
                    try disk.write("page", [UInt8](repeating: UInt8(48 + commit), count: 4096))
                    try disk.sync("page")
                    try disk.say("@ack t\(commit)")
                }
            },
            recovery: { disk in
                let bytes = disk.bytes("page") ?? []
                guard Set(bytes).count == 1, let value = bytes.first else {
                    return try disk.say("@corrupt page is not whole")
                }
                if value > 48 { try disk.say("@saw value=\(value - 48)") }
            })
    }

    /// A recovery that drops half a line from the end of the log, and, when it forgets, all the rest with it.
    static func repairingLog(forgets: Bool) -> ToySubject {
        var toy = log()
        toy.recovery = { disk in
            let names = lines(disk.text("log"))
            for name in names { try disk.say("@saw \(name)") }
            let whole = names.map { line($0).utf8.count }.reduce(0, +)
            guard disk.bytes("log")?.count ?? 0 > whole else { return }
            try disk.truncate("log", to: forgets ? 0 : UInt64(whole))
            try disk.sync("log")
        }
        return toy
    }

    /// Two clients with a log each; `b` never syncs, and `a` acknowledges in between.
    static func twoClients(bSyncs: Bool) -> ToySubject {
        ToySubject(
            setUp: { disk in
                try disk.create("a.log")
                try disk.create("b.log")
            },
            life: { disk in
                for commit in 1...2 {
                    try disk.say("@begin b/\(commit)")
                    try disk.append("b.log", line("b/\(commit)"))
                    if bSyncs { try disk.sync("b.log") }
                    try disk.say("@begin a/\(commit)")
                    try disk.append("a.log", line("a/\(commit)"))
                    try disk.sync("a.log")
                    try disk.say("@ack a/\(commit)")
                    try disk.say("@ack b/\(commit)")
                }
            },
            recovery: { disk in
                for name in lines(disk.text("a.log")) + lines(disk.text("b.log")) {
                    try disk.say("@saw \(name)")
                }
            })
    }

    /// Two files that change together, the second without a journal.
    static func transfer() -> ToySubject {
        ToySubject(
            setUp: { disk in
                for name in ["x", "y"] {
                    try disk.create(name)
                    try disk.write(name, line("10"))
                }
                try disk.say("@begin t0 x=10 y=10", "@ack t0")
            },
            life: { disk in
                try disk.say("@begin t1 x=09 y=11")
                try disk.write("x", line("09"))
                try disk.sync("x")
                try disk.write("y", line("11"))
                try disk.sync("y")
                try disk.say("@ack t1")
            },
            recovery: { disk in
                for name in ["x", "y"] {
                    for value in lines(disk.text(name)) { try disk.say("@saw \(name)=\(value)") }
                }
            })
    }

    /// A log whose last commit stays in a buffer of the program.
    static func keepsLastBack() -> ToySubject {
        var toy = log()
        toy.life = { disk in
            for commit in 1...3 {
                try disk.say("@begin t\(commit)")
                if commit < 3 {
                    try disk.append("log", line("t\(commit)"))
                    try disk.sync("log")
                }
                try disk.say("@ack t\(commit)")
            }
        }
        return toy
    }
}

extension Toys {
    /// A log whose commits wait in a buffer of the program until there are two.
    static func buffersTwo() -> ToySubject {
        var toy = log()
        toy.life = { disk in
            for pair in [1, 3] {
                for commit in [pair, pair + 1] { try disk.say("@begin t\(commit)") }
                try disk.say("@ack t\(pair)")
                try disk.append("log", line("t\(pair)") + line("t\(pair + 1)"))
                try disk.sync("log")
                try disk.say("@ack t\(pair + 1)")
            }
        }
        return toy
    }

    /// A log that is copied to another file and taken away before that one has its name.
    static func compacts() -> ToySubject {
        var toy = log()
        let life = toy.life
        toy.life = { disk in
            try life(disk)
            try disk.create("new")
            try disk.write("new", disk.text("log")!)
            try disk.sync("new")
            try disk.unlink("log")
            try disk.rename("new", "log")
            try disk.syncDirectory()
        }
        return toy
    }
}

extension Toys {
    /// Clients that write a file each and sync together: so much is at risk at a time that not every state can be tried.
    static func wide(_ rounds: Int = 3, clients: Int = 8, syncs: Bool = true) -> ToySubject {
        var toy = files(syncsDirectory: true)
        toy.life = { disk in
            for round in 1...rounds {
                let names = (1...clients).map { "k\(round * 100 + $0)" }
                for (client, name) in names.enumerated() {
                    try disk.say("@begin \(client)/\(round) \(name)=v")
                    try disk.create("rows/\(name)")
                    try disk.write("rows/\(name)", line("v"))
                }
                if syncs {
                    for name in names { try disk.sync("rows/\(name)") }
                    try disk.syncDirectory("rows")
                }
                for client in 0..<clients { try disk.say("@ack \(client)/\(round)") }
            }
        }
        return toy
    }
}

extension Toys {
    /// A log whose recovery folds it into a table.
    static func folding(inPlace: Bool) -> ToySubject {
        ToySubject(
            setUp: { disk in
                try disk.create("log")
                try disk.create("table")
                try disk.append("table", line("t0"))
                try disk.say("@begin t0", "@ack t0")
            },
            life: { disk in
                for commit in 1...2 {
                    let name = name("t", commit, in: disk)
                    try disk.say("@begin \(name)")
                    try disk.append("log", line(name))
                    try disk.sync("log")
                    try disk.say("@ack \(name)")
                }
            },
            recovery: { disk in
                let old = lines(disk.text("table"))
                let new = lines(disk.text("log")).filter { !old.contains($0) }
                for name in old + new { try disk.say("@saw \(name)") }
                guard disk.bytes("log")?.isEmpty == false else { return }
                let text = (old + new).map(line).joined()
                if inPlace {
                    try disk.truncate("table", to: 0)
                    try disk.append("table", text)
                    try disk.sync("table")
                } else {
                    // Not truncated: where half of the rename was lost, it is the table, too.
                    if disk.exists("tmp") { try disk.unlink("tmp") }
                    try disk.create("tmp")
                    try disk.append("tmp", text)
                    try disk.sync("tmp")
                    try disk.rename("tmp", "table")
                    try disk.syncDirectory()
                }
                try disk.truncate("log", to: 0)
                try disk.sync("log")
            })
    }
}
