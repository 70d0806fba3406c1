import Campaign
import FileTree
import Oracles
import PowerLoss
import Recording
import Reporting
import Testing

@Suite("Text report")
struct TextReportTests {
    private func body(_ workloads: WorkloadReport..., style: TextStyle = TextStyle(hasTimes: false))
        -> String
    {
        TextReport(Samples.campaign(workloads), style: style).body
    }

    /// Below each table.
    private let legend = """
        planned: crash states that were judged; distinct: different trees among them; observed: recoveries
        that were run for them, as equal trees are recovered once for all models.
        """

    @Test("on a narrow terminal rows are folded at one column, and nothing of them is lost")
    func folds() {
        let report = Samples.campaign([Samples.unexpected])
        let wide = TextReport(report, style: TextStyle(width: 80)).body.split(separator: "\n")
        for width in [40, 62, 80, 100, 150, 200] {
            let style = TextStyle(width: width, foldsTables: true)
            let lines = TextReport(report, style: style).body.split(separator: "\n")
            let end = lines.firstIndex { $0.hasPrefix("planned:") }!

            #expect(lines[..<end].allSatisfy { $0.count <= max(width, 40) }, "\(width)")
            func words(_ lines: some Sequence<Substring>) -> [Substring] {
                lines.flatMap { $0.split(separator: " ") }
            }
            #expect(words(lines[..<end]) == words(wide[..<3]), "\(width)")
        }
    }

