import Glibc
import TestSupport

/// Makes inputs and runs them until the time is over.
struct FuzzWorker {
    private let options: FuzzOptions
    private let shared: SharedInput

    init(_ options: FuzzOptions, _ shared: SharedInput) {
        self.options = options
        self.shared = shared
    }

    func run() {
        let target = options.targets[0].make()
        var random = TestRandom(seed: Seed(options.seed))
        let end = now() + options.seconds
        var done: UInt64 = 0
        while shared.count < options.inputs {
            if done & 63 == 0 && now() >= end { return }
            let input = target.mutated(&random)
            shared.hold(input) { target.run($0) }
            shared.count += target.weight(input)
            done += 1
        }
    }
}

/// Starts a process for each target, waits for it, and keeps what it died of.
struct FuzzParent {
    private let options: FuzzOptions
    /// Seconds that one input may take.
    private static let patience = 20.0
    /// Inputs of one target that are kept; then the next target has its turn.
    private static let most = 10

    init(_ options: FuzzOptions) {
        self.options = options
    }

    /// - Returns: whether nothing was found.
    func run() -> Bool {
        var kept = 0
        for target in options.targets { kept += run(target) }
        return kept == 0
    }

    private func run(_ target: FuzzKind) -> Int {
        let shared = SharedInput(descriptor: nil)
        let begin = now()
        var kept = 0
        var seed = options.seed
        while kept < Self.most {
            let left = options.seconds - (now() - begin)
            guard left > 0, shared.count < options.inputs else { break }
            guard let end = runWorker(target, seed, left, shared) else { break }
            let path = "\(options.keepFolder)/\(target.name)-\(seed)-\(kept).input"
            keep(shared.bytes, path)
            say("\(target.name): \(end), seed \(seed), \(shared.count) inputs; kept: \(path)")
            say("    repeat with: perjury-fuzz --repeat \(path) \(target.name)")
            kept += 1
            seed = seed &* 31 &+ 1_000_003
        }
        let seconds = now() - begin
        let rate = Int(Double(shared.count) / max(seconds, 0.001))
        say(
            "\(target.name): \(shared.count) inputs, seed \(options.seed), \(Int(seconds)) s, "
                + "\(rate) a second, \(kept) kept")
        return kept
    }

    /// - Returns: how the process ended when that was not in order.
    private func runWorker(
        _ target: FuzzKind, _ seed: UInt64, _ seconds: Double, _ shared: SharedInput
    ) -> String? {
        let words = [
            "/proc/self/exe", "--worker", "9", "--seed", "\(seed)", "--seconds", "\(seconds)",
            "--inputs", "\(options.inputs)", target.name,
        ]
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, shared.descriptor, 9)
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process = pid_t()
        // A trap prints its reason, and with it a trace that takes longer than the rest.
        setenv("SWIFT_BACKTRACE", "enable=no", 1)
        check(posix_spawn(&process, words[0], &actions, nil, &arguments, environ) == 0)
        var status: CInt = 0
        var pulse = shared.pulse
        var since = now()
        while true {
            let ended = waitpid(process, &status, WNOHANG)
            if ended == process { break }
            usleep(20_000)
            if shared.pulse != pulse {
                pulse = shared.pulse
                since = now()
            } else if now() - since > Self.patience {
                kill(process, SIGKILL)
                waitpid(process, &status, 0)
                return "no end after \(Int(Self.patience)) s"
            }
        }
        if status == 0 { return nil }
        return status & 0x7f != 0 ? "signal \(status & 0x7f)" : "status \(status >> 8)"
    }

    private func keep(_ bytes: [UInt8], _ path: String) {
        guard let file = fopen(path, "w") else { return }
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
    }
}
