import Testing

extension TheCommand {
    @Suite("An installation")
    struct AnInstallation {
        @Test(
            "finds its keeper, its catalogue and the programs of that, wherever it lies and however it is called"
        )
        func findsItsParts() throws {
            let bench = try Bench()
            try bench.install(calledBy: "sworn")

            let result = try bench.run(
                [
                    "run", "toy-ack-before-sync", "toy-ack-before-sync-fixed",
                    "--model", "ext4-ordered", "--budget", "300",
                ])

            #expect(result.status == 0, "\(result.text)")
            #expect(result.output.contains("2 workloads: 2 as expected"), "\(result.text)")
        }
    }
}
