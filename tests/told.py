"""What the proofs of a run counted, said at its end: a proof that looked at nothing proves nothing.

A test notes its counts with pytest's ``record_property``; counts of one name are added up over the
cases of a test, which may have run in several processes.
"""

from collections import defaultdict
from typing import Any

Counts = dict[str, dict[str, Any]]


def counted(reports: list[Any]) -> Counts:
    """Return what the tests noted, by test and name; what is no number stays as it was last."""
    found: Counts = defaultdict(dict)
    for report in reports:
        test = report.nodeid.partition("[")[0]
        for name, value in report.user_properties:
            known = found[test].get(name)
            adds = isinstance(value, int | float) and known is not None
            found[test][name] = known + value if adds else value
    return found


def tell(terminalreporter: Any) -> None:
    """Print the counts under a heading of their own."""
    reports = [
        each
        for outcome in ("passed", "failed")
        for each in terminalreporter.stats.get(outcome, [])
        if each.when == "call"
    ]
    found = counted(reports)
    if found:
        terminalreporter.section("counted")
    for test, values in sorted(found.items()):
        terminalreporter.line(test.rpartition("::")[2].removeprefix("test_").replace("_", " "))
        for name, value in values.items():
            terminalreporter.line(
                f"    {name}: {value:,}" if isinstance(value, int) else f"    {name}: {value}"
            )
