import Oracles
import Testing

/// Which line of a failing observer's log is shown.
@Suite("Why an observer failed")
struct ReasonTests {
    @Test(
        "the line that says it, not the last one",
        arguments: [
            ("", nil),
            ("\n \n", nil),
            ("opening\nno such store\n", "no such store"),
            (
                "-e:1:in `g': the file is empty (RuntimeError)\n\tfrom -e:1:in `<main>'\n",
                "-e:1:in `g': the file is empty (RuntimeError)"
            ),
            (
                "-e:1:in `g': the file is empty (RuntimeError)\nfrom -e:1:in `<main>'\n",
                "-e:1:in `g': the file is empty (RuntimeError)"
            ),
            (
                """
                Traceback (most recent call last):
                  File "see.py", line 3, in <module>
                    json.load(open(path))
                json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)
                """, "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)"
            ),
            (
                """
                Traceback (most recent call last):
                  File "see.py", line 3, in <module>
                    db = Store(path)
                StoreClosed: bad magic
                Exception ignored in: <function Store.__del__ at 0x7f0a>
                Traceback (most recent call last):
                  File "store.py", line 9, in __del__
                    self.file.close()
                AttributeError: 'Store' object has no attribute 'file'
                """, "StoreClosed: bad magic"
            ),
            (
                """
                Exception ignored in: <function Store.__del__ at 0x7f0a>
                Traceback (most recent call last):
                  File "store.py", line 9, in __del__
                AttributeError: 'Store' object has no attribute 'file'
                bad magic
                """, "bad magic"
            ),
            (
                """
                Exception in thread "main" java.io.IOException: cannot open
                \tat Store.open(Store.java:7)
                Caused by: java.util.zip.ZipException: zip END header not found
                \t... 3 more
                """, "Caused by: java.util.zip.ZipException: zip END header not found"
            ),
            (
                "panic: bad header\n\ngoroutine 1 [running]:\nmain.main()\n\t/x.go:4 +0x1\nexit status 2\n",
                "panic: bad header"
            ),
            (
                """
                thread 'main' panicked at src/main.rs:2:5:
                called `Option::unwrap()` on a `None` value
                note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
                """,
                "thread 'main' panicked at src/main.rs:2:5: called `Option::unwrap()` on a `None` value"
            ),
            (
                "/see.js:1\nthrow new Error('torn')\n^\n\nError: torn\n    at see.js:1:7\n\nNode.js v18.1\n",
                "Error: torn"
            ),
            ("error: page 3 is corrupt\nclosing the store\n", "error: page 3 is corrupt"),
            ("  only a frame\n", "  only a frame"),
        ])
    func reason(log: String, expected: String?) {
        var observation = Observation(outcome: .exited(1))
        observation.log = Array(log.utf8)

        #expect(observation.reason == expected)
    }
}
