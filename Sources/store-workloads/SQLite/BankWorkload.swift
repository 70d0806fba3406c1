import WorkloadMarks

/// Money moving between eight accounts: each transaction writes two account rows and a transfer
/// row. The accounts lie on several pages, so a transaction that was applied in part shows as a
/// wrong sum.
enum BankWorkload: SQLiteWorkload {
    private static let accounts = 0..<8
    private static let openingBalance = 100

    static func create(_ database: Connection) throws -> Change? {
        try database.run(
            "create table account (id integer primary key, balance integer not null,"
                + " changed_by text not null, note blob)")
        try database.run("create table transfer (id integer primary key, what text not null)")
        try database.run("begin immediate")
        for account in accounts {
            try database.run(
                "insert into account values (?, ?, 't0', ?)",
                [.integer(account), .integer(openingBalance), .blob(note(of: account))])
        }
        try database.run("commit")
        return Change(
            name: "t0", writes: accounts.map { ("a\($0)", value(openingBalance, by: "t0")) })
    }

    static func change(
        _ number: Int, _ database: Connection
    ) throws -> (change: Change, apply: () throws -> Void) {
        let name = "t\(number)"
        let source = number * 3 % accounts.count
        let target = (source + 1 + number % 5) % accounts.count
        let amount = 1 + number % 7
        let transfer = "a\(source)-a\(target):\(amount)"
        let sourceBalance = try balance(of: source, database) - amount
        let targetBalance = try balance(of: target, database) + amount
        let change = Change(
            name: name,
            writes: [
                ("a\(source)", value(sourceBalance, by: name)),
                ("a\(target)", value(targetBalance, by: name)), ("x\(number)", transfer),
            ])
        return (
            change,
            {
                for (account, balance) in [(source, sourceBalance), (target, targetBalance)] {
                    try database.run(
                        "update account set balance = ?, changed_by = ? where id = ?",
                        [.integer(balance), .text(name), .integer(account)])
                }
                try database.run(
                    "insert into transfer values (?, ?)", [.integer(number), .text(transfer)])
            }
        )
    }

    static func list(_ database: Connection) throws {
        var sum = 0
        for row in try database.run("select id, balance, changed_by from account order by id") {
            guard let balance = Int(row[1]) else {
                Marks.corrupt("account \(row[0]): the balance is not a number")
                continue
            }
            Marks.saw(key: "a\(row[0])", value: value(balance, by: row[2]))
            sum += balance
        }
        for row in try database.run("select id, what from transfer order by id") {
            Marks.saw(key: "x\(row[0])", value: row[1])
        }
        let expected = accounts.count * openingBalance
        if sum != expected { Marks.corrupt("sum is \(sum), not \(expected)") }
    }

    private static func balance(of account: Int, _ database: Connection) throws -> Int {
        let rows = try database.run(
            "select balance from account where id = ?", [.integer(account)])
        guard let text = rows.first?.first, let balance = Int(text) else {
            throw StoreError("account \(account) is not there")
        }
        return balance
    }

    /// A balance with the name of its writer: balances repeat, values in marks must not.
    private static func value(_ balance: Int, by name: String) -> String { "\(name):\(balance)" }

    /// Ballast that puts four accounts on a page.
    private static func note(of account: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(ascii: "a") + UInt8(account), count: 900)
    }
}