    @Test("what a program printed stands on lines of its own")
    func output() {
        var report = Samples.holding
        report.notes = [.observerSaid("bad magic\n\u{1B}gone\n"), .text("no output: a\nb")]

        #expect(
            body(report).contains(
                #"""
                Notes
                  sqlite: the observer said
                    | bad magic
                    | \x1bgone
                  sqlite: no output: a\nb

                """#))
    }

    @Test("the summary says which of what holds was tried least")
    func leastTried() {
        var report = Samples.holding
        report.models.append(Samples.model("xfs", .holds))
        report.models[1].crashPoints = 13
        report.models[1].shapes = 9
        report.models[1].shapesInAll = 9

        let text = body(report).replacing("\n", with: " ")

        #expect(
            text.contains(
                "The least tried of what holds: sqlite under xfs, at 13 of 413 crash points, 9 of 9 shapes."
            ))
        report.models[0].exhaustive = true
        report.models[1].exhaustive = true
        #expect(body(report).contains("What holds was tried at every crash point.\n"))
    }

    @Test("of several workloads the summary names those that are not as expected")
    func named() {
        var unknown = Samples.workload("unknown", models: [])
        unknown.inconclusive = "no mount"

        let text = body(Samples.holding, Samples.unexpected, unknown)

        #expect(text.contains("\nnot as expected: tiny-queue\ninconclusive: unknown\n"))
        #expect(!body(Samples.holding, Samples.holding).contains("not as expected:"))
    }

    @Test("the header says what is about to be done")
    func header() {
        #expect(
            TextReport(Samples.campaign([])).header == """
                perjury 0.1.0: seed 1; models each workload's own; stacks honest; ending power-loss; budget 20 s a
                               workload

                """)
    }

    @Test("a violation that nobody expected is told in full, its log escaped")
    func unexpected() {
        #expect(
            body(Samples.unexpected) == #"""
                workload    model         verdict               crash points  planned  distinct  observed  states
                tiny-queue  ext4-ordered  violated lost-commit       412/413    5,210     1,804       212  not exhaustive  NOT EXPECTED; expected: holds
                            xfs           holds                      412/413    5,210     1,804       212  exhaustive      as expected
                \#(legend)

                NOT EXPECTED: tiny-queue: lost-commit under ext4-ordered
                  promise          durable
                  power lost       after record 411 of 412
                  acknowledged     3 transactions by then; 2 of them seen after recovery
                  what happened    c3 was acknowledged at #410, but it was not seen
                  culprits         #409 rename meta.json.tmp -> meta.json: lost the name
                  what is missing  fsync the directory index/ after #409 and before acknowledging c3
                  shown by         17 states
                  replay           perjury replay perjury-out/findings/tiny-queue-ext4-ordered-1.json
                  the observer's log
                    | opening
                    | \x1b[31mred

                1 workload: 0 as expected, 1 NOT AS EXPECTED. 10,420 states judged by 424 observations.
                What holds was tried at every crash point.
                Exit status 1: a violation that was not expected, or an expected one that was not found.

                """#)
    }

    @Test("expected violations are told shortly, once for the models that show the same")
    func expected() {
        #expect(
            body(Samples.expected) == """
                workload    model         verdict               crash points  planned  distinct  observed  states
                toy-rename  posix         violated lost-commit       412/413    5,210     1,804       212  not exhaustive  as expected
                            ext4-ordered  violated lost-commit       412/413    5,210     1,804       212  not exhaustive  as expected
                            xfs           violated lost-commit       412/413    5,210     1,804       212  not exhaustive  as expected
                \(legend)

                Violations, all as expected
                  toy-rename: lost-commit under posix, ext4-ordered, 34 states
                    c3 was acknowledged at #410, but it was not seen
                    #409 rename meta.json.tmp -> meta.json: lost the name
                    missing: fsync the directory index/ after #409 and before acknowledging c3
                    perjury replay perjury-out/findings/tiny-queue-posix-1.json
                  toy-rename: lost-commit under xfs, 17 states
                    c3 was acknowledged at #410, but it was not seen
                    #5 write b [0, 4): lost data
                    missing: fsync the directory index/ after #409 and before acknowledging c3
                    perjury replay perjury-out/findings/tiny-queue-xfs-1.json
                    1 more with other culprits, in the JSON report

                1 workload: 1 as expected. 15,630 states judged by 636 observations.
                Exit status 0: every workload came out as it expects.

                """)
    }

    @Test("a violation of another kind than the named ones is not expected")
    func otherKind() {
        var report = Samples.expected
        report.findings.append(Samples.finding(.corrupt, model: "posix"))
        report.models[0] = Samples.model(
            "posix", .violated, expects: .violates([.lostCommit]), kinds: [.corrupt, .lostCommit])

        let text = body(report)

        #expect(text.contains("NOT EXPECTED: toy-rename: corrupt under posix\n"))
        #expect(text.contains("NOT EXPECTED; expected: violates lost-commit\n"))
        #expect(text.contains("  toy-rename: lost-commit under posix, ext4-ordered, 34 states\n"))
    }

    @Test("an expected violation that was not found is told with what was tried")
    func notFound() {
        let text = body(
            Samples.workload(
                "toy", models: [Samples.model("xfs", .holds, expects: .violates([.corrupt]))]))

        #expect(
            text.contains(
                """
                NOT EXPECTED: toy: no violation under xfs
                  expected         violates corrupt
                  tried            5,210 states at 412 of 413 crash points: not exhaustive, a larger budget may find
                                   it

                """))
        #expect(text.hasSuffix("expected one that was not found.\n"))
    }

    @Test("what could not be found out has its sentence, and notes are told once")
    func inconclusive() {
        var first = Samples.workload("first", models: [])
        first.inconclusive = "nothing was acknowledged\u{7}"
        first.notes = [.text("sync() was not seen")]
        var second = Samples.workload(
            "second",
            models: [
                Samples.model("xfs", .inconclusive("flaky")),
                Samples.model("btrfs", .inconclusive("flaky")),
            ])
        second.notes = first.notes

        let text = body(first, second)

        #expect(
            text.hasSuffix(
                #"""
                Inconclusive
                  first: nothing was acknowledged\x07
                  second under xfs, btrfs: flaky

                Notes
                  first, second: sync() was not seen

                2 workloads: 0 as expected, 2 inconclusive. 10,420 states judged by 424 observations.
                inconclusive: first, second
                Exit status 2: something could not be found out.

                """#))
    }

    @Test("on a stack that lies outcomes are counted, not judged")
    func counted() {
        var model = Samples.model("xfs", nil, stack: "lying-flush")
        model.outcomes = [.silentLoss: 1200, .none: 3]

        let text = body(Samples.workload("sqlite", models: [model]))

        #expect(text.contains("xfs/lying-flush  counted"))
        #expect(text.contains("  sqlite under xfs/lying-flush: no loss 3, silent loss 1,200\n"))
        #expect(text.hasSuffix("Exit status 0: every workload came out as it expects.\n"))
    }

    @Test("what a stack permits of a promise is called the same in every table")
    func judgedAs() {
        var models: [ModelReport] = []
        for stack in ["honest", "lying-flush-in-order", "lying-flush"] {
            models.append(Samples.model("xfs", .holds, stack: stack))
        }
        models[1].judgedAs = "prefix"
        models[1].outcomes = [.silentLoss: 176, .none: 3]
        var campaign = Samples.campaign([Samples.workload("sqlite", models: models)])
        campaign.stacks = ["honest", "lying-flush-in-order", "lying-flush"]

        let text = TextReport(campaign, style: TextStyle(hasTimes: false)).body

        #expect(text.contains("xfs/lying-flush-in-order  holds prefix "), "\(text)")
        #expect(text.contains("  xfs    holds  holds prefix  holds\n"), "\(text)")
        #expect(
            text.contains(
                "sqlite under xfs/lying-flush-in-order (holds prefix): no loss 3, silent loss 176"))
        #expect(!text.contains(" prefix:"))
    }

    @Test("what a weaker promise permits is not called no loss")
    func countedByAWeakerPromise() {
        var model = Samples.model("xfs", nil, stack: "lying-flush")
        model.outcomes = [.none: 3]
        var workload = Samples.workload("sqlite", models: [model])
        workload.promise = "prefix"

        #expect(body(workload).contains("no loss that prefix forbids 3\n"))
    }

    @Test(
        "a process kill shows what loses nothing, in the first power loss and in those during recovery"
    )
    func processKill() throws {
        var report = Samples.unexpected
        report.findings[0].plan = CrashPlan(crashPoint: 9, lost: [])
        #expect(body(report).contains("after record 9 of 412 (a process kill shows it, too)\n"))

        let recording = try RecordingWriter(
            arena: Arena(memoryLimit: 1 << 20), base: FileTree(), storesBase: false, nonce: 1
        ).recording()
        let plan = CrashPlan(crashPoint: 3, lost: [EffectID(record: 2, index: 0)])
        report.findings[0].recoveries = [
            RecoveryCut(recording: recording, plan: plan, treeHash: 1)
        ]
        #expect(body(report).contains("after record 9 of 412\n"))
    }

    @Test("a finding takes 15 lines at most: first its log is cut, then its culprits")
    func length() {
        var report = Samples.unexpected
        report.findings[0].explanation.lost = (1...9).map {
            Samples.lost($0, "write log [0, 9)", .size(beyond: nil))
        }
        report.findings[0].explanation.kept = Step(10, Call("create CURRENT"))
        report.findings[0].evidence.log = (1...40).map { "line \($0)\n" }.joined()

        let text = body(report)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            .drop { !$0.hasPrefix("NOT EXPECTED: tiny") }.prefix { !$0.isEmpty }

        #expect(lines.count == 15)
        #expect(lines.contains("                   and 6 more"))
        #expect(lines.contains("  kept             #10 create CURRENT"))
        #expect(lines.contains("  the last 1 line of the observer's log"))
        #expect(lines.last == "    | line 40")
    }

    @Test("colours are nothing but colours")
    func colours() {
        let plain = body(Samples.unexpected, Samples.expected)
        let coloured = body(
            Samples.unexpected, Samples.expected,
            style: TextStyle(hasColours: true, hasTimes: false))

        #expect(!plain.contains("\u{1B}"))
        #expect(coloured.contains("\u{1B}"))
        #expect(coloured.replacing(#/\u{1B}\[[0-9;]*m/#, with: "") == plain)
    }

    @Test("1 outranks 2, an interruption both")
    func exitStatus() {
        var unknown = Samples.workload("unknown", models: [])
        unknown.inconclusive = "no mount"

        #expect(Samples.campaign([Samples.holding]).exitStatus == .asExpected)
        #expect(Samples.campaign([Samples.holding, unknown]).exitStatus == .inconclusive)
        #expect(Samples.campaign([unknown, Samples.unexpected]).exitStatus == .unexpected)
        #expect(Samples.campaign([]).exitStatus == .inconclusive)
        var interrupted = Samples.campaign([Samples.unexpected])
        interrupted.isInterrupted = true
        #expect(interrupted.exitStatus == .interrupted)
    }
}

@Suite("Reports for programs")
struct MachineReportTests {
    @Test("the JSON report has its fields in their order")
    func json() {
        var report = Samples.unexpected
        report.models.removeLast()
        report.findings[0].evidence.log = ""
        let cause = Cause(.lostCommit, [.content("meta.json")], isInRecovery: false)
        report.findings[0].cause = cause

        #expect(
            JSONReport(Samples.campaign([report])).text == """
                {
                  "perjury": "0.1.0",
                  "format": 1,
                  "seed": 1,
                  "ending": "power-loss",
                  "budget": "20 s a workload",
                  "workloads": [
                    {
                      "name": "tiny-queue",
                      "promise": "durable",
                      "verdict": "violated",
                      "expected": false,
                      "records": 412,
                      "effects": 830,
                      "acknowledged": 50,
                      "about": "A tiny queue",
                      "inconclusive": null,
                      "notes": [],
                      "recording": null,
                      "models": [
                        {
                          "model": "ext4-ordered",
                          "stack": "honest",
                          "verdict": "violated",
                          "expected": "holds",
                          "asExpected": false,
                          "inconclusive": null,
                          "kinds": ["lost-commit"],
                          "crashPoints": 412,
                          "crashPointsInAll": 413,
                          "crashPointShapes": 0,
                          "crashPointShapesInAll": 0,
                          "statesPlanned": 5210,
                          "statesDistinct": 1804,
                          "statesObserved": 212,
                          "exhaustive": false,
                          "outcomes": {},
                          "seconds": 3.1
                        }
                      ],
                      "findings": [
                        {
                          "violation": "lost-commit",
                          "model": "ext4-ordered",
                          "stack": "honest",
                          "crashPoint": 411,
                          "lost": ["#409 rename meta.json.tmp -> meta.json: lost the name"],
                          "torn": [
                            {"effect": "409.1", "kept": 5}
                          ],
                          "acknowledged": 3,
                          "seen": 2,
                          "count": 17,
                          "summary": "c3 was acknowledged at #410, but it was not seen",
                          "advice": "fsync the directory index/ after #409 and before acknowledging c3",
                          "log": "",
                          "plan": "findings/tiny-queue-ext4-ordered-1.json",
                          "replay": "perjury replay perjury-out/findings/tiny-queue-ext4-ordered-1.json",
                          "fingerprint": "\(cause.fingerprint)",
                          "cause": ["content meta.json"],
                          "asExpected": false,
                          "known": null
                        }
                      ],
                      "seconds": 4.0
                    }
                  ],
                  "skipped": [],
                  "interrupted": false,
                  "exitStatus": 1,
                  "seconds": 12.34
                }

                """)
    }

    @Test("without times, reports of equal runs are equal bytes; with them, they are JSON, too")
    func times() throws {
        let workloads = [Samples.unexpected, Samples.expected, Samples.holding]
        var slow = Samples.campaign(workloads)
        slow.seconds = 99
        for index in slow.workloads.indices {
            slow.workloads[index].seconds = 50
            for model in slow.workloads[index].models.indices {
                slow.workloads[index].models[model].seconds = 7
            }
        }

        let text = JSONReport(Samples.campaign(workloads), hasTimes: false).text

        #expect(text == JSONReport(slow, hasTimes: false).text)
        #expect(text != JSONReport(slow).text)
        #expect(try JSON(parsing: Array(JSONReport(slow).text.utf8))["seed"] == .integer(1))
        let style = TextStyle(hasTimes: false)
        #expect(
            TextReport(Samples.campaign(workloads), style: style).text
                == TextReport(slow, style: style).text)
        #expect(
            JUnitReport(Samples.campaign(workloads), hasTimes: false).text
                == JUnitReport(slow, hasTimes: false).text)
    }

    @Test("JUnit: a failure for what was not expected, an error for what could not be found out")
    func junit() {
        var unknown = Samples.workload("a<b", models: [])
        unknown.inconclusive = "no \"mount\""
        var failing = Samples.unexpected
        failing.findings[0].path = nil

        #expect(
            JUnitReport(Samples.campaign([failing, unknown])).text == """
                <?xml version="1.0" encoding="UTF-8"?>
                <testsuites name="perjury 0.1.0" tests="3" failures="1" errors="1" time="12.340">
                  <testsuite name="tiny-queue" tests="2" failures="1" errors="0" time="4.000">
                    <testcase classname="perjury.tiny-queue" name="ext4-ordered" time="3.100">
                      <failure type="unexpected" message="violated lost-commit; expected: holds">5,210 states at 412 of 413 crash points, not exhaustive
                lost-commit: c3 was acknowledged at #410, but it was not seen
                  #409 rename meta.json.tmp -&gt; meta.json: lost the name
                  missing: fsync the directory index/ after #409 and before acknowledging c3</failure>
                    </testcase>
                    <testcase classname="perjury.tiny-queue" name="xfs" time="3.100">
                      <system-out>5,210 states at 412 of 413 crash points, exhaustive</system-out>
                    </testcase>
                  </testsuite>
                  <testsuite name="a&lt;b" tests="1" failures="0" errors="1" time="4.000">
                    <testcase classname="perjury.a&lt;b" name="recording" time="0.000">
                      <error type="inconclusive" message="no &quot;mount&quot;"></error>
                    </testcase>
                  </testsuite>
                </testsuites>

                """)
    }
}

@Suite("Progress")
struct ProgressTests {
    private func update(_ line: inout ProgressLine, now: Double) -> String? {
        line.update(
            workload: "sqlite", phase: "exploring", planned: 1204, observed: 1, findings: 0,
            now: now)
    }

    @Test("plain lines come at most every two seconds")
    func plain() {
        var line = ProgressLine(isTerminal: false, width: 80, total: 3)

        #expect(
            update(&line, now: 10)
                == "[1/3] sqlite: exploring, 1,204 states, 1 observation, 0 findings\n")
        #expect(update(&line, now: 11.9) == nil)
        #expect(update(&line, now: 12) != nil)
        #expect(
            line.finish(Samples.holding)
                == "[1/3] sqlite: as expected, 5,210 states, 0 findings\n")
        #expect(update(&line, now: 14)?.hasPrefix("[2/3]") == true)
    }

    @Test("on a terminal one line is drawn again, no longer than the terminal is wide")
    func terminal() {
        var line = ProgressLine(isTerminal: true, width: 20, total: 1)

        #expect(update(&line, now: 0) == "\r\u{1B}[K[1/1] sqlite: explo")
        #expect(line.clear() == "\r\u{1B}[K")
        #expect(line.clear() == "")
    }
}
