// The workloads of the catalogue that need a program of their own: SQLite, and the toy stores.
//
// What it prints on stdout are the marks of `docs/workloads.md`; everything else goes to stderr.
// It exits 0 when it did what was asked, 1 when the store refused or failed, 64 when it was called
// wrongly.
import Glibc
import WorkloadMarks

let usage = """
    usage: store-workloads sqlite JOURNAL SYNC ACTION         one row per commit
           store-workloads sqlite JOURNAL SYNC first-start ACTION   the run makes the database
           store-workloads sqlite clients JOURNAL SYNC ACTION three processes, shared keys
           store-workloads sqlite bank JOURNAL SYNC ACTION    money moving between eight accounts
           store-workloads toy NAME buggy|fixed ACTION        a small store, its planted bug or its twin
           store-workloads toys                               the names of the toys

    JOURNAL is wal or delete; SYNC is off, normal, full or extra.
    ACTION is create, commit COUNT or read. The data directory is $PERJURY_DIR.
    """

func exitWithUsage() -> Never {
    printError(usage)
    exit(64)
}

func run(_ arguments: ArraySlice<String>) throws {
    guard let subject = arguments.first else { exitWithUsage() }
    let rest = arguments.dropFirst()
    switch subject {
    case "sqlite": try runSQLite(rest)
    case "toy": try runToy(rest)
    case "toys": for toy in toys { print(toy.name) }
    default: exitWithUsage()
    }
}

do {
    try run(CommandLine.arguments.dropFirst())
} catch {
    printError("store-workloads: \(error)")
    exit(1)
}
