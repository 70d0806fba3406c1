import Glibc
import Reporting

/// Standard output and standard error, written at once and whole.
enum Console {
    static func out(_ text: String) { write(text, to: STDOUT_FILENO) }

    static func error(_ text: String) { write(text, to: STDERR_FILENO) }

    /// Where a text goes.
    enum Output {
        case output, error

        var descriptor: CInt { self == .output ? STDOUT_FILENO : STDERR_FILENO }
    }

    /// A report goes to a file, or to standard output.
    static func report(_ text: String, to path: String) throws {
        if Files.isStandardOutput(path) { return out(text) }
        try Files.writeReport(text, to: path)
    }

    static func write(_ text: String, to output: Output) { write(text, to: output.descriptor) }

    private static func write(_ text: String, to file: CInt) {
        var text = text
        text.withUTF8 { buffer in
            var done = 0
            while done < buffer.count {
                let count = Glibc.write(file, buffer.baseAddress! + done, buffer.count - done)
                if count < 0 && errno != EINTR { return }
                done += max(0, count)
            }
        }
    }

    /// Whether a person sees what goes to standard error.
    static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// How reports look there.
    static func style(_ output: Output) -> TextStyle {
        let isTerminal = isatty(output.descriptor) == 1
        let isPlain = getenv("NO_COLOR") != nil || getenv("TERM").map { strcmp($0, "dumb") } == 0
        return TextStyle(
            width: isTerminal ? width(output.descriptor) : 100, foldsTables: isTerminal,
            hasColours: isTerminal && !isPlain)
    }

    /// Progress for `total` workloads, as it looks on standard error here.
    static func progress(total: Int) -> ProgressLine {
        ProgressLine(
            isTerminal: isatty(STDERR_FILENO) == 1, width: width(STDERR_FILENO), total: total)
    }

    private static func width(_ file: CInt) -> Int {
        var size = winsize()
        guard ioctl(file, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 100 }
        return Int(size.ws_col)
    }
}
