import WorkloadMarks

/// One row per commit: new rows, now and then an update, a delete, and a row that is larger than a
/// page and so needs overflow pages. Rows are large enough that pages split within a short run.
enum RowsWorkload: SQLiteWorkload {
    static func create(_ database: Connection) throws -> Change? {
        try database.run("create table kv (key text primary key, value text not null, body blob)")
        return nil
    }

    static func change(
        _ number: Int, _ database: Connection
    ) throws -> (change: Change, apply: () throws -> Void) {
        if number % 7 == 0 {
            // Never a multiple of five: those keys do not exist, as the next case shows.
            let key = "k\((number - 1) % 5 == 0 ? number - 2 : number - 1)"
            let change = Change(name: "t\(number)", writes: [(key, "")])
            return (change, { try database.run("delete from kv where key = ?", [.text(key)]) })
        }
        let key = "k\(number % 5 == 0 ? number - 3 : number)"
        let value = "v\(number)"
        let change = Change(name: "t\(number)", writes: [(key, value)])
        return (
            change,
            {
                try database.run(
                    "insert into kv values (?1, ?2, ?3)"
                        + " on conflict (key) do update set value = ?2, body = ?3",
                    [.text(key), .text(value), .blob(body(of: value, number))])
            }
        )
    }

    static func list(_ database: Connection) throws {
        for row in try database.run("select key, value, body from kv order by key") {
            let (key, value) = (row[0], row[1])
            Marks.saw(key: key, value: value)
            guard let number = Int(value.dropFirst()),
                row[2] == String(decoding: body(of: value, number), as: UTF8.self)
            else {
                Marks.corrupt("row \(key): the body is not that of \(value)")
                continue
            }
        }
    }

    /// The body that belongs to a value. Reading compares it, so the marks need not carry it.
    private static func body(of value: String, _ number: Int) -> [UInt8] {
        let size = number % 9 == 4 ? 6000 : 120 + number * 37 % 300
        let pattern = Array("\(value) ".utf8)
        return (0..<size).map { pattern[$0 % pattern.count] }
    }
}
