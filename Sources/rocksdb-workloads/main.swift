// RocksDB's workload. It is a program of its own, as its library takes long to load.
//
// Marks, exit status and actions are those of `engine-workloads`.
import Glibc
import WorkloadMarks

guard let action = Action(CommandLine.arguments.dropFirst()) else {
    printError("usage: rocksdb-workloads create|commit COUNT|read")
    exit(64)
}
do {
    try perform(
        action, RowsTask(width: 2, largestBody: 4000), on: RocksDB.self, firstStart: false)
} catch {
    printError("rocksdb-workloads: \(error)")
    exit(1)
}
