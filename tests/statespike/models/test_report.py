"""The log of a training can be read back."""

import pytest

from statespike.models.report import LOG_EVERY, LearningCurve, TrainingReport, read_log


@pytest.mark.parametrize(
    ("batches", "losses"),
    [
        (2, ((1, 0.5), (2, 0.25))),
        (
            2 * LOG_EVERY + 50,
            ((0.4, 0.5), (0.8, 0.5), (1.4, 0.25), (1.8, 0.25)),
        ),
    ],
)
def test_a_log_gives_the_learning_curve_back(tmp_path, batches, losses):
    log = tmp_path / "some.log"
    with TrainingReport(log, False, 2, batches) as report:
        report.line("statespike train digits --epochs 2 --batch 32")
        for epoch, loss, accuracy in ((1, 0.5, 0.75), (2, 0.25, 0.875)):
            report.begin_epoch(epoch)
            for _ in range(batches):
                report.batch(loss)
            report.end_epoch(accuracy, 360, 100.0)
        assert read_log(log).test_accuracy is None
        report.end(1, 0.5, 400)
    assert read_log(log) == LearningCurve(losses, (0.75, 0.875), 0.5)


def test_a_log_without_validation_has_losses_alone(tmp_path):
    log = tmp_path / "some.log"
    with TrainingReport(log, False, 1, 1) as report:
        report.begin_epoch(1)
        report.batch(0.5)
        report.end_epoch(None, 0, 100.0)
    assert read_log(log) == LearningCurve(((1, 0.5),), (), None)


def test_an_older_log_watched_the_test_set(tmp_path):
    log = tmp_path / "old.log"
    log.write_text("epoch 1/1 training loss 0.5 test accuracy 0.75 (n = 360) 141 sequences/s\n")
    assert read_log(log) == LearningCurve(((1, 0.5),), (0.75,), 0.75)
