"""What a bundle that lies in one thing comes to: that check alone does not hold."""

from tacit.bundle import verify


def failing(data, **rest):
    return [row.check for row in verify(data, **rest).failures]


def only(data, check, reason, **rest):
    """Assert that `check` alone does not hold, and why."""
    report = verify(data, **rest)
    assert [row.check for row in report.failures] == [check], str(report)
    assert reason in report.failures[0].detail
    assert not report.holds
