import Glibc
import TestSupport

/// What /proc knows of processes and mounts, of all namespaces.
enum Leftovers {
    /// Processes, but this one, with the marker in their command line or environment.
    static func processes(marker: String) -> [String] {
        numbers.filter { isMarked($0, marker) }.map { number in
            let state = text("/proc/\(number)/stat").split(separator: " ").prefix(4)
            return "\(state.joined(separator: " ")) \(commandLine(number))"
        }
    }

    /// Those of them that run a program of this name.
    static func numbers(marker: String, program: String) -> [pid_t] {
        numbers.filter { isMarked($0, marker) && commandLine($0).contains(program) }
    }

    /// Mount namespaces, but our own, that marked processes are in.
    static func mountNamespaces(marker: String) -> Set<String> {
        let own = namespace("self")
        return Set(
            numbers.filter { isMarked($0, marker) }.map { namespace("\($0)") }.filter {
                !$0.isEmpty && $0 != own
            })
    }

    /// FUSE mounts that a process sees which is in one of the namespaces.
    ///
    /// - Parameter bornBefore: clock ticks since boot; younger processes do not count, as the number of a namespace that is
    ///   gone may be given to a new one.
    static func mounts(in namespaces: Set<String>, bornBefore: Int) -> [String] {
        guard !namespaces.isEmpty else { return [] }
        return numbers.filter { number in
            namespaces.contains(namespace("\(number)")) && birth(number) < bornBefore
        }.flatMap { fuseMounts(of: "\($0)") }
    }

    /// Lines of a process's mountinfo that are FUSE mounts of perjury.
    static func fuseMounts(of process: String) -> [String] {
        text("/proc/\(process)/mountinfo").split(separator: "\n").filter {
            $0.contains(" - fuse perjury ")
        }.map(String.init)
    }

    /// Since boot, as in /proc/PID/stat.
    static var clockTicks: Int {
        var now = timespec()
        clock_gettime(CLOCK_BOOTTIME, &now)
        let ticks = sysconf(CInt(_SC_CLK_TCK))
        return now.tv_sec * ticks + now.tv_nsec * ticks / 1_000_000_000 + 1
    }

    private static func birth(_ number: pid_t) -> Int {
        // The command's name, in parentheses, may hold anything.
        let stat = text("/proc/\(number)/stat")
        guard let end = stat.lastIndex(of: ")") else { return .max }
        let fields = stat[end...].split(separator: " ")
        return fields.count > 20 ? Int(fields[20]) ?? .max : .max
    }

    private static var numbers: [pid_t] {
        guard let directory = opendir("/proc") else { return [] }
        defer { closedir(directory) }
        var numbers: [pid_t] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let number = pid_t(name), number != getpid() { numbers.append(number) }
        }
        return numbers
    }

    private static func isMarked(_ number: pid_t, _ marker: String) -> Bool {
        text("/proc/\(number)/environ").contains(marker)
            || text("/proc/\(number)/cmdline").contains(marker)
    }

    private static func commandLine(_ number: pid_t) -> String {
        text("/proc/\(number)/cmdline").split(separator: "\0").joined(separator: " ")
    }

    static func namespace(_ process: String) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            let count = readlink("/proc/\(process)/ns/mnt", buffer.baseAddress!, 63)
            guard count > 0 else { return "" }
            buffer[count] = 0
            return String(cString: buffer.baseAddress!)
        }
    }

    /// Files of /proc say that they are empty, so they are read to their end.
    private static func text(_ path: String) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(file, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
