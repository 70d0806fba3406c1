import CSQLite
import Glibc
import WorkloadMarks

/// A way to use SQLite that can be committed to, read back and checked.
protocol SQLiteWorkload {
    /// Makes the tables. What the change writes is there from the start.
    static func create(_ database: Connection) throws -> Change?

    /// The writes of the transaction with this number, counted from 1, and the call that makes them,
    /// inside an open transaction.
    static func change(
        _ number: Int, _ database: Connection
    ) throws -> (change: Change, apply: () throws -> Void)

    /// Prints `@saw` for everything that is there, and `@corrupt` where rows contradict each other.
    static func list(_ database: Connection) throws
}

/// Journal mode and synchronous setting of a database.
struct SQLiteSettings {
    let journal: String
    let synchronous: String

    /// Nil when the words name no journal mode or setting.
    init?(journal: String, synchronous: String) {
        guard ["wal", "delete"].contains(journal),
            ["off", "normal", "full", "extra"].contains(synchronous)
        else { return nil }
        self.journal = journal
        self.synchronous = synchronous
    }

    /// The number by which `pragma synchronous` answers.
    var synchronousLevel: String {
        switch synchronous {
        case "off": "0"
        case "normal": "1"
        case "full": "2"
        default: "3"
        }
    }
}

/// `sqlite [bank|clients] JOURNAL SYNC [first-start] ACTION`
func runSQLite(_ arguments: ArraySlice<String>) throws {
    var words = Array(arguments)
    var workload: any SQLiteWorkload.Type = RowsWorkload.self
    if words.first == "bank" {
        words.removeFirst()
        workload = BankWorkload.self
    } else if words.first == "clients" {
        words.removeFirst()
        workload = ClientsWorkload.self
        if let client = words.first.flatMap({ Int($0) }) {
            words.removeFirst()
            ClientsWorkload.client = client
        }
    }
    guard words.count >= 3, let settings = SQLiteSettings(journal: words[0], synchronous: words[1])
    else { exitWithUsage() }
    let isFirstStart = words[2] == "first-start"
    guard let action = Action(words[(isFirstStart ? 3 : 2)...]) else { exitWithUsage() }
    let path = try dataDirectory() + "/store.db"
    switch action {
    case .create: try create(workload, path, settings)
    case .commit(let count):
        if isFirstStart { try create(workload, path, settings) }
        if workload == ClientsWorkload.self, ClientsWorkload.client == nil {
            try runClients { client in
                ["sqlite", "clients", "\(client)", settings.journal, settings.synchronous]
                    + ["commit", "\(count)"]
            }
        } else {
            try commit(workload, path, settings, count)
        }
    case .read:
        // Nothing was promised before the first commit: neither the file nor its table needs to be there.
        if isFirstStart, access(path, F_OK) != 0 { return Marks.end() }
        try read(workload, path)
    }
}

private func create(
    _ workload: any SQLiteWorkload.Type, _ path: String, _ settings: SQLiteSettings
) throws {
    let database = try Connection(path: path, flags: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)
    try database.set("journal_mode", to: settings.journal)
    let initial = try workload.create(database)
    try database.close()
    if let initial {
        Marks.begin(initial)
        Marks.acknowledge(initial)
    }
}

private func commit(
    _ workload: any SQLiteWorkload.Type, _ path: String, _ settings: SQLiteSettings, _ count: Int
) throws {
    let database = try Connection(path: path, flags: SQLITE_OPEN_READWRITE)
    try database.set("journal_mode", to: settings.journal)
    try database.set("synchronous", to: settings.synchronousLevel)
    // Other clients may be committing.
    try database.run("pragma busy_timeout = 10000")
    if settings.journal == "wal" {
        // The default, 1,000 pages, would need some 300 commits for one checkpoint. With 40 a run
        // has a few, after which the log starts again over its old frames.
        try database.set("wal_autocheckpoint", to: "40")
    }
    for number in numbers(count) {
        try database.run("begin immediate")
        let (change, apply) = try workload.change(number, database)
        Marks.begin(change)
        do {
            try apply()
        } catch {
            try database.run("rollback")
            Marks.abort(change)
            throw error
        }
        do {
            try database.run("commit")
        } catch {
            Marks.unknown(change)
            throw error
        }
        Marks.acknowledge(change)
    }
    try database.close()
}

private func read(_ workload: any SQLiteWorkload.Type, _ path: String) throws {
    let database = try Connection(path: path, flags: SQLITE_OPEN_READWRITE)
    // The first statement runs SQLite's recovery; an error here is a database that does not open.
    let complaints = try database.run("pragma integrity_check").map { $0[0] }
    for complaint in complaints where complaint != "ok" { Marks.corrupt(complaint) }
    let tables = try database.run("select count(*) from sqlite_master")
    do {
        // Without a table nothing was made yet: what was promised is missed by whoever reads this.
        if tables != [["0"]] { try workload.list(database) }
    } catch {
        // It opened, but its pages cannot be read: the listing is as complete as it will be.
        Marks.corrupt("\(error)")
    }
    Marks.end()
    try database.close()
}
