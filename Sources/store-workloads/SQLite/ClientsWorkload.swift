import WorkloadMarks

/// Three processes on one database: each transaction writes a key of its client and two that all clients write.
enum ClientsWorkload: SQLiteWorkload {
    /// Which client this process is; nil in the one that starts them, and in readers.
    nonisolated(unsafe) static var client: Int?

    static func create(_ database: Connection) throws -> Change? {
        try database.run("create table kv (key text primary key, value text not null)")
        return nil
    }

    static func change(
        _ number: Int, _ database: Connection
    ) throws -> (change: Change, apply: () throws -> Void) {
        let change = ClientTask(client: client ?? 0).change(number)
        return (
            change,
            {
                for (key, value) in change.writes {
                    try database.run(
                        "insert into kv values (?1, ?2)"
                            + " on conflict (key) do update set value = ?2",
                        [.text(key), .text(value)])
                }
            }
        )
    }

    static func list(_ database: Connection) throws {
        let rows = try database.run("select key, value from kv order by key")
            .map { (key: $0[0], value: $0[1]) }
        for row in rows { Marks.saw(key: row.key, value: row.value) }
        ClientTask(client: 0).check(rows) { Marks.corrupt($0) }
    }
}
