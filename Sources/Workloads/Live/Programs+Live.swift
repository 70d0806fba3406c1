import Basics
import CSupport
import Glibc
import Stage

import struct SystemPackage.Errno

/// A store and its clients in a life that ends with a power loss.
extension Programs {
    private var seconds: Double { Double(workload.file.timeoutNanoseconds) / 1e9 }

    /// Starts the server, where there is one, and waits until it takes requests.
    ///
    /// - Returns: how it ended, when it did not become ready.
    func startServer(in life: Life, patience: Double) throws -> Life.Ended? {
        guard let server = workload.file.server else { return nil }
        let daemon = try life.start(try surroundings.resolve(server.command), marks: false)
        return try waitUntilReady(server, daemon, in: life, seconds: seconds * patience)
    }

    /// Runs the observer beside the server; what it prints is no part of the log.
    func observe(in life: Life, patience: Double) throws -> (ended: Life.Ended, output: [UInt8]) {
        let memory = perjury_memory_file("perjury-observed")
        guard memory >= 0 else {
            throw HarnessError(
                "making a place for the observer's output: \(Errno(rawValue: errno))")
        }
        let output = Descriptor(owning: memory)
        let command: [String]
        var input: Descriptor?
        switch workload.file.observer {
        case .command(let words), .check(let words): command = words
        case .serve(let words):
            command = words
            input = try directoryLine()
        }
        let id = try life.start(
            try surroundings.resolve(command), marks: false, input: input?.number,
            output: output.number)
        let ended = try life.wait(id, seconds: seconds * patience, interrupt: interrupt)
        return (ended, try Self.content(of: output.number))
    }

    private static func content(of file: CInt) throws -> [UInt8] {
        let size = lseek(file, 0, SEEK_END)
        guard size >= 0, size < 1 << 30 else {
            throw HarnessError("the observer printed more than 1 GiB")
        }
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            count = size == 0 ? 0 : max(0, pread(file, buffer.baseAddress, size, 0))
        }
    }

    /// Starts the clients.
    func startRun(in life: Life) throws -> Keeper.ProgramID {
        try life.start(try surroundings.resolve(workload.file.run))
    }
}
