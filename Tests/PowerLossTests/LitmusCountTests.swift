import PowerLoss
import TestSupport
import Testing

/// How much each model allows after each row: a model that allows everything would agree with all that was ever seen.
@Suite("Litmus: how many states")
struct LitmusCountTests {
    @Test("the table in docs/litmus.md is true")
    func table() throws {
        let models = PersistenceModel.all
        var text = """
            # Litmus: states that each model allows

            How many different trees each model allows when the power goes after the row's last call, with atomic units of 2,048
            bytes. Rows are those of `LitmusTests`; `posix` allows at least what every filesystem's model allows, and `in-order`
            only what a shorter run leaves. `make documents` writes this file; `LitmusCountTests` compares it.

            | row | \(models.map { "`\($0.name)`" }.joined(separator: " | ")) |
            |---|\(String(repeating: "---|", count: models.count))

            """
        for row in LitmusTests.rows {
            let counts = models.map { "\(row.allowed($0, unit: 2048).count)" }
            let name = row.name.replacing("|", with: "\\|")
            text += "| \(name) | \(counts.joined(separator: " | ")) |\n"
        }
        let written = try MadeDocument("docs/litmus.md").whole(made: text)
        for (line, other) in zip(text.split(separator: "\n"), written.split(separator: "\n")) {
            #expect(line == other)
        }
        #expect(text == written)
    }

    /// What xfstests asks of every filesystem.
    @Test("ext4 keeps its promises whatever its options", arguments: Litmus.promises)
    func options(row: Litmus) throws {
        guard case .only(let text) = row.states[.ext4] else { return }
        let allowed = Litmus.split(text)
        for model in [
            PersistenceModel.ext4NoAutoDaAlloc, .ext4NoDelayedAllocation, .ext4Writeback,
            .ext4Journal,
        ] {
            let more = row.allowed(model).subtracting(allowed).sorted()
            #expect(more.isEmpty, "\(model.name) allows \(more.prefix(6))")
        }
    }
}
