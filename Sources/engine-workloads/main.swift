// The workloads of the catalogue whose stores are embedded engines: LMDB, LevelDB, Berkeley DB, GDBM,
// TDB. SQLite is in `store-workloads`, RocksDB in `rocksdb-workloads`: a program that loads fewer
// libraries starts sooner, and the reader is started hundreds of times.
//
// What it prints on stdout are the marks of `docs/workloads.md`; everything else goes to stderr.
// It exits 0 when it did what was asked, 1 when the store refused or failed, 64 when it was called
// wrongly.
import Glibc
import WorkloadMarks

let usage = """
    usage: engine-workloads STORE [first-start] ACTION

    STORE is lmdb, lmdb-nosync, lmdb-bank, lmdb-clients, leveldb, berkeleydb, gdbm-sync or tdb.
    ACTION is create, commit COUNT or read. With first-start, commit makes the store, and read takes
    none for an empty one. The data directory is $PERJURY_DIR.
    """

func run(_ arguments: [String]) throws {
    var words = arguments
    guard let store = words.first else { exitWithUsage() }
    words.removeFirst()
    let firstStart = words.first == "first-start"
    if firstStart { words.removeFirst() }
    if store == "lmdb-clients", words.first == "client", words.count == 3,
        let client = Int(words[1]), let count = Int(words[2])
    {
        return try perform(
            .commit(count: count), ClientTask(client: client), on: LMDB.self, firstStart: false)
    }
    guard let action = Action(words[...]) else { exitWithUsage() }
    let rows = RowsTask(width: 2, largestBody: 4000)
    switch store {
    case "lmdb": try perform(action, rows, on: LMDB.self, firstStart: firstStart)
    case "lmdb-nosync": try perform(action, rows, on: UnsyncedLMDB.self, firstStart: firstStart)
    case "lmdb-bank": try perform(action, BankTask(), on: LMDB.self, firstStart: firstStart)
    case "lmdb-clients":
        if case .commit(let count) = action {
            try runClients { ["lmdb-clients", "client", "\($0)", "\(count)"] }
        } else {
            try perform(action, ClientTask(client: 0), on: LMDB.self, firstStart: firstStart)
        }
    case "leveldb": try perform(action, rows, on: LevelDB.self, firstStart: firstStart)
    case "berkeleydb": try perform(action, rows, on: BerkeleyDB.self, firstStart: firstStart)
    case "gdbm-sync":
        try perform(
            action, RowsTask(width: 1, largestBody: 1000), on: GDBM.self, firstStart: firstStart)
    case "tdb":
        try perform(
            action, RowsTask(width: 2, largestBody: 400), on: TDB.self, firstStart: firstStart)
    default: exitWithUsage()
    }
}

func exitWithUsage() -> Never {
    printError(usage)
    exit(64)
}

do {
    try run(Array(CommandLine.arguments.dropFirst()))
} catch {
    printError("engine-workloads: \(error)")
    exit(1)
}
